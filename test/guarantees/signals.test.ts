/** The first signal asks for an orderly stop, the second ends the program at once. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe } from '../support/cli.js';
import { makeDrop } from '../support/make-drop.js';
import { removeServices, tempDir } from '../support/services.js';
import { oneLineOf, Shop, until } from './shop.js';

const TIMEOUT = { timeout: 150_000 };

async function shopAndDrop(t: TestContext, orders: number): Promise<{ shop: Shop; zip: string }> {
  const dir = tempDir();
  t.after(() => removeServices(dir));
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '3', BATCH_ORDERS: '20' });
  const zip = join(dir, 'drop.zip');
  await makeDrop(zip, { seed: 31, dates: ['2017-12-04', '2017-12-05'], orders, awkward: 0.02 });
  await shop.oracle.load(zip);
  return { shop, zip };
}

test('SIGTERM in the middle of a load ends a worker with 0, and what it had loaded stays', TIMEOUT, async t => {
  const { shop, zip } = await shopAndDrop(t, 1200);
  await shop.run(0, ['produce', zip]);
  const worker = shop.start(['consume']);
  await until('it loads', 30, async () => (await shop.done()) > 0);
  const asked = performance.now();
  const result = await worker.stop('SIGTERM');
  assert.equal(result.code, 0, describe(result));
  assert.ok(performance.now() - asked < 10_000, describe(result));
  const [{ n }] = await shop.query('SELECT count(*) AS n FROM orders');
  assert.ok(Number(n) > 0 && Number(n) < 1200, n);
  await shop.run(0, ['consume', '--until-drained']);
  await shop.check();
});

test('a second signal ends the program at once, by the signal', TIMEOUT, async t => {
  const { shop, zip } = await shopAndDrop(t, 100);
  await shop.run(0, ['produce', zip]);
  await shop.run(0, ['merge']); // makes the tables
  // a table that is locked keeps the stop waiting
  const blocker = shop.query('BEGIN; LOCK glossier.known_orders; SELECT pg_sleep(15)').catch(() => {});
  const worker = shop.start(['consume']);
  await until('it waits for the lock', 30, async () => {
    const waiting = await shop.query(`SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`);
    return waiting.length > 0;
  });
  worker.child.kill('SIGTERM');
  await sleep(500);
  assert.equal(worker.child.exitCode, null, 'the first waits');
  const asked = performance.now();
  const result = await worker.stop('SIGTERM');
  assert.equal(result.signal, 'SIGTERM', describe(result));
  assert.ok(performance.now() - asked < 2000);
  await shop.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`);
  await blocker;
});

test('an interrupted load says that the same command goes on, and the same command does', TIMEOUT, async t => {
  const { shop, zip } = await shopAndDrop(t, 1200);
  const load = shop.start(['load', zip]);
  await until('it loads', 30, async () => (await shop.done()) > 0);
  const result = await load.stop('SIGINT');
  assert.equal(result.code, 1, describe(result));
  assert.match(oneLineOf(result), /interrupted .* — the same command goes on/);
  await shop.run(0, ['load', zip]);
  await shop.check();
});
