/** `rebuild` on damaged databases, held against the oracle. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Shop } from '../guarantees/shop.js';
import { compare } from '../support/compare.js';
import { makeDrop } from '../support/make-drop.js';
import { removeServices, tempDir } from '../support/services.js';

/** A shop with two drops loaded, of which the second brings orders and line items of the first again. */
async function loadedShop(t: TestContext): Promise<Shop> {
  const dir = tempDir();
  t.after(() => removeServices(dir));
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '3', BATCH_ORDERS: '100' });
  const [first, second] = [join(dir, 'a.zip'), join(dir, 'b.zip')];
  const a = await makeDrop(first, { seed: 61, dates: ['2017-11-30', '2017-12-01'], orders: 250, awkward: 0.2, bad: true, broken: true });
  await makeDrop(second, {
    seed: 62,
    dates: ['2017-12-02', '2018-01-01'],
    orders: 150,
    awkward: 0.2,
    firstId: 2n ** 58n,
    again: a.orders.slice(0, 40),
    sharedItems: a.items.slice(0, 30),
  });
  await shop.oracle.load(first);
  await shop.run(3, ['load', first]);
  await shop.oracle.load(second);
  await shop.run(0, ['load', second]);
  return shop;
}

const DAMAGE = [
  'DELETE FROM orders__2017_11 WHERE id % 3 = 0',
  "UPDATE orders__2017_12 SET total_price = 1, note = 'changed' WHERE id % 4 = 0",
  'WITH gone AS (DELETE FROM orders__2017_12 WHERE id % 5 = 0 RETURNING *) INSERT INTO orders__2018_01 SELECT * FROM gone',
  'INSERT INTO orders__2018_01 SELECT * FROM orders__2017_12 WHERE id % 7 = 0 ON CONFLICT DO NOTHING',
  'DELETE FROM order_line_item_mapping WHERE line_item_id % 3 = 0',
  'UPDATE order_line_item_mapping SET quantity = 99 WHERE line_item_id % 5 = 0',
  'INSERT INTO order_line_item_mapping (line_item_id, order_id) VALUES (1, 1)',
  'TRUNCATE user_stats',
  'INSERT INTO user_staging SELECT 5, NULL, NULL, NULL, NULL, 3, 3, now(), now(), 1, 5',
  'DELETE FROM glossier.user_newest WHERE user_id % 2 = 0',
  'DELETE FROM glossier.known_orders WHERE order_id % 4 = 0',
  'UPDATE glossier.known_orders SET month = 201801 WHERE order_id % 5 = 0',
  'UPDATE glossier.books SET loaded = loaded + 1 WHERE file_no % 2 = 0',
  'DELETE FROM glossier.rejects WHERE id % 2 = 0',
  'DELETE FROM glossier.drops',
  'DELETE FROM glossier.drop_files WHERE file_no = 1',
  'DELETE FROM glossier.drop_fields WHERE partition = 1',
  'DELETE FROM glossier.batches WHERE partition = 0',
  'UPDATE glossier.positions SET next_offset = 7 WHERE partition = 0',
  'UPDATE glossier.positions SET next_offset = next_offset + 100 WHERE partition = 1',
  'DELETE FROM glossier.positions WHERE partition = 2',
];

test('a rebuild brings damaged tables to what the topic says, and finds nothing the second time', { timeout: 150_000 }, async t => {
  const shop = await loadedShop(t);
  await shop.check();
  const sound = await shop.run(0, ['rebuild', '--dry-run']);
  assert.match(sound.stdout, /The tables hold what the topic says/);
  for (const sql of DAMAGE) await shop.query(sql);
  assert.notDeepEqual(await compare(shop.url, 'public', shop.oracle), []);
  const told = await shop.run(0, ['rebuild']);
  assert.match(told.stdout, /^orders__2017_11 +\d/m);
  await shop.check();
  assert.match((await shop.run(0, ['rebuild', '--dry-run'])).stdout, /The tables hold what the topic says/);
  assert.deepEqual(await shop.query("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'glossier%'"), [{ nspname: 'glossier' }]);
});
