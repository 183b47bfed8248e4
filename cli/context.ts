/** What every command gets: settings, log, clients, a signal to stop by, and a way to show progress. */
import { EXIT, GlossierError, UsageError } from '../shared/errors.js';
import { createKafka, type Kafka } from '../shared/kafka.js';
import { kafkaSecurity } from '../shared/kafka-security.js';
import { createLog, type Logger } from '../shared/log.js';
import { type Resolved, resolveSettings, SETTINGS, type SettingName, type Settings } from '../shared/settings.js';
import { stopSignal } from '../shared/shutdown.js';
import { Display } from './display.js';

export interface Invocation {
  version: string;
  /** Options of the command and of the program, by commander's names. */
  options: Record<string, unknown>;
  args: string[];
}

export interface Context extends Invocation, Resolved {
  log: Logger;
  display: Display;
  /** Fires at the first SIGINT or SIGTERM. */
  signal: AbortSignal;
  /** Kafka and Postgres: those that are set, or the local ones, which are started when they do not run. */
  services: () => Promise<Services>;
  /** Kafka alone, for commands that need no database. */
  kafka: () => Promise<Pick<Services, 'kafka'>>;
  /** Postgres alone, for commands that need no Kafka. */
  database: () => Promise<Pick<Services, 'databaseUrl'>>;
  /** Writes a line to standard output. */
  print: (line: string) => void;
}

export interface Services {
  databaseUrl: string;
  brokers: string[];
  kafka: Kafka;
}

/** Does the work; returns the exit code. */
export type CommandRun = (context: Context) => Promise<number>;

/** Builds the context, runs the command, and puts everything away. */
export async function withContext(invocation: Invocation, run: CommandRun): Promise<number> {
  const flags: Partial<Record<SettingName, string>> = {};
  for (const name of Object.keys(SETTINGS) as SettingName[]) {
    const given = invocation.options[camel(SETTINGS[name].flag)];
    if (given !== undefined) flags[name] = String(given);
  }
  const resolved = resolveSettings(flags, process.env);
  const { settings } = resolved;
  const display = new Display();
  const log = await createLog(settings.logLevel, process.stderr.isTTY ? display.logStream : null);
  const stop = stopSignal({
    deadline: settings.shutdownTimeout,
    // a pipe gets the log alone
    onFirst: name =>
      process.stderr.isTTY ? display.line('Stopping… (once more to stop at once)') : log.info({ signal: name }, 'stopping'),
    onLate: () => log.error('the stop took too long'),
  });
  try {
    return await run({
      ...invocation,
      ...resolved,
      log,
      display,
      signal: stop.signal,
      services: async () => chosen(resolved, await connect(settings, log, display, stop.signal)),
      kafka: () => connect(settings, log, display, stop.signal, ['kafkaBrokers']),
      database: async () => chosen(resolved, await connect(settings, log, display, stop.signal, ['databaseUrl'])),
      print: line => process.stdout.write(`${line}\n`),
    });
  } finally {
    display.end();
    stop.done();
  }
}

/**
 * Settles the schema of the program's own tables where nobody has named one: a shop with an analysts' schema of its own may be the second in its
 * database. Where that cannot be asked it is taken for the first, which it nearly always is: a worker of the first waits an outage out, one of a second
 * is told by migrate() that the tables are another's, and finds its own when it is started again.
 */
async function chosen({ settings, sources }: Resolved, services: Services): Promise<Services> {
  const { databaseSchema, databaseUrl, topic } = settings;
  if (sources.ownSchema !== 'default' || sources.databaseSchema === 'default' || databaseUrl === undefined) return services;
  const [{ Database }, { chooseOwnSchema }] = await Promise.all([
    import('../consumer/load/database.js'),
    import('../consumer/schema/choose-own-schema.js'),
  ]);
  const db = await Database.connect(databaseUrl, 'glossier').catch(() => null);
  try {
    if (db !== null) settings.ownSchema = await chooseOwnSchema(db, databaseSchema, topic).catch(() => settings.ownSchema);
  } finally {
    await db?.end();
  }
  return services;
}

type Place = 'databaseUrl' | 'kafkaBrokers';

/**
 * @param needs what the command works with; the other one is not asked for
 * @throws UsageError when one is set and another, which is needed, is not: local servers beside one's own would be a surprise
 */
async function connect(
  settings: Settings,
  log: Logger,
  display: Display,
  signal: AbortSignal,
  needs: readonly Place[] = ['databaseUrl', 'kafkaBrokers'],
): Promise<Services> {
  const { databaseUrl, kafkaBrokers } = settings;
  if (databaseUrl !== undefined || kafkaBrokers !== undefined) {
    const missing = needs.find(place => settings[place] === undefined);
    if (missing === 'databaseUrl')
      throw new UsageError('KAFKA_BROKERS is set and DATABASE_URL is not', {
        hint: `${BOTH} (PGHOST, PGSERVICE or PGDATABASE will do, too)`,
      });
    if (missing === 'kafkaBrokers') throw new UsageError('DATABASE_URL is set and KAFKA_BROKERS is not', { hint: BOTH });
    const brokers = kafkaBrokers ?? [];
    return { databaseUrl: databaseUrl ?? '', brokers, kafka: createKafka({ brokers, log, security: kafkaSecurity(settings) }) };
  }
  const { startLocal } = await import('../local/local.js');
  const local = await startLocal({
    dir: settings.localDir,
    onStep: text => display.line(text),
    signal,
  });
  return { databaseUrl: local.databaseUrl, brokers: local.brokers, kafka: createKafka({ brokers: local.brokers, log }) };
}

const BOTH = 'set it too, or neither for local servers';

/** Log lines of one-shot commands are about trouble alone, unless a level was asked for. */
export function quiet(context: Context): void {
  if (context.sources.logLevel === 'default') context.log.level = 'warn';
}

/** The argument that must be there. */
export function argument(context: Context, at: number): string {
  const given = context.args[at];
  if (given === undefined) throw new GlossierError('an argument is missing');
  return given;
}

/** Arguments as ids of rejects, each once. */
export function rejectIds(args: readonly string[]): string[] {
  for (const id of args)
    if (!/^[1-9]\d{0,17}$/.test(id))
      throw new UsageError(`"${id}" is not the id of a reject`, { hint: 'glossier rejects list shows them' });
  return [...new Set(args)];
}

function camel(flag: string): string {
  return flag.replace(/-(.)/g, (_, c: string) => c.toUpperCase());
}

export { EXIT };
