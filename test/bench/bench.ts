/** What every section of the bench works with: servers of its own, drops of any size, commands that are measured. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { localStatus } from '../../local/local.js';
import { describe, runCli } from '../support/cli.js';
import {
  dropDatabase,
  freshDatabase,
  freshName,
  REPOSITORY,
  removeServices,
  startTestServices,
  type TestServices,
  tempDir,
} from '../support/services.js';
import { writeBigDrop } from './big-drop.js';
import { endedChildrenCpu, serverCpu } from './proc.js';

/** One part of RESULTS.md, and what gives it. */
export interface Section {
  title: string;
  /** In a sentence or two: what is measured, and how to read it. */
  about: string;
  /** Part of a run without names. The others take long. */
  quick: boolean;
  run(bench: Bench): Promise<Table>;
}

export interface Table {
  head: string[];
  rows: string[][];
  /** Lines below the table. */
  notes?: string[];
}

/** One command, or several at once. */
export interface Measured {
  seconds: number;
  /** CPU seconds of the commands. */
  cpu: number;
  postgres: number;
  kafka: number;
  /** MB of resident memory of the largest process at its peak. */
  memory: number;
}

export interface BenchOptions {
  drop: string;
  full: boolean;
  /** How many times each thing is measured; the median counts. */
  times: number;
}

/** The program as it was built here. */
export const HERE = 'dist/bin/glossier.js';
const LIMIT = { timeout: 3_600_000 };
const MEGA = 1e6;

export class Bench {
  readonly #zips = new Map<number, Promise<string>>();
  readonly #databases: string[] = [];

  private constructor(
    readonly options: BenchOptions,
    readonly services: TestServices & { dir: string },
    readonly dir: string,
    readonly pids: { kafka: number; postgres: number },
  ) {}

  static async open(options: BenchOptions, onStep: (text: string) => void): Promise<Bench> {
    const services = await startTestServices(onStep);
    const { kafka, postgres } = await localStatus({ dir: services.dir });
    return new Bench(options, services, tempDir('bench-'), { kafka: kafka.pid!, postgres: postgres.pid! });
  }

  get brokers(): string {
    return this.services.brokers.join(',');
  }

  /** A copy of the drop with ids of its own; or so many copies in one zip. */
  zip(copies: number): Promise<string> {
    const made = this.#zips.get(copies);
    if (made !== undefined) return made;
    const path = join(this.dir, `drop-${copies}.zip`);
    const making = writeBigDrop(this.options.drop, path, copies).then(() => path);
    this.#zips.set(copies, making);
    return making;
  }

  /** Copy number `n` alone. */
  async copy(n: number): Promise<string> {
    const path = join(this.dir, `copy-${n}.zip`);
    await writeBigDrop(this.options.drop, path, 1, n);
    return path;
  }

  /** A drop of a single order: what it takes is start-up. */
  async oneOrder(): Promise<string> {
    const path = join(this.dir, '2017-12-04.json');
    await writeFile(path, '{"orders":[{"id":1,"processed_at":"2017-12-04T10:00:00Z","total_price":"1.00","line_items":[{"id":1}]}]}');
    return path;
  }

  /** What a query tells: a number. */
  async number(url: string, sql: string): Promise<number> {
    return Number((await this.#rows(url, sql))[0][0]);
  }

  async #rows(url: string, sql: string): Promise<unknown[][]> {
    const db = new pg.Client({ connectionString: url });
    await db.connect();
    const { rows } = await db.query({ text: sql, rowMode: 'array' });
    await db.end();
    return rows;
  }

  /** An empty database; ended by `close` at the latest. */
  async database(): Promise<string> {
    const url = await freshDatabase(this.services.databaseUrl);
    this.#databases.push(url);
    return url;
  }

  async drop(url: string): Promise<void> {
    this.#databases.splice(this.#databases.indexOf(url), 1);
    await dropDatabase(url, this.services.databaseUrl);
  }

  /** Publishes a zip, or several, into a topic of its own. @returns the topic, and what the last took */
  async publish(zips: string[], env: Record<string, string> = {}, program = HERE): Promise<{ topic: string; took: Measured }> {
    const topic = freshName('bench');
    let took!: Measured;
    for (const zip of zips) took = await this.measure([['produce', zip]], { ORDERS_TOPIC: topic, ...env }, program);
    return { topic, took };
  }

  /** Workers that load a topic to its end. */
  async consume(url: string, topic: string, workers = 1, env: Record<string, string> = {}, program = HERE): Promise<Measured> {
    const commands = Array.from({ length: workers }, () => ['consume', '--until-drained']);
    return this.measure(commands, { DATABASE_URL: url, ORDERS_TOPIC: topic, KAFKA_GROUP: freshName('bench'), ...env }, program);
  }

  /** Runs commands at once, to their ends. @throws Error when one of them ends with other than 0 or 3 */
  async measure(commands: string[][], env: Record<string, string>, program = HERE): Promise<Measured> {
    const { kafka, postgres } = this.pids;
    const before = { cpu: endedChildrenCpu(), kafka: serverCpu(kafka), postgres: serverCpu(postgres) };
    const started = performance.now();
    const all = { KAFKA_BROKERS: this.brokers, ...env };
    const results = await Promise.all(commands.map(args => runCli(args, all, { ...LIMIT, program })));
    const seconds = (performance.now() - started) / 1000;
    for (const [i, r] of results.entries()) if (r.code !== 0 && r.code !== 3) throw new Error(`${commands[i].join(' ')}: ${describe(r)}`);
    return {
      seconds,
      cpu: endedChildrenCpu() - before.cpu,
      kafka: serverCpu(kafka) - before.kafka,
      postgres: serverCpu(postgres) - before.postgres,
      memory: Math.max(...results.map(r => (r.maxRssKiB ?? Number.NaN) * 1024)) / MEGA,
    };
  }

  /** Takes the same several times; a figure is the median of its own. */
  async often<T extends object>(take: () => Promise<T>, times = this.options.times): Promise<T> {
    const all: T[] = [];
    for (let n = 0; n < times; n++) all.push(await take());
    return Object.fromEntries(Object.keys(all[0]).map(key => [key, median(all.map(one => one[key as keyof T] as number))])) as T;
  }

  /** Of the program's commit and of the servers. */
  async versions(): Promise<Record<string, string>> {
    const commit = execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).trim();
    const [, kafka] = /<kafka.version>([^<]+)/.exec(readFileSync(join(REPOSITORY, 'local', 'pom.xml'), 'utf8')) ?? [];
    const [[text]] = await this.#rows(this.services.databaseUrl, 'SHOW server_version');
    return { Postgres: String(text).split(' ')[0], Kafka: kafka ?? '', commit };
  }

  async close(): Promise<void> {
    for (const url of [...this.#databases]) await this.drop(url);
    await removeServices(this.dir);
    await removeServices(this.services.dir);
  }
}

export function median(list: readonly number[]): number {
  return [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
}

export function seconds(n: number): string {
  return n.toFixed(2);
}

/** Rounded to three digits, with commas. */
export function count(n: number): string {
  return Number.isFinite(n) ? Number(n.toPrecision(3)).toLocaleString('en-US', { maximumFractionDigits: 3 }) : '–';
}

export function ratio(a: number, b: number): string {
  return Number.isFinite(a / b) ? (a / b).toFixed(2) : '–';
}
