/** What a worker holds in memory is bounded by bytes, however large the orders, however much they shrink, however slow Postgres. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { tempDir } from '../support/services.js';
import { Shop } from './shop.js';

const ORDERS = 240;
const ORDER_BYTES = 500_000;
/** Of a worker; it was 540 MB when only packed bytes were counted. */
const MOST_MB = 250;

test('a worker of large orders that shrink a hundred times stays within its memory while Postgres stands still', {
  timeout: 180_000,
}, async t => {
  const shop = await Shop.open(t, { LOG_LEVEL: 'info' });
  const note = 'the same words again and again. '.repeat(ORDER_BYTES / 32);
  const orders = Array.from({ length: ORDERS }, (_, i) => ({
    id: i + 1,
    processed_at: '2017-12-04T10:00:00Z',
    total_price: '1.00',
    note: `${i} ${note}`,
    line_items: [{ id: i + 1 }],
  }));
  const file = join(tempDir('large-'), '2017-12-04.json');
  writeFileSync(file, JSON.stringify({ orders }));
  await shop.run(0, ['produce', file]);
  await shop.run(0, ['merge']); // makes the tables
  const lock = new pg.Client({ connectionString: shop.url });
  await lock.connect();
  await lock.query('BEGIN; LOCK TABLE glossier.known_orders');
  const worker = shop.start(['consume', '--until-drained']);
  await worker.waitFor(/joined the group|Loading/);
  await sleep(4000); // all that it may fetch is fetched by now
  await lock.query('COMMIT');
  await lock.end();
  const result = await worker.done;
  assert.equal(result.code, 0);
  assert.match(result.stdout, new RegExp(`Loaded ${ORDERS}, bypassed 0, rejected 0`));
  const peak = ((result.maxRssKiB ?? 0) * 1024) / 1e6;
  assert.ok(peak > 50 && peak < MOST_MB, `${peak.toFixed(0)} MB`);
  t.diagnostic(`${peak.toFixed(0)} MB at the most, of ${(ORDERS * ORDER_BYTES) / 1e6} MB of orders`);
});
