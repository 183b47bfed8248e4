/** A database, a topic and a group of its own for one test of a guarantee, with the program run against them as a user runs it. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import kafkajs from 'kafkajs';
import pg from 'pg';
import { type CliEnv, type CliResult, describe, type RunningCli, runCli, startCli } from '../support/cli.js';
import { compare } from '../support/compare.js';
import { Oracle } from '../support/oracle.js';
import { dropDatabase, freshDatabase, freshName, type TestServices, testServices } from '../support/services.js';

export interface RawMessage {
  value: string | Buffer;
  partition?: number;
  headers?: Record<string, string>;
}

export class Shop {
  readonly oracle = new Oracle();
  readonly #running = new Set<RunningCli>();

  private constructor(
    readonly server: TestServices,
    readonly url: string,
    readonly topic: string,
    readonly env: CliEnv,
  ) {}

  /** @param t the database goes with it, and processes that still run @param server another one than that of the run */
  static async open(t: Pick<TestContext, 'after'>, settings: CliEnv = {}, server = testServices()): Promise<Shop> {
    const url = await freshDatabase(server.databaseUrl);
    const topic = freshName('shop');
    const env = {
      DATABASE_URL: url,
      KAFKA_BROKERS: server.brokers.join(','),
      ORDERS_TOPIC: topic,
      KAFKA_GROUP: topic,
      SESSION_TIMEOUT: '6s',
      ...settings,
    };
    const shop = new Shop(server, url, topic, env);
    t.after(() => shop.#close());
    return shop;
  }

  start(args: readonly string[], settings: CliEnv = {}): RunningCli {
    const running = startCli(args, { ...this.env, ...settings });
    this.#running.add(running);
    return running;
  }

  /** Runs a command, which must end with this exit code. */
  async run(code: number, args: readonly string[], settings: CliEnv = {}): Promise<CliResult> {
    const result = await runCli(args, { ...this.env, ...settings });
    assert.equal(result.code, code, `glossier ${args.join(' ')}: ${describe(result)}`);
    return result;
  }

  /** Runs a command that must end with 1. @returns the one line that it says */
  async fails(args: readonly string[], settings: CliEnv = {}): Promise<string> {
    return oneLineOf(await this.run(1, args, settings));
  }

  async query(sql: string, values: unknown[] = [], url = this.url): Promise<Record<string, string>[]> {
    const client = new pg.Client({
      connectionString: url,
      application_name: 'a test',
      types: { getTypeParser: () => (text: string) => text } as never,
    });
    client.on('error', () => {});
    await client.connect();
    try {
      return (await client.query(sql, values)).rows;
    } finally {
      await client.end().catch(() => {});
    }
  }

  async position(partition = 0): Promise<number> {
    const rows = await this.query('SELECT next_offset FROM glossier.positions WHERE topic = $1 AND partition = $2', [
      this.topic,
      partition,
    ]);
    return Number(rows[0]?.next_offset ?? -1);
  }

  /** Messages in the tables. */
  async done(): Promise<number> {
    const rows = await this.query('SELECT coalesce(sum(next_offset), 0) AS n FROM glossier.positions').catch(() => []);
    return Number(rows[0]?.n ?? 0);
  }

  async kafka<T>(work: (admin: kafkajs.Admin) => Promise<T>): Promise<T> {
    const admin = this.#client().admin();
    await admin.connect();
    try {
      return await work(admin);
    } finally {
      await admin.disconnect();
    }
  }

  /** Publishes as another program would: no key, no headers. */
  async send(messages: RawMessage[]): Promise<void> {
    const producer = this.#client().producer();
    await producer.connect();
    await producer.send({ topic: this.topic, messages });
    await producer.disconnect();
  }

  #client(): kafkajs.Kafka {
    return new kafkajs.Kafka({ brokers: this.server.brokers, logLevel: kafkajs.logLevel.NOTHING });
  }

  /** The tables hold what the oracle says, and `verify` agrees. */
  async check(url = this.url): Promise<void> {
    assert.deepEqual(await compare(url, 'public', this.oracle), []);
    await this.run(0, ['verify'], { DATABASE_URL: url });
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#running].map(r => r.stop('SIGKILL')));
    await dropDatabase(this.url, this.server.databaseUrl);
  }
}

/** The line that a failed command ends with; there is no other of its kind, and no stack trace. */
export function oneLineOf(result: CliResult): string {
  const lines = result.stderr.trimEnd().split('\n');
  assert.deepEqual(
    lines.filter(l => l.startsWith('glossier: ')),
    [lines.at(-1)],
    describe(result),
  );
  assert.doesNotMatch(result.stderr, /^\s+at .+:\d+:\d+/m, describe(result));
  return lines.at(-1)!;
}

export interface OrderFields {
  user?: number | null;
  at?: string;
  price?: string;
  more?: string;
}

/** An order as JSON, with one line item of the same id. */
export function order(id: number, { user = 7, at = '2017-12-04T10:00:00Z', price = '1.00', more = '' }: OrderFields = {}): string {
  return `{"id":${id},"user_id":${user},"processed_at":"${at}","total_price":"${price}","line_items":[{"id":${id},"quantity":1}]${more}}`;
}

/** Waits until something is so. */
export async function until(what: string, seconds: number, is: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await is())) {
    if (Date.now() > end) throw new Error(`${what}: not within ${seconds} s`);
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}
