/**
 * Runs tests: starts Kafka and Postgres, `node --test` over the compiled tests, stops both, exits as the tests did.
 *
 *     node dist/test/support/run.js [unit | integration/local | test/unit/order.test.ts …] [--test-name-pattern=… any flag of node]
 *
 * Without a name: all but bench; chaos alone, then printed, which looks through what the processes of all others have written. GLOSSIER_TEST_KEEP=1 leaves the temporary folders behind, with the servers' logs.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { PRINTED_DIR } from './cli.js';
import { REPOSITORY, removeServices, startTestServices, TEST_ENV, tempDir } from './services.js';

const COMPILED = join(REPOSITORY, 'dist', 'test');
const SOURCE = join(REPOSITORY, 'test');
/** Run only when named. */
const ON_DEMAND = new Set(['bench']);
/** Run when all others have ended: its faults are timed, and beside other tests they would hit little. */
const ALONE = ['chaos', 'printed'];
/** Tests in there have no servers, or their own. */
const PURE = new Set(['unit', 'guards', 'chaos']);

const flags = process.argv.slice(2).filter(a => a.startsWith('-'));
const names = process.argv.slice(2).filter(a => !a.startsWith('-'));
const files = names.length > 0 ? [...new Set(names.flatMap(named))] : testsBelow(COMPILED).filter(f => !ON_DEMAND.has(room(f)));
if (files.length === 0) fail('no test found');

const keep = process.env.GLOSSIER_TEST_KEEP === '1';
// Every temporary folder of the run is made in here, so that servers which a killed test left running are found and stopped as well.
const runDir = tempDir('glossier-test-');
process.env.TMPDIR = runDir;
const printed = join(runDir, 'printed');
mkdirSync(printed);
const env: NodeJS.ProcessEnv = { ...process.env, [PRINTED_DIR]: printed };
if (files.some(f => !PURE.has(room(f))) && !(env[TEST_ENV.databaseUrl] && env[TEST_ENV.brokers])) {
  const services = await startTestServices(text => process.stderr.write(`${text}\n`));
  env[TEST_ENV.databaseUrl] = services.databaseUrl;
  env[TEST_ENV.brokers] = services.brokers.join(',');
}
const reporter = flags.some(f => f.startsWith('--test-reporter')) ? [] : ['--test-reporter=spec'];
let interrupted = false;
let code = 0;
for (const part of [files.filter(f => !ALONE.includes(room(f))), ...ALONE.map(r => files.filter(f => room(f) === r))]) {
  if (part.length > 0 && !interrupted) code = (await run(part)) || code;
}
rmSync(printed, { recursive: true, force: true });
const folders = readdirSync(runDir, { withFileTypes: true }).filter(entry => entry.isDirectory());
await Promise.all(folders.map(entry => removeServices(join(runDir, entry.name), keep)));
if (keep) process.stderr.write(`the folders of this run: ${runDir}\n`);
else rmSync(runDir, { recursive: true, force: true });
process.exit(code);

/** One `node --test`. @returns its exit code */
function run(part: string[]): Promise<number> {
  // tests of outages mostly wait: on two cores three files at a time take 5 minutes, where node's own choice of one takes 9
  const child = spawn(
    process.execPath,
    ['--test', '--test-concurrency=3', '--test-force-exit', '--enable-source-maps', ...reporter, ...flags, ...part],
    {
      stdio: 'inherit',
      env,
    },
  );
  // At a terminal Ctrl-C reaches the child as well; this one stays until the servers are stopped.
  const stop = (signal: NodeJS.Signals): void => {
    interrupted = true;
    child.kill(signal);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, stop);
  return new Promise(resolve =>
    child.once('exit', c => {
      for (const signal of signals) process.removeListener(signal, stop);
      resolve(c ?? 1);
    }),
  );
}

/** The folder right under test/. */
function room(file: string): string {
  return relative(COMPILED, file).split(sep)[0];
}

/** The compiled tests that a name means: a folder or file, below test/ or from the top, as source or compiled, with or without its ending. */
function named(name: string): string[] {
  const plain = name.replace(/^(\.\/)?(dist\/)?test\//, '').replace(/(\.test)?(\.[jt]s)?\/?$/, '');
  const folder = join(COMPILED, plain);
  if (existsSync(folder) && statSync(folder).isDirectory()) return testsBelow(folder);
  const file = `${folder}.test.js`;
  return existsSync(file) ? [file] : fail(`no test is called ${name}`);
}

/** Compiled tests whose source is still there. */
function testsBelow(folder: string): string[] {
  const found = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(f => f.endsWith('.test.js'));
  return found
    .map(f => join(folder, f))
    .filter(f => existsSync(join(SOURCE, relative(COMPILED, f)).replace(/\.js$/, '.ts')))
    .sort();
}

function fail(text: string): never {
  process.stderr.write(`${text}\n`);
  process.exit(2);
}
