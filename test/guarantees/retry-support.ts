/** A database with rejects of one drop, loaded with no Kafka, and the program run on it. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { messageOf } from '../../consumer/intake/batch.js';
import { retryRejects } from '../../consumer/retry/retry-rejects.js';
import { createLog } from '../../shared/log.js';
import { resolveSettings } from '../../shared/settings.js';
import { type CliEnv, type CliResult, describe, runCli } from '../support/cli.js';
import { compare } from '../support/compare.js';
import { Oracle } from '../support/oracle.js';
import { testServices } from '../support/services.js';
import { batchOf, directDatabase, directLoader, mergeNow, TABLES, TOPIC, withDb } from './direct.js';

export const FILE = { drop: 'feedfacefeedface', file: '2017-12-04.json', month: '2017_12' };

export class RejectShop {
  readonly env: CliEnv;
  #next = 0;

  private constructor(
    readonly t: TestContext,
    readonly url: string,
  ) {
    this.env = { DATABASE_URL: url, KAFKA_BROKERS: testServices().brokers.join(','), ORDERS_TOPIC: TOPIC };
  }

  static async open(t: TestContext): Promise<RejectShop> {
    return new RejectShop(t, await directDatabase(t));
  }

  /**
   * Loads orders as the next of the drop's one file, from partition 0. One of October goes there, as if the file's name had no date.
   *
   * @param first index of the first: below those of before where they are published again
   */
  async load(orders: string[], first = this.#next): Promise<void> {
    const loader = await directLoader(this.t, this.url, 'a');
    const batch = batchOf({ partition: 0, from: this.#next, orders });
    batch.messages = batch.messages.map((m, i) => {
      const month = orders[i].includes('2017-10-') ? null : FILE.month;
      return messageOf(m.partition, m.offset, m.value, { ...FILE, month, index: first + i });
    });
    this.#next += orders.length;
    await loader.load(await loader.prepare(batch));
  }

  query(sql: string): Promise<Record<string, string>[]> {
    return withDb(this.url, async db => (await db.query(sql)).rows);
  }

  async run(code: number, args: string[], env: CliEnv = {}): Promise<CliResult> {
    const result = await runCli(args, { ...this.env, ...env });
    assert.equal(result.code, code, `glossier ${args.join(' ')}: ${describe(result)}`);
    return result;
  }

  /** A retry of all rejects within this process. */
  async retry(batchOrders = 10) {
    const { settings } = resolveSettings({ batchOrders: String(batchOrders) }, this.env as NodeJS.ProcessEnv);
    const log = await createLog('silent', null);
    const { signal } = new AbortController();
    return retryRejects({ settings: { ...settings, topic: TOPIC }, databaseUrl: this.url, log, version: 'test', signal, choice: {} });
  }

  /** What became of the drop: [loaded, bypassed, rejected] by month. */
  async books(): Promise<Record<string, number[]>> {
    const rows = await this.query(
      `SELECT b.month, sum(loaded) AS l, sum(bypassed) AS b, sum(rejected) AS r FROM ${TABLES.books} b JOIN ${TABLES.dropFiles} f USING (file_no)
        WHERE f.drop_id = '${FILE.drop}' GROUP BY 1`,
    );
    return Object.fromEntries(rows.map(r => [r.month, [Number(r.l), Number(r.b), Number(r.r)]]));
  }

  /** The tables hold these orders and no others, and `verify` agrees. */
  async holds(orders: string[]): Promise<void> {
    await mergeNow(this.url);
    const oracle = new Oracle();
    oracle.message(...orders.map(o => Buffer.from(o)));
    assert.deepEqual(await compare(this.url, 'public', oracle), []);
    await this.run(0, ['verify']);
  }
}
