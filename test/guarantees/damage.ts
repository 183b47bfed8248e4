/** Tables damaged at random, the same way for the same seed, and a shop to do it to. */
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { makeDrop } from '../support/make-drop.js';
import type { Random } from '../support/make-drop-orders.js';
import { removeServices, type TestServices, tempDir } from '../support/services.js';
import { Shop } from './shop.js';

export interface LoadedShop {
  shop: Shop;
  /** A third drop, which is not published yet, and is not in the oracle. */
  third: string;
}

/** A shop with two drops loaded; the second brings orders and line items of the first again. Dates from 2017-11 to 2018-01. */
export async function loadedShop(t: TestContext, orders: number, server?: TestServices): Promise<LoadedShop> {
  const dir = tempDir();
  t.after(() => removeServices(dir));
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '3', BATCH_ORDERS: '100' }, server);
  const [first, second, third] = ['a', 'b', 'c'].map(name => join(dir, `${name}.zip`));
  const a = await makeDrop(first, { seed: 61, dates: ['2017-11-30', '2017-12-01'], orders, awkward: 0.2, bad: true, broken: true });
  await makeDrop(second, {
    seed: 62,
    dates: ['2017-12-02', '2018-01-01'],
    orders,
    awkward: 0.2,
    firstId: 2n ** 58n,
    again: a.orders.slice(0, 40),
    sharedItems: a.items.slice(0, 30),
  });
  await makeDrop(third, { seed: 63, dates: ['2018-01-02', '2018-02-01'], orders, awkward: 0.2, firstId: 2n ** 59n, bad: true });
  await shop.oracle.load(first);
  await shop.run(3, ['load', first]);
  await shop.oracle.load(second);
  await shop.run(0, ['load', second]);
  return { shop, third };
}

/** Columns by which rows are chosen, and one that is changed. */
const TABLES: readonly [table: string, key: string, change: string][] = [
  ['orders__2017_11', 'id', "note = 'damaged'"],
  ['orders__2017_12', 'id', 'total_price = 1.5'],
  ['orders__2018_01', 'id', 'processed_at = now(), extra = NULL'],
  ['order_line_item_mapping', 'line_item_id', 'quantity = 77, variant_id = NULL'],
  ['user_stats', 'user_id', "total_orders = total_orders + 3, contact_email = 'damaged'"],
  ['glossier.user_newest', 'user_id', 'order_id = 1'],
  ['glossier.known_orders', 'order_id', 'month = 201711, record_offset = 0'],
  ['glossier.books', 'file_no', 'loaded = loaded + 1, last_index = 0'],
  ['glossier.rejects', 'id', "reason = 'damaged', path = 'somewhere'"],
  ['glossier.drop_files', 'file_no', 'file = file || random()'],
  ['glossier.drop_fields', 'orders', "fields = '{}'"],
];

/**
 * Statements that damage every table: rows deleted, changed and doubled, months swapped, a truncated user_stats, a wrong position.
 *
 * @param worker true where a worker is to go on with it: no position that it cannot go on from
 */
export function damage(random: Random, worker: boolean): string[] {
  const some = (key: string) => `abs(hashint8(${key}::bigint # ${random.int(1, 1e9)})::bigint) % ${random.int(2, 9)} = 0`;
  const statements: string[] = [];
  for (const [table, key, change] of TABLES) {
    statements.push(`UPDATE ${table} SET ${change} WHERE ${some(key)}`);
    statements.push(`DELETE FROM ${table} WHERE ${some(key)}`);
  }
  const [from, to] = random.shuffle(['orders__2017_11', 'orders__2017_12', 'orders__2018_01']);
  statements.push(
    `WITH gone AS (DELETE FROM ${from} WHERE ${some('id')} RETURNING *) INSERT INTO ${to} SELECT * FROM gone ON CONFLICT DO NOTHING`,
  );
  statements.push(`INSERT INTO ${from} SELECT * FROM ${to} WHERE ${some('id')} ON CONFLICT DO NOTHING`);
  statements.push('INSERT INTO order_line_item_mapping (line_item_id, order_id) VALUES (1, 1)');
  statements.push('INSERT INTO user_staging SELECT *, 1 FROM user_stats');
  statements.push(random.chance(0.5) ? 'DELETE FROM glossier.drops' : "UPDATE glossier.drops SET state = 'publishing', orders = 1");
  const partition = random.int(0, 2);
  const back = [
    `DELETE FROM glossier.batches WHERE partition = ${partition}`,
    `UPDATE glossier.positions SET next_offset = ${random.int(0, 20)} WHERE partition = ${partition}`,
  ];
  const beyond = [`UPDATE glossier.positions SET next_offset = next_offset + ${random.int(1, 99)} WHERE partition = ${partition}`];
  const gone = [`DELETE FROM glossier.positions WHERE partition = ${partition}`];
  const position = worker ? back : random.pick([back, beyond, gone]);
  if (!worker && random.chance(0.4)) statements.push(`DROP TABLE ${from}`);
  return [...random.shuffle(statements.slice(0, -1)), ...statements.slice(-1), ...position, 'TRUNCATE user_stats'];
}
