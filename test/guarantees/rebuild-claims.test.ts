/** Line items that two orders claim: a rebuild leaves them with the one that was loaded first, and takes them back from any other. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { removeServices, tempDir } from '../support/services.js';
import { Shop } from './shop.js';

const order = (id: number, ...items: number[]) =>
  `{"id":${id},"user_id":7,"processed_at":"2017-12-04T10:00:00Z","total_price":"1.00","line_items":[${items.map(i => `{"id":${i},"quantity":${id}}`).join()}]}`;

test('a line item that an order of a later drop has stays with it where that was loaded first, and goes back where it was not', {
  timeout: 90_000,
}, async t => {
  const dir = tempDir();
  t.after(() => removeServices(dir));
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '1' });
  for (const [day, text] of [
    ['2017-12-04', order(1, 10, 11)],
    ['2017-12-05', order(2, 11, 12)],
  ]) {
    const file = join(dir, `${day}.json`);
    writeFileSync(file, `{"orders":[${text}]}`);
    await shop.run(0, ['load', file]);
  }
  const give = (to: number, items: [number, number]) =>
    shop.query(`UPDATE order_line_item_mapping SET order_id = ${to}, quantity = ${to} WHERE line_item_id = 11;
      UPDATE glossier.books b SET line_items = CASE last_index WHEN 0 THEN CASE (SELECT file FROM glossier.drop_files f WHERE f.file_no = b.file_no)
        WHEN '2017-12-04.json' THEN ${items[0]} ELSE ${items[1]} END END`);
  await shop.run(0, ['rebuild', '--dry-run']);
  // as a worker leaves it that was behind with the first
  await give(2, [1, 2]);
  await shop.query("UPDATE glossier.batches SET loaded_at = loaded_at + interval '1 hour' WHERE from_offset = 0");
  await shop.run(0, ['verify']);
  await shop.run(0, ['rebuild', '--dry-run']);
  // as somebody else leaves it who has no such excuse
  await shop.query("UPDATE glossier.batches SET loaded_at = loaded_at - interval '2 hours' WHERE from_offset = 0");
  const { stdout } = await shop.run(4, ['rebuild', '--dry-run']);
  assert.match(stdout, /^order_line_item_mapping +0 +0 +1 +order_id \(1\), quantity \(1\) +11$/m);
  await shop.run(0, ['rebuild']);
  assert.deepEqual(await shop.query('SELECT order_id FROM order_line_item_mapping WHERE line_item_id = 11'), [{ order_id: '1' }]);
  await shop.run(0, ['verify']);
});
