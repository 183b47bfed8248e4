/** The program as a user runs it, on a real Kafka and Postgres, held against the oracle to the last value. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { type CliEnv, type CliResult, describe, runCli } from '../support/cli.js';
import { compare } from '../support/compare.js';
import { makeDrop } from '../support/make-drop.js';
import type { RawOrder } from '../support/make-drop-orders.js';
import { Oracle, summaryLines } from '../support/oracle.js';
import { dropDatabase, freshDatabase, freshName, tempDir, testServices } from '../support/services.js';

/** The drop of the first month, or the folder that it lies in; it holds a shop's data and so is not in the repository. */
const REAL = process.env.GLOSSIER_DROP ?? path.resolve('../shared/real');
const REAL_DROP =
  existsSync(REAL) && statSync(REAL).isDirectory()
    ? path.join(
        REAL,
        readdirSync(REAL)
          .filter(f => f.endsWith('.zip'))
          .sort()[0] ?? 'no.zip',
      )
    : REAL;
const NO_DROP = existsSync(REAL_DROP) ? false : 'the real drop is not here: GLOSSIER_DROP names it';
const TIMEOUT = { timeout: 300_000 };

let dir: string;
before(() => {
  dir = tempDir('glossier-e2e-');
});
after(() => rm(dir, { recursive: true, force: true }));

/** A database, a topic and a group of their own. */
class Shop {
  readonly oracle = new Oracle();
  private constructor(
    readonly url: string,
    readonly env: CliEnv,
    readonly schema: string,
  ) {}

  static async open(settings: CliEnv = {}): Promise<Shop> {
    const url = await freshDatabase();
    const topic = freshName('orders');
    const env = {
      DATABASE_URL: url,
      KAFKA_BROKERS: testServices().brokers.join(','),
      ORDERS_TOPIC: topic,
      KAFKA_GROUP: topic,
      ...settings,
    };
    return new Shop(url, env, settings.DATABASE_SCHEMA ?? 'public');
  }

  /** Runs a command, which must end with this exit code. */
  async run(code: number, ...args: string[]): Promise<CliResult> {
    const result = await runCli(args, this.env);
    assert.equal(result.code, code, `glossier ${args.join(' ')}: ${describe(result)}`);
    return result;
  }

  /** Tables, books, rejects and invariants are what the oracle says. */
  async check(when: string): Promise<void> {
    assert.deepEqual(await compare(this.url, this.schema, this.oracle), [], when);
    const status = JSON.parse((await this.run(0, 'status', '--json')).stdout);
    const numbers = (b: Record<string, unknown>): unknown[] => [b.name, b.published, b.loaded, b.bypassed, b.rejected];
    assert.deepEqual(status.drops.map(numbers).sort(), [...this.oracle.books.values()].map(b => numbers({ ...b })).sort(), when);
    const names = new Map<string, string>(status.drops.map((d: { drop: string; name: string }) => [d.drop, d.name]));
    assert.deepEqual(await this.rejects(names), this.expectedRejects(), when);
    await this.run(0, 'verify');
  }

  /**
   * What `rejects list --json` says, as comparable lines.
   *
   * @param names of drops by their ids
   */
  async rejects(names: Map<string, string>): Promise<string[]> {
    const list: Reject[] = JSON.parse((await this.run(0, 'rejects', 'list', '--json')).stdout);
    assert.equal(new Set(list.map(r => r.id)).size, list.length, 'the ids of rejects are unique');
    const unsure = new Set(this.oracle.rejects.filter(r => !r.orderIdSure).map(place));
    return list
      .map(r => {
        assert.ok(typeof r.reason === 'string' && r.reason !== '', 'each has a reason');
        const named = { ...r, drop: names.get(r.drop!) ?? r.drop };
        return `${place(named)} ${r.order_id === null || unsure.has(place(named)) ? 'null' : r.order_id}`;
      })
      .sort();
  }

  expectedRejects(): string[] {
    return this.oracle.rejects.map(r => `${place(r)} ${r.orderId}`).sort();
  }

  close(): Promise<void> {
    return dropDatabase(this.url);
  }
}

interface Reject {
  id: unknown;
  kind: 'order' | 'file';
  drop: string | null;
  file: string | null;
  index: number | null;
  order_id: string | number | null;
  reason: unknown;
}

/** Where exactly a file broke may be told by the byte or by the order, so its index is not compared. */
function place(r: Pick<Reject, 'kind' | 'drop' | 'file' | 'index'>): string {
  return `${r.kind} ${r.drop}: ${r.file}${r.kind === 'order' ? ` ${r.index}` : ''}`;
}

const lines = (r: CliResult): string[] => r.stdout.trimEnd().split('\n');

test('the real drop loads whole, and a second load changes nothing', { ...TIMEOUT, skip: NO_DROP }, async () => {
  const shop = await Shop.open();
  const expected = summaryLines(await shop.oracle.load(REAL_DROP));
  const first = await shop.run(0, 'load', REAL_DROP);
  assert.deepEqual(lines(first), expected);
  assert.deepEqual(lines(first).slice(2), [
    'Loaded 2 file(s) into orders__2017_10',
    'Loaded 29 file(s) into orders__2017_11',
    'Loaded 32418 record(s) into order_line_item_mapping',
    'Loaded 30 record(s) into user_stats',
    'Loaded 0 record(s) into user_staging',
    'user_stats status: UPDATE 0',
  ]);
  await shop.check('after the first load');
  await shop.oracle.load(REAL_DROP);
  await shop.run(0, 'load', REAL_DROP);
  await shop.check('after the second load');
  await shop.close();
});

/** A schema may be called anything. */
const HOSTILE = `Shöp "x'y"; DROP SCHEMA public; -- \\ % $1 \${a} 店`;

test('awkward, bad and broken orders, an overlapping later drop, and the first one again', TIMEOUT, async () => {
  const shop = await Shop.open({ DATABASE_SCHEMA: HOSTILE, BATCH_ORDERS: '50' });
  const dates = ['2017-10-30', '2017-10-31', '2017-11-01', '2017-12-31'];
  const a = await makeDrop(path.join(dir, 'a.zip'), { seed: 1, dates, orders: 400, bad: true, broken: true, headless: true });
  const b = await makeDrop(path.join(dir, 'b.zip'), {
    seed: 2,
    dates: ['2017-11-01', '2018-01-01'],
    orders: 200,
    firstId: 2n ** 60n + 1n,
    again: a.orders.slice(0, 100),
    alter: spoil,
    sharedItems: a.items.slice(0, 50),
    bad: true,
  });
  for (const { path: zip } of [a, b]) {
    const expected = summaryLines(await shop.oracle.load(zip));
    assert.deepEqual(lines(await shop.run(3, 'load', zip)), expected);
    await shop.check(`after ${path.basename(zip)}`);
  }
  // whether a drop with old rejects that is not published again ends in 0 or 3 the contract leaves open
  const again = await runCli(['load', a.path], shop.env);
  assert.ok(again.code === 0 || again.code === 3, describe(again));
  await shop.check('after the first drop again');
  await shop.close();
});

test('three workers drain a topic of 12 partitions together', TIMEOUT, async () => {
  const shop = await Shop.open({ ORDERS_PARTITIONS: '12', BATCH_ORDERS: '100', MERGE_EVERY: '1s' });
  const a = await makeDrop(path.join(dir, 'c.zip'), {
    seed: 3,
    dates: ['2017-10-30', '2017-11-01', '2017-11-02'],
    orders: 1500,
    headless: true,
  });
  const b = await makeDrop(path.join(dir, 'd.zip'), {
    seed: 4,
    dates: ['2017-11-02', '2017-11-03'],
    orders: 500,
    firstId: 2n ** 61n + 1n,
    again: a.orders.slice(0, 200),
    alter: spoil,
    sharedItems: a.items.slice(0, 100),
  });
  await shop.oracle.load(a.path, b.path);
  await shop.run(0, 'produce', a.path, b.path);
  await Promise.all([1, 2, 3].map(() => shop.run(0, 'consume', '--until-drained')));
  await shop.check('after the three workers');
  await shop.close();
});

/** The same order with other contents, which must all be passed over: the first message of an id wins. */
function spoil(order: RawOrder): RawOrder {
  const kept = order.filter(([key]) => !['"total_price"', '"line_items"', '"processed_at"'].includes(key));
  return [
    ...kept,
    ['"total_price"', '"77777.77"'],
    ['"processed_at"', '"2030-01-01T00:00:00Z"'],
    ['"line_items"', '[{"id":1,"quantity":9}]'],
    ['"phone"', '"never"'],
  ];
}
