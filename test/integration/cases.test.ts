/** Every case of test/cases, end to end: through a real Kafka into a real Postgres, in as few runs of the program as there are kinds. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { goodOrder, type Outcome, orderText } from '../cases/case.js';
import { ABORTED, MESSAGES } from '../cases/messages.js';
import { BOOLEANS, IDS, INSTANTS, MONEY, WHOLES } from '../cases/orders-numbers.js';
import { LINE_ITEMS, TEXTS, UNKNOWN, WHOLE } from '../cases/orders-rest.js';
import { Shop } from '../guarantees/shop.js';
import { describe } from '../support/cli.js';
import { tempDir } from '../support/services.js';
import { makeZip } from '../unit/producer/zips.js';
import { sendCases } from './other-producer.js';

const TIMEOUT = { timeout: 240_000 };
const ORDERS = [...IDS, ...WHOLES, ...MONEY, ...INSTANTS, ...BOOLEANS, ...TEXTS, ...LINE_ITEMS, ...UNKNOWN, ...WHOLE];

/** What stands in the tables and among the rejects, as the cases name it. */
class Found {
  private constructor(
    readonly orders: Map<string, Record<string, string | null>>,
    readonly items: Map<string, Record<string, string | null>[]>,
    readonly rejects: Map<string, string>,
  ) {}

  static async read(shop: Shop): Promise<Found> {
    const url = `${shop.url}?options=${encodeURIComponent('-c timezone=UTC')}`;
    const rows = async (sql: string) => (await shop.query(sql, [], url)) as Record<string, string | null>[];
    const orders = await rows(`SELECT *, replace(tableoid::regclass::text, 'orders__', '') AS month FROM orders`);
    const items = new Map<string, Record<string, string | null>[]>();
    for (const item of await rows('SELECT * FROM order_line_item_mapping ORDER BY line_item_id')) {
      items.set(item.order_id!, [...(items.get(item.order_id!) ?? []), item]);
    }
    const rejects = await rows(`SELECT encode(value, 'hex') AS value, order_index, code, path, reason FROM glossier.rejects`);
    for (const { code, path, reason } of rejects) assert.ok(reason !== '' && !reason!.includes('\n'), `${code} ${path} in words`);
    const told = (r: Record<string, string | null>): [string, string] => [`${r.value ?? ''} ${r.order_index}`, `${r.code} ${r.path}`];
    return new Found(new Map(orders.map(o => [o.id!, o])), items, new Map(rejects.map(told)));
  }

  /** What became of an order that must load with such columns. */
  loaded(id: string, wanted: Record<string, string | null>): Outcome {
    const order = this.orders.get(id);
    if (order === undefined) return 'not loaded';
    const items = this.items.get(id) ?? [];
    return Object.fromEntries(
      Object.keys(wanted).map(name => {
        if (name === 'items') return [name, String(items.length)];
        return [name, (name.startsWith('item.') ? items[0]?.[name.slice(5)] : order[name]) ?? null];
      }),
    );
  }
}

/** The id that an order which must load has in the tables. */
function idOf(wanted: Record<string, string | null>, text: string): string {
  return wanted.id ?? String(JSON.parse(text).id);
}

/** The cases that came to something else, as `why: got, not wanted`. */
function wrong(cases: readonly (readonly [string, unknown, Outcome | null])[], outcomes: readonly (Outcome | null)[]): string[] {
  const text = (outcome: Outcome | null): string => (typeof outcome === 'string' ? outcome : JSON.stringify(outcome).slice(0, 200));
  return cases.flatMap(([why, , wanted], n) =>
    isDeepStrictEqual(outcomes[n], wanted) ? [] : [`${why}: ${text(outcomes[n])}, not ${text(wanted)}`],
  );
}

async function check(shop: Shop): Promise<void> {
  await shop.run(0, ['merge']);
  await shop.check();
}

test('every case of an odd or bad order, in one drop: what it becomes, and its neighbours load', TIMEOUT, async t => {
  assert.ok(ORDERS.length >= 120);
  const shop = await Shop.open(t, { MAX_ORDER_BYTES: '4MB' });
  const elements = ORDERS.flatMap(([, change], n) => [orderText(100_000 + n, change), goodOrder(200_000 + n)]);
  const zip = await dropOf(t, [{ name: '2017-12-04.json', data: `{"orders":[\n${elements.join(',\n')}\n]}` }]);
  await shop.oracle.load(zip);
  const result = await shop.run(3, ['load', zip]);
  const found = await Found.read(shop);
  const outcomes = ORDERS.map(([, , outcome], n) => {
    const text = elements[2 * n];
    const value = Buffer.from(text.trim()).toString('hex');
    if (typeof outcome !== 'string') return found.loaded(idOf(outcome, text), outcome);
    return found.rejects.get(`${value} ${2 * n}`) ?? 'not rejected';
  });
  assert.deepEqual(wrong(ORDERS, outcomes), [], describe(result));
  assert.equal(found.rejects.size, ORDERS.filter(([, , outcome]) => typeof outcome === 'string').length);
  for (let n = 0; n < ORDERS.length; n++) assert.ok(found.orders.has(String(200_000 + n)), `the neighbour of "${ORDERS[n][0]}"`);
  await check(shop);
});

test('every case of a message of another producer, in one partition: what it becomes, and its neighbours load', TIMEOUT, async t => {
  assert.ok(MESSAGES.length >= 25);
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '1' });
  await shop.run(0, ['consume', '--until-drained']);
  const neighbours = MESSAGES.map((_, n) => goodOrder(700_000 + n));
  await sendCases(shop, MESSAGES, neighbours);
  const result = await shop.run(3, ['consume', '--until-drained']);
  const found = await Found.read(shop);
  const outcomes = MESSAGES.map(([, { value }, outcome]) => {
    const bytes = value === null ? '' : Buffer.from(value as string).toString('hex');
    const rejected = [...found.rejects].find(([key]) => key.split(' ')[0] === bytes)?.[1];
    if (typeof outcome === 'string') return rejected ?? 'not rejected';
    if (outcome === null) return rejected ?? (value !== ABORTED && found.orders.has(idOf({}, String(value))) ? 'loaded' : null);
    return found.loaded(idOf({}, String(value)), outcome);
  });
  assert.deepEqual(wrong(MESSAGES, outcomes), [], describe(result));
  for (let n = 0; n < MESSAGES.length; n++) assert.ok(found.orders.has(String(700_000 + n)), `the neighbour of "${MESSAGES[n][0]}"`);
  for (const [, { value }, outcome] of MESSAGES) {
    if (outcome === null) continue;
    const file = typeof outcome !== 'string' && outcome.month === '2016_03' ? '2016-03-01.json' : null;
    shop.oracle.messageOf(file, Buffer.from((value ?? '') as string));
  }
  shop.oracle.message(...neighbours.map(n => Buffer.from(n)));
  await check(shop);
});

/** A zip in a folder that goes with the test. */
async function dropOf(t: TestContext, files: { name: string; data: string | Buffer }[]): Promise<string> {
  const { writeFileSync } = await import('node:fs');
  const dir = tempDir('glossier-cases-');
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const path = join(dir, 'cases.zip');
  writeFileSync(path, await makeZip(files));
  return path;
}
