/** How long a batch of 4,000 orders takes of which Postgres itself refuses some, by a CHECK that somebody put on a month table. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { directDatabase, directLoader, loadNow, withDb } from '../guarantees/direct.js';

const ORDERS = 4000;
const NOTE = 'x'.repeat(2000);

/** @param refused every how manieth order is refused; 0 for none */
function orders(refused: number): string[] {
  return Array.from({ length: ORDERS }, (_, i) => {
    const number = refused > 0 && i % refused === refused - 1 ? -1 : 1;
    return `{"id":${i + 1},"user_id":${i % 500},"number":${number},"processed_at":"2017-12-04T10:00:00Z","total_price":"1.00","note":"${NOTE}","line_items":[{"id":${i + 1}},{"id":${ORDERS + i + 1}}]}`;
  });
}

for (const refused of [0, 100, 10]) {
  test(`${ORDERS} orders, ${refused === 0 ? 0 : 100 / refused} % refused by a CHECK`, { timeout: 600_000 }, async t => {
    const url = await directDatabase(t);
    await withDb(url, db => db.query('ALTER TABLE orders ADD CONSTRAINT somebody CHECK (number > 0)'));
    const loader = await directLoader(t, url, 'bench');
    const batch = orders(refused);
    const started = performance.now();
    const counts = await loadNow(loader, { partition: 0, from: 0, orders: batch });
    t.diagnostic(`${((performance.now() - started) / 1000).toFixed(2)} s`);
    assert.equal(counts?.rejected, refused === 0 ? 0 : ORDERS / refused);
  });
}
