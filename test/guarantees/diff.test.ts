/** `diff`: two schemas, or two drops, told apart by table, column and id. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TableDifference } from '../../consumer/rebuild/difference.js';
import { removeServices, tempDir } from '../support/services.js';
import { order, Shop } from './shop.js';

test('two drops and two schemas are told apart by table, column and id, and nothing is changed', async t => {
  const dir = tempDir();
  t.after(() => removeServices(dir));
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '1', SESSION_TIMEOUT: '30s' });
  const [first, second] = ['a', 'b'].map(folder => join(dir, `${folder}-2017-12-04.json`));
  const drop = (...orders: string[]) => `{"orders":[${orders.join(',')}]}`;
  await writeFile(
    first,
    drop(order(1), order(2, { user: 8 }), order(3, { more: ',"note":"a"' }), order(3, { price: '99.00', at: '2018-01-01T00:00:00Z' })),
  );
  await writeFile(second, drop(order(3, { more: ',"note":"b","phone":"1"', price: '1.50' }), order(2, { user: 8 }), order(4, { user: 9 })));
  await shop.run(0, ['load', first]);
  const plain = (found: TableDifference[]) =>
    Object.fromEntries(
      found.filter(d => d.added + d.removed + d.changed > 0).map(d => [d.table, [d.added, d.removed, d.changed, d.columns, d.examples]]),
    );
  const diff = async (code: number, a: string, b: string) =>
    JSON.parse((await shop.run(code, ['diff', a, b, '--json'], { KAFKA_BROKERS: undefined })).stdout);

  const drops = await diff(4, first, second);
  assert.deepEqual(plain(drops.differences), {
    orders: [1, 1, 1, { note: 1, total_price: 1 }, ['1', '3', '4']],
    order_line_item_mapping: [1, 1, 0, {}, ['1', '4']],
    user_stats: [1, 0, 1, { phone: 1, total_orders: 1, total_spend: 1 }, ['7', '9']],
  });
  assert.deepEqual((await diff(0, first, first)).equal, true);

  await shop.query(`CREATE SCHEMA past; CREATE TABLE past.orders (LIKE orders); CREATE TABLE past.orders__2017_12 (PRIMARY KEY (id)) INHERITS (past.orders);
    INSERT INTO past.orders__2017_12 SELECT * FROM orders__2017_12 WHERE id > 1; CREATE TABLE past.order_line_item_mapping AS SELECT * FROM order_line_item_mapping;
    CREATE TABLE past.user_stats AS SELECT * FROM user_stats; UPDATE past.user_stats SET total_spend = 0 WHERE user_id = 8`);
  assert.deepEqual(plain((await diff(4, 'past', 'public')).differences), {
    orders__2017_12: [1, 0, 0, {}, ['1']],
    user_stats: [0, 0, 1, { total_spend: 1 }, ['8']],
  });
  assert.match((await shop.run(4, ['diff', 'past', 'public'])).stdout, /^user_stats +0 +0 +1 +total_spend \(1\) +8$/m);
  assert.match(await shop.fails(['diff', 'past', 'nowhere']), /"nowhere" has no orders/);
  await shop.run(0, ['verify']);
});
