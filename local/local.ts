/** Kafka and Postgres in one folder, for a machine that has neither: start what is missing, stop both, say how they are. */
import { existsSync, mkdirSync, realpathSync } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { findKafka, type KafkaServer, startKafka, stopKafka } from './kafka.js';
import { withLock } from './lock.js';
import { findPostgres, type PostgresServer, startPostgres, stopPostgres } from './postgres.js';
import { knownHome } from './postgres-place.js';
import type { Stopped } from './process.js';

export type { KafkaServer, PostgresServer, Stopped };
export { startKafka, startPostgres };

export interface LocalOptions {
  /** The local folder; made when it is not there. */
  dir: string;
  /** Where Kafka's jars are kept, to be shared by several folders; `<dir>/kafka/lib` when left out. */
  libDir?: string;
  /** Start this one alone; the other's endpoint is then that of a running one, or empty. */
  only?: 'kafka' | 'postgres';
  /** For tests: Postgres flushes nothing to disk. */
  fast?: boolean;
  /** Told in words what happens. */
  onStep?: (text: string) => void;
  signal?: AbortSignal;
}

export interface LocalServices {
  /** `host:port`; empty where Kafka was not asked for and does not run. */
  brokers: string[];
  /** Empty where Postgres was not asked for and does not run. */
  databaseUrl: string;
}

/**
 * Makes Kafka and Postgres run in a folder, and waits until both answer. They go on when the command ends.
 *
 * Called again it finds them running. Of several that call it at once one starts, the others wait for it.
 *
 * @throws ServiceError when one cannot run here (Java, Maven missing) or does not come up, and then starts neither; InterruptedError
 */
export async function startLocal(options: LocalOptions): Promise<LocalServices> {
  const { dir, only, onStep, signal } = options;
  const wanted = { kafka: only !== 'postgres', postgres: only !== 'kafka' };
  const allRun = (): boolean => (!wanted.kafka || findKafka(dir) !== null) && (!wanted.postgres || findPostgres(dir) !== null);
  const startWanted = async (): Promise<void> => {
    const before = { kafka: findKafka(dir), postgres: findPostgres(dir) };
    const started = await Promise.allSettled([wanted.kafka && startKafka(options), wanted.postgres && startPostgres(options)]);
    const failed = started.find(one => one.status === 'rejected');
    if (!failed) return;
    // A command that fails leaves nothing running that did not run before.
    await Promise.all([before.kafka || stopKafka(dir), before.postgres || stopPostgres(dir)]);
    throw failed.reason;
  };
  mkdirSync(dir, { recursive: true });
  const lock = join(realpathSync(dir), 'lock');
  // Where both live and nobody is starting or stopping them, they are only asked, and no turn is needed.
  if (allRun() && !existsSync(lock)) await startWanted();
  else await withLock(lock, { signal, onWait: () => onStep?.('Waiting for another command that starts Kafka and Postgres…') }, startWanted);
  return { brokers: findKafka(dir)?.brokers ?? [], databaseUrl: findPostgres(dir)?.url ?? '' };
}

export interface LocalStopped {
  kafka: Stopped;
  postgres: Stopped;
}

/** Stops both, and waits until they are gone. What is not running, or is not ours, is left alone. */
export async function stopLocal(options: { dir: string; signal?: AbortSignal }): Promise<LocalStopped> {
  const { dir, signal } = options;
  if (!existsSync(dir)) return { kafka: 'not running', postgres: 'not running' };
  return withLock(join(realpathSync(dir), 'lock'), { signal }, async () => {
    const [kafka, postgres] = await Promise.all([stopKafka(dir), stopPostgres(dir)]);
    return { kafka, postgres };
  });
}

export interface ServerStatus {
  running: boolean;
  pid: number | null;
  /** `host:port`, or null when it does not run. */
  endpoint: string | null;
  /** Where its data lie; null when it never ran here. */
  folder: string | null;
  /** Bytes on disk of that folder. */
  bytes: number;
}

/** How both are, without starting or asking either. */
export async function localStatus(options: { dir: string }): Promise<{ kafka: ServerStatus; postgres: ServerStatus }> {
  const { dir } = options;
  const data = (home: string | null): string | null =>
    home !== null && existsSync(join(home, 'data')) ? join(realpathSync(home), 'data') : null;
  const [kafka, postgres] = await Promise.all([
    statusOf(findKafka(dir), data(join(dir, 'kafka'))),
    statusOf(findPostgres(dir), data(knownHome(dir))),
  ]);
  return { kafka, postgres };
}

async function statusOf(server: { pid: number; port: number } | null, folder: string | null): Promise<ServerStatus> {
  return {
    running: server !== null,
    pid: server?.pid ?? null,
    endpoint: server ? `127.0.0.1:${server.port}` : null,
    folder,
    bytes: folder === null ? 0 : await diskBytes(folder),
  };
}

/** What the files take on disk; Kafka's index files claim far more than they fill. A file that goes away meanwhile counts nothing. */
async function diskBytes(path: string): Promise<number> {
  try {
    const stat = await lstat(path);
    if (!stat.isDirectory()) return stat.blocks * 512;
    const sizes = await Promise.all((await readdir(path)).map(name => diskBytes(join(path, name))));
    return sizes.reduce((sum, size) => sum + size, stat.blocks * 512);
  } catch {
    return 0;
  }
}
