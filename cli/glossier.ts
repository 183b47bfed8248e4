#!/usr/bin/env -S node --max-semi-space-size=4 --v8-pool-size=1
/**
 * The command `glossier`: parses, hands over to the command's file, and turns errors into one line and an exit code.
 *
 * The flags above, which Dockerfile, the examples of deployment and publish-child.ts repeat: a young generation of 4 MB, as a worker's batches
 * outlive it whatever its size and 16 MB cost 40 MB of memory; and one thread to compile and collect beside the main one, as four take the core
 * that Postgres works on (131,830 orders by one worker on two cores: 8.5 s with four, 7.9 s with one, medians of eight).
 */
import './tier-up.js';
import { readFileSync } from 'node:fs';
import { Command, CommanderError, Option } from 'commander';
import { EXIT, errorCode, GlossierError, oneLine } from '../shared/errors.js';
import { packageFile } from '../shared/package-root.js';
import { type Declaration, SETTINGS } from '../shared/setting-list.js';
import type { CommandRun } from './context.js';

const { version } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as {
  version: string;
};

/** Each command's file is read only when it runs, so that --help answers at once. */
const run =
  (load: () => Promise<{ run: CommandRun }>) =>
  async (...given: unknown[]) => {
    const command = given[given.length - 1] as Command;
    const { withContext } = await import('./context.js');
    // for what report() says; not only then, as the files of a program that runs may have been replaced by then
    await import('../consumer/load/sqlstate.js');
    process.exitCode = await withContext({ version, options: command.optsWithGlobals(), args: command.args }, (await load()).run);
  };

const VALUES = {
  text: '<text>',
  list: '<list>',
  integer: '<n>',
  bytes: '<size>',
  seconds: '<time>',
  choice: '<word>',
  boolean: '<yes|no>',
};

/** Every setting as a flag of the program; none has a default here, as a flag that was not given must not beat the environment. */
function addSettings(program: Command): void {
  for (const d of Object.values<Declaration>(SETTINGS)) {
    program.addOption(new Option(`--${d.flag} ${VALUES[d.kind]}`, d.help).hideHelp()); // settingsHelp() shows them, behind the commands
  }
}

function settingsHelp(): string {
  const lines = Object.values<Declaration>(SETTINGS).map(d => {
    const fallback = d.fallback === undefined ? '' : `, ${d.fallback}`;
    return `  ${`--${d.flag} ${VALUES[d.kind]}`.padEnd(28)} ${d.help} (${d.env}${d.secret ? ` or ${d.env}_FILE` : ''}${fallback})`;
  });
  return `\nSettings (flag, else environment, else default; for every command):\n${lines.join('\n')}\n`;
}

const EXAMPLES = `
Examples:
  $ glossier load drops/2017-12.zip             publish, load, merge; with its own Kafka and Postgres when none are set
  $ glossier produce drops/*.zip                publish only; run again after a break, it goes on
  $ glossier produce --watch /srv/drops         every drop that lands there, until a signal
  $ curl … | glossier load -                    a drop from standard input
  $ glossier consume                            a worker, until a signal
  $ glossier consume --http 127.0.0.1:8080      the same, with health, metrics and a page for people
  $ glossier consume --until-drained            load what is in the topic now, then end
  $ glossier status --json | jq .drops          what became of each drop
  $ glossier verify                             check every invariant in the database
  $ glossier verify drops/2017-12.zip           hold every order and field of a drop against the tables
  $ glossier preview drops/2017-12.zip          what it would load, bypass and reject; nothing is changed
  $ glossier why order 17629413379              where it came from, and whether it is what its message says
  $ glossier rebuild --dry-run                  replay the topic beside the tables and tell what differs

Exit codes: 0 done; 1 failed; 2 wrong usage or settings; 3 done, but some orders or files were rejected; 4 the tables differ from the topic, or of diff from each other.`;

function build(): Command {
  const program = new Command('glossier')
    .description('Loads daily drops of JSON orders through Kafka into Postgres: once, with books that balance.')
    .version(version)
    .configureHelp({ showGlobalOptions: false, helpWidth: Math.min(process.stdout.columns ?? 100, 120) })
    .addHelpText('after', () => settingsHelp() + EXAMPLES)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(usageLine(text)) });
  addSettings(program);
  const add = (name: string, description: string, load: () => Promise<{ run: CommandRun }>) =>
    program.command(name).description(description).exitOverride().addHelpText('after', SETTINGS_HINT).action(run(load));

  add(
    'load <drop...>',
    'publish drops (path or URL of a zip or a file, or a folder, or - for standard input), load to the end, merge, print the summary',
    () => import('./commands/load.js'),
  )
    .option('--again', AGAIN)
    .option('--sha256 <hex>', SHA256)
    .option('--accept-gap', ACCEPT_GAP)
    .option('--accept-rejects', ACCEPT_REJECTS);
  add('produce [drop...]', 'publish drops only; killed and run again, it goes on', () => import('./commands/produce.js'))
    .option('--watch <folder>', 'publish every drop that lands in a folder, until a signal')
    .option('--again', AGAIN)
    .option('--sha256 <hex>', SHA256);
  add('consume', 'run a worker until a signal', () => import('./commands/consume.js'))
    .option('--until-drained', 'end when everything that is in the topic now is loaded and merged')
    .option('--accept-gap', ACCEPT_GAP)
    .option('--accept-rejects', ACCEPT_REJECTS);
  add('merge', 'fold user_staging into user_stats now', () => import('./commands/merge.js'));
  add('rebuild', 'make the tables right again from the topic, while they are read and loaded', () => import('./commands/rebuild.js'))
    .option('--dry-run', 'tell what differs and change nothing; exit 4 when something does')
    .option('--month <YYYY-MM>', 'only the orders of one month, their line items and their registry')
    .option('--table <name>', 'user_stats: only the users, from the order tables, without Kafka')
    .option('--until <offsets|time>', 'the tables as they were: partition:offset,… or an instant such as 2017-12-04T00:00:00Z')
    .option('--into <schema>', 'where --until puts them: a schema that is not there yet')
    .option('--accept-gap', 'go on although the topic does not go back to its first message: what only that brought is removed')
    .option(
      '--accept-topic',
      'take this topic for the whole truth although the tables were filled from another one, or from one that was deleted',
    )
    .option('--json', 'for programs');
  add('status', 'drops, partitions with lag, staging, rejects, tables', () => import('./commands/status.js')).option(
    '--json',
    'for programs',
  );
  add(
    'verify [drop]',
    'check the invariants in the database, or every order and field of a drop (zip, or id or name of one)',
    () => import('./commands/verify.js'),
  )
    .option('--drop <id>', 'only what one drop brought')
    .option('--since <time>', 'only what was loaded since then: 2017-12-04, 2017-12-04T10:00:00Z, 2h, 3d')
    .option('--json', 'for programs');
  add(
    'why <what> <id>',
    'where an order, user, line-item or drop has come from, and how its numbers add up',
    () => import('./commands/why.js'),
  ).option('--json', 'for programs');

  add(
    'doctor',
    'look at Kafka, Postgres and what is set, and say what to do; exit 1 when something is wrong',
    () => import('./commands/doctor.js'),
  ).option('--json', 'for programs');
  add('schema', 'make and migrate the tables, or print SQL for roles with the least rights', () => import('./commands/schema.js'))
    .option('--migrate', 'make the tables, or bring them up to this version, as every command does that may')
    .option('--roles', 'print SQL for three roles, to be read and run by a superuser: it may be run again')
    .option('--owner <name>', 'role that owns the tables: migrations and rebuilds', 'glossier_owner')
    .option('--loader <name>', 'role of workers: fills the tables', 'glossier_loader')
    .option('--reader <name>', 'role of analysts: reads what is theirs', 'glossier_reader');
  add('settings', 'every setting with its value and where that comes from, secrets masked', () => import('./commands/settings.js')).option(
    '--json',
    'for programs',
  );
  add(
    'preview <drop>',
    'what would become of a drop if it were loaded now; needs no Kafka and changes nothing',
    () => import('./commands/preview.js'),
  )
    .option('--sha256 <hex>', SHA256)
    .option('--json', 'for programs');
  add(
    'diff <a> <b>',
    'what differs between two schemas, or two drops, by table and column; exit 4 when something does',
    () => import('./commands/diff.js'),
  ).option('--json', 'for programs');

  const conflicts = program.command('conflicts').description('bypassed orders with another content than the one that was first');
  const addConflict = (name: string, description: string, load: () => Promise<{ run: CommandRun }>) =>
    conflicts.command(name).description(description).exitOverride().action(run(load)).option('--json', 'for programs');
  addConflict('list', 'list them', () => import('./commands/conflicts-list.js')).option(
    '--drop <id>',
    'bypassed of one drop, by id or name',
  );
  addConflict('show <order>', 'both places of an order, and the fields that differ', () => import('./commands/conflicts-show.js'));

  const rejects = program.command('rejects').description('what could not be loaded, and why');
  const addReject = (name: string, description: string, load: () => Promise<{ run: CommandRun }>) =>
    rejects.command(name).description(description).exitOverride().action(run(load));
  addReject('list', 'list rejected orders and files', () => import('./commands/rejects-list.js'))
    .option('--drop <id>', 'of one drop')
    .option('--reason <code>', 'rejected for this reason')
    .option('--since <time>', 'rejected since then: 2017-12-04, 2017-12-04T10:00:00Z, 2h, 3d')
    .option('--all', 'also those that a retry has loaded or bypassed')
    .option('--json', 'for programs');
  addReject('show <id>', 'one reject with its bytes as delivered', () => import('./commands/rejects-show.js')).option(
    '--json',
    'for programs',
  );
  addReject('retry [id...]', 'try rejected orders again; exit 3 when some are refused again', () => import('./commands/rejects-retry.js'))
    .option('--reason <code>', 'all that were rejected for this reason')
    .option('--all', 'all rejected orders')
    .option('--from <file>', 'those of a file of rejects export, with the orders that stand there');
  addReject('export <file> [id...]', 'write rejected orders to a file, to be mended by hand', () => import('./commands/rejects-export.js'))
    .option('--reason <code>', 'rejected for this reason')
    .option('--drop <id>', 'of one drop');

  const forget = program.command('forget').description('empty or remove what the tables hold of a person, now and whenever it comes again');
  const addForget = (name: string, description: string, load: () => Promise<{ run: CommandRun }>) =>
    forget.command(name).description(description).exitOverride().action(run(load)).option('--json', 'for programs');
  addForget('user <id>', "forget a user, by the orders' user_id", () => import('./commands/forget-user.js')).requiredOption(
    '--reason <text>',
    'why, to be kept for ever; nothing personal',
  );
  addForget('waiting', 'carry out what was requested and waits, as the owner of the tables', () => import('./commands/forget-waiting.js'));
  addForget('list', 'who was forgotten, when and why', () => import('./commands/forget-list.js'));

  add(
    'copy-topic <new>',
    'copy the topic without what it holds of forgotten users; run again it goes on',
    () => import('./commands/copy-topic.js'),
  ).option('--move', 'then move positions and books to the copy: workers and producers of the old topic end');

  const local = program.command('local').description('the local Kafka and Postgres that run when no other are set');
  const addLocal = (name: string, description: string, load: () => Promise<{ run: CommandRun }>) =>
    local.command(name).description(description).exitOverride().action(run(load));
  addLocal('status', 'what runs, where', () => import('./commands/local-status.js')).option('--json', 'for programs');
  addLocal('stop', 'stop both; their data stays', () => import('./commands/local-stop.js'));
  addLocal('psql', 'open psql on the local database, or print its URL', () => import('./commands/local-psql.js'));
  return program;
}

const AGAIN = 'publish a drop once more although it was published whole';
const SHA256 = 'refuse the drop, before anything of it is used, unless this is its sha256';
const ACCEPT_GAP = 'go on although messages that were never loaded are gone from the topic';
const ACCEPT_REJECTS = 'go on although most orders are refused for one reason';
const SETTINGS_HINT = '\nSettings go with every command: see glossier --help';

/** commander's word on wrong usage (`error: …`, and perhaps a line that asks `Did you mean …?`) as a line like any other of ours. */
function usageLine(text: string): string {
  const words = text
    .replace(/^error: /, '')
    .trim()
    .replace(/\.$/, '')
    .replaceAll('\n', ' ');
  return `glossier: ${words} — see glossier --help\n`;
}

/** One line that says what and what to do. */
async function report(error: unknown): Promise<void> {
  const { reactionTo } = await import('../consumer/load/sqlstate.js');
  // a worker, and a command that waits for servers, hand on what Postgres said: a wrong password, a database that is not there
  const refused = !(error instanceof GlossierError) && reactionTo(error) === 'stop';
  const what = refused ? `Postgres: ${oneLine(error)}` : oneLine(error);
  const hint =
    error instanceof GlossierError
      ? error.hint
      : refused
        ? 'check DATABASE_URL, and what its user may do: glossier doctor tells'
        : undefined;
  process.stderr.write(`glossier: ${what}${hint === undefined ? '' : ` — ${hint}`}\n`);
  if (process.env.GLOSSIER_DEBUG) console.error(error);
}

// `glossier status | head`: the reader has gone. What is under way is still finished.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', error => {
    if (errorCode(error) !== 'EPIPE') throw error;
  });
}

try {
  await build().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  else {
    await report(error);
    process.exitCode = error instanceof GlossierError ? error.exitCode : EXIT.failed;
  }
}

// everything is put away by now; a client that keeps a socket or timer all the same (kafkajs after an outage) must not keep the process
setInterval(() => process.stdout.writableLength === 0 && process.exit(), 500).unref();
