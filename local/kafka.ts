/**
 * Kafka on this machine: one process that is broker and controller (KRaft), on 127.0.0.1, detached from the command that starts it.
 *
 *     <dir>/kafka.json          pid and ports
 *     <dir>/kafka.log           what it says
 *     <dir>/kafka/data          topics
 *     <dir>/kafka/*.properties  written anew at every start
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { InterruptedError, ServiceError } from '../shared/errors.js';
import { fetchJars } from './kafka-jars.js';
import { findJava, type Java, javaArguments, javaEnvironment, sharedClasses } from './kafka-java.js';
import { brokerAnswers } from './kafka-probe.js';
import { LOGGING, serverProperties } from './kafka-properties.js';
import { freePort, isFree, isOurs, launch, run, type Stopped, tail, terminate, untilGone } from './process.js';
import { readRecord, type ServerRecord, writeRecord } from './record.js';

export interface KafkaOptions {
  /** The local folder; made when it is not there. */
  dir: string;
  /** Where the jars are kept; `<dir>/kafka/lib` when left out. */
  libDir?: string;
  /** Exactly this port. Left out: that of the last time when it is free, else any. */
  port?: number;
  /** For tests: the port that clients are told to use, where a proxy stands in front. */
  advertisedPort?: number;
  /** For tests: lines behind those of server.properties; of two of one name the later counts. */
  properties?: (controllerPort: number) => string;
  onStep?: (text: string) => void;
  signal?: AbortSignal;
}

export interface KafkaServer {
  pid: number;
  port: number;
  /** `127.0.0.1:port`. */
  brokers: string[];
  /** Asks it to end; SIGKILL after 30 seconds. */
  stop(): Promise<Stopped>;
}

const READY_MS = 90_000;
const POLL_MS = 40;
/** Writing the class archive, once, takes about 5 of them. */
const STOP_MS = 30_000;
/** How often other ports are tried, or (where the port is given) the same again, when somebody else has taken one. */
const ATTEMPTS = 10;
/**
 * Starts Kafka, or finds it running, and waits until it answers.
 *
 * @throws ServiceError when Java or Maven is missing, or it does not come up; InterruptedError
 */
export async function startKafka(options: KafkaOptions): Promise<KafkaServer> {
  const { signal, onStep = () => {} } = options;
  mkdirSync(options.dir, { recursive: true });
  const place = placeOf(options.dir);
  const old = readRecord(place.record);
  if (old && isOurs(old.pid, place.mark)) {
    if (options.port !== undefined && options.port !== old.port) throw new ServiceError(`Kafka runs on port ${old.port} already`);
    if (await untilReady(place, old, () => false, signal)) return handle(options.dir, old);
  }
  if (old?.pid) await untilGone(old.pid);
  const java = await findJava();
  const libDir = options.libDir ?? join(place.home, 'lib');
  await fetchJars(libDir, onStep, signal);
  onStep('Starting Kafka…');
  if (!existsSync(place.data)) await format(place, java, libDir);
  if (old?.archive) rmSync(old.archive, { force: true });
  for (let attempt = 1; ; attempt++) {
    const record = await tryStart(place, java, libDir, attempt === 1 ? old : null, options);
    if (record) return handle(options.dir, record);
    if (attempt === ATTEMPTS) throw new ServiceError(`Kafka found no free port${options.port ? `: ${options.port} is taken` : ''}`);
    await sleep(options.port ? 500 : 0);
  }
}

/** Stops Kafka when it runs. */
export async function stopKafka(dir: string): Promise<Stopped> {
  const place = placeOf(dir);
  const record = readRecord(place.record);
  if (!record) return 'not running';
  const stopped = await terminate(record.pid, place.mark, 'SIGTERM', STOP_MS);
  // Written at its exit; only one that ended by itself has written all of it.
  if (record.archive && existsSync(record.archive)) {
    if (stopped === 'stopped') renameSync(record.archive, record.archive.replace(/\.[^.]+\.part$/, ''));
    else rmSync(record.archive);
  }
  writeRecord(place.record, { pid: null, port: record.port, controllerPort: record.controllerPort });
  return stopped;
}

/** The running Kafka of a folder, or null. Does not ask it anything. */
export function findKafka(dir: string): KafkaServer | null {
  const place = placeOf(dir);
  const record = readRecord(place.record);
  return record && isOurs(record.pid, place.mark) ? handle(dir, record) : null;
}

interface Place {
  home: string;
  data: string;
  record: string;
  log: string;
  /** Among the arguments of the process; says whose it is. */
  mark: string;
}

function placeOf(dir: string): Place {
  const root = existsSync(dir) ? realpathSync(dir) : dir;
  const home = join(root, 'kafka');
  return {
    home,
    data: join(home, 'data'),
    record: join(root, 'kafka.json'),
    log: join(root, 'kafka.log'),
    mark: `-Dglossier.dir=${home}`,
  };
}

function handle(dir: string, record: ServerRecord): KafkaServer {
  return { pid: record.pid!, port: record.port, brokers: [`127.0.0.1:${record.port}`], stop: () => stopKafka(dir) };
}

/** Puts an id and the metadata version into a new data folder; moved into place when whole. */
async function format(place: Place, java: Java, libDir: string): Promise<void> {
  const part = `${place.data}.part`;
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part, { recursive: true });
  const config = 'format.properties';
  writeFileSync(join(place.home, config), serverProperties({ port: 1, controllerPort: 2, data: 'data.part' }));
  writeLogging(place);
  const id = randomBytes(16).toString('base64url').replace(/^-/, 'A');
  const [sharing, archive] = sharedClasses(java, libDir);
  const args = [
    ...javaArguments(place.mark, libDir),
    ...(archive ? [] : [sharing]),
    'kafka.tools.StorageTool',
    'format',
    '-t',
    id,
    '-c',
    config,
  ];
  const { code, output } = await run(java.command, args, { cwd: place.home, env: javaEnvironment() });
  if (code !== 0) throw new ServiceError(`Kafka could not prepare ${place.data}: ${output.trim().split('\n').at(-1)}`);
  renameSync(part, place.data);
}

function clusterIdOf(place: Place): string {
  const id = /^cluster\.id=(\S+)$/m.exec(readFileSync(join(place.data, 'meta.properties'), 'utf8'));
  if (!id) throw new ServiceError(`${place.data} is not a data folder of Kafka`);
  return id[1];
}

/** One start. Null when a port was taken by somebody else in between. */
async function tryStart(
  place: Place,
  java: Java,
  libDir: string,
  old: ServerRecord | null,
  options: KafkaOptions,
): Promise<ServerRecord | null> {
  if (options.port !== undefined && !(await isFree(options.port))) return null;
  const port = options.port ?? (await freePort(old?.port));
  let controllerPort = await freePort(old?.controllerPort);
  while (controllerPort === port) controllerPort = await freePort();
  writeFileSync(
    join(place.home, 'server.properties'),
    serverProperties({ port, controllerPort, data: 'data', advertisedPort: options.advertisedPort }) +
      (options.properties?.(controllerPort) ?? ''),
  );
  writeLogging(place);
  const [sharing, archive] = sharedClasses(java, libDir);
  const args = [...javaArguments(place.mark, libDir), sharing, 'kafka.Kafka', 'server.properties'];
  const child = await launch(java.command, args, { log: place.log, cwd: place.home, env: javaEnvironment() });
  const record: ServerRecord = { pid: child.pid, port, controllerPort, archive };
  writeRecord(place.record, record);
  try {
    if (await untilReady(place, record, child.ended, options.signal)) return record;
  } catch (e) {
    await terminate(child.pid, place.mark, 'SIGKILL', 0);
    throw e;
  }
  if (/BindException|Address already in use|Failed to acquire lock/.test(tail(place.log))) return null;
  throw new ServiceError(`Kafka ended while it started${lastWords(place)}`, { hint: `see ${place.log}` });
}

/** Returns false when the process has ended before it answered. */
async function untilReady(place: Place, record: ServerRecord, ended: () => boolean, signal?: AbortSignal): Promise<boolean> {
  const deadline = Date.now() + READY_MS;
  const clusterId = clusterIdOf(place);
  while (!(await brokerAnswers(record.port, clusterId))) {
    if (ended() || !isOurs(record.pid, place.mark)) return false;
    if (signal?.aborted) throw new InterruptedError('interrupted while Kafka started', { cause: signal.reason });
    if (Date.now() > deadline)
      throw new ServiceError(`Kafka did not answer within ${READY_MS / 1000} s${lastWords(place)}`, {
        hint: `see ${place.log}`,
      });
    await sleep(POLL_MS);
  }
  return true;
}

function lastWords(place: Place): string {
  const line = tail(place.log).match(/^.*\b(?:ERROR|FATAL|Exception|Error)\b.*$/m)?.[0];
  return line ? `: ${line}` : '';
}

function writeLogging(place: Place): void {
  writeFileSync(join(place.home, 'log4j2.properties'), LOGGING);
}
