/** What every command gets: settings, log, clients, a signal to stop by, and a way to show progress. */
import { EXIT, GlossierError, UsageError } from '../shared/errors.js';
import { createKafka, type Kafka } from '../shared/kafka.js';
import { createLog, type Logger } from '../shared/log.js';
import { resolveSettings, SETTINGS, type SettingName, type Settings, type Source } from '../shared/settings.js';
import { stopSignal } from '../shared/shutdown.js';
import { Display } from './display.js';

export interface Invocation {
  version: string;
  /** Options of the command and of the program, by commander's names. */
  options: Record<string, unknown>;
  args: string[];
}

export interface Context extends Invocation {
  settings: Settings;
  sources: Record<SettingName, Source>;
  log: Logger;
  display: Display;
  /** Fires at the first SIGINT or SIGTERM. */
  signal: AbortSignal;
  /** Kafka and Postgres: those that are set, or the local ones, which are started when they do not run. */
  services: () => Promise<Services>;
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
  const { settings, sources } = resolveSettings(flags, process.env);
  const display = new Display();
  const log = await createLog(settings.logLevel, process.stderr.isTTY ? display.logStream : null);
  const stop = stopSignal({
    deadline: settings.shutdownTimeout,
    onFirst: () => display.line('Stopping… (once more to stop at once)'),
    onLate: () => log.error('the stop took too long'),
  });
  try {
    return await run({
      ...invocation,
      settings,
      sources,
      log,
      display,
      signal: stop.signal,
      services: () => connect(settings, log, display, stop.signal),
      print: line => process.stdout.write(`${line}\n`),
    });
  } finally {
    display.end();
    stop.done();
  }
}

async function connect(settings: Settings, log: Logger, display: Display, signal: AbortSignal): Promise<Services> {
  if (settings.databaseUrl !== undefined && settings.kafkaBrokers !== undefined) {
    return {
      databaseUrl: settings.databaseUrl,
      brokers: settings.kafkaBrokers,
      kafka: createKafka({ brokers: settings.kafkaBrokers, log }),
    };
  }
  const { startLocal } = await import('../local/local.js');
  const { brokers, databaseUrl } = await startLocal({
    dir: settings.localDir,
    onStep: text => display.line(text),
    signal,
  });
  return { databaseUrl, brokers, kafka: createKafka({ brokers, log }) };
}

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
