/** `verify` names each break that is made by hand, and nothing else. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { Database } from '../../consumer/load/database.js';
import { countUpTo } from '../../consumer/status/read-status.js';
import { type CliEnv, describe, runCli } from '../support/cli.js';
import { makeDrop } from '../support/make-drop.js';
import { dropDatabase, freshDatabase, freshName, tempDir, testServices } from '../support/services.js';

/** What is done to a sound database, and the checks that must notice it. */
const BREAKS: readonly [what: string, sql: string, checks: string[]][] = [
  [
    'an order is deleted',
    `DELETE FROM orders__2017_11 WHERE id = (SELECT o.id FROM orders__2017_11 o JOIN order_line_item_mapping m ON m.order_id = o.id
      WHERE user_id IS NOT NULL AND id NOT IN (SELECT order_id FROM glossier.user_newest) ORDER BY 1 LIMIT 1)`,
    ['order_kept', 'line_item_order', 'user_sums'],
  ],
  [
    'a line item is orphaned',
    'UPDATE order_line_item_mapping SET order_id = 1 WHERE line_item_id = (SELECT min(line_item_id) FROM order_line_item_mapping)',
    ['line_item_order'],
  ],
  [
    'a line item is deleted',
    'DELETE FROM order_line_item_mapping WHERE line_item_id = (SELECT min(line_item_id) FROM order_line_item_mapping)',
    ['line_item_books'],
  ],
  [
    'a line item is added to an order',
    `INSERT INTO order_line_item_mapping SELECT 999999999, id FROM orders o
      WHERE line_item_total = (SELECT count(*) FROM order_line_item_mapping WHERE order_id = o.id) ORDER BY id LIMIT 1`,
    ['line_item_books', 'line_item_total'],
  ],
  [
    'a sum is off',
    'UPDATE user_stats SET total_spend = total_spend + 0.01 WHERE user_id = (SELECT min(user_id) FROM user_stats)',
    ['user_sums'],
  ],
  [
    'a count is off',
    'UPDATE user_stats SET total_orders = total_orders + 1 WHERE user_id = (SELECT min(user_id) FROM user_stats)',
    ['user_sums'],
  ],
  [
    'the days are off',
    'UPDATE user_stats SET total_days = total_days + 1 WHERE user_id = (SELECT min(user_id) FROM user_stats)',
    ['user_days'],
  ],
  [
    'one of the four fields of a user is altered',
    'UPDATE user_stats SET contact_email = $$somebody@else$$ WHERE user_id = (SELECT min(user_id) FROM user_stats)',
    ['user_newest'],
  ],
  ['a user is missing', 'DELETE FROM user_stats WHERE user_id = (SELECT min(user_id) FROM user_stats)', ['user_newest', 'user_sums']],
  [
    'a price is altered',
    'UPDATE orders__2017_11 SET total_price = total_price + 1 WHERE id = (SELECT min(id) FROM orders__2017_11 WHERE user_id IS NOT NULL)',
    ['user_sums'],
  ],
  ['a month table has a stranger', 'INSERT INTO orders__2017_11 (id, line_item_total) VALUES (1, 0)', ['order_known']],
  [
    'an order stands in two months',
    'INSERT INTO orders__2017_10 SELECT * FROM orders__2017_11 WHERE user_id IS NULL ORDER BY id LIMIT 1',
    ['order_known', 'order_once'],
  ],
  [
    'an order stands in the wrong month',
    'WITH o AS (DELETE FROM orders__2017_11 WHERE id = (SELECT min(id) FROM orders__2017_11) RETURNING *) INSERT INTO orders__2017_10 SELECT * FROM o',
    ['order_known'],
  ],
  [
    'a position is moved back',
    'UPDATE glossier.positions SET next_offset = next_offset - 1 WHERE next_offset = (SELECT max(next_offset) FROM glossier.positions)',
    ['position_batches'],
  ],
  ['a position is moved on', 'UPDATE glossier.positions SET next_offset = next_offset + 1 WHERE partition = 0', ['position_batches']],
  [
    'the books are changed',
    'UPDATE glossier.books SET loaded = loaded + 1 WHERE ctid = (SELECT min(ctid) FROM glossier.books WHERE loaded > 0)',
    ['drop_books', 'message_books', 'order_books'],
  ],
  [
    'a reject is deleted',
    'DELETE FROM glossier.rejects WHERE id = (SELECT min(id) FROM glossier.rejects WHERE kind = $$order$$)',
    ['reject_books'],
  ],
  ['a month table is dropped', 'DROP TABLE orders__2017_10', ['line_item_order', 'order_kept', 'user_newest', 'user_sums']],
];

let dir: string;
let sound: string;
let env: CliEnv;

before(async () => {
  dir = tempDir('glossier-verify-');
  sound = await freshDatabase();
  const topic = freshName('orders');
  env = { KAFKA_BROKERS: testServices().brokers.join(','), ORDERS_TOPIC: topic, KAFKA_GROUP: topic };
  const drop = path.join(dir, 'drop.zip');
  await makeDrop(drop, { seed: 11, dates: ['2017-10-31', '2017-11-01', '2017-11-02'], orders: 300, awkward: 0.3, bad: true });
  const load = await runCli(['load', drop], { ...env, DATABASE_URL: sound });
  assert.equal(load.code, 3, describe(load));
});
after(async () => {
  await dropDatabase(sound);
  await rm(dir, { recursive: true, force: true });
});

/** A copy of the sound database, changed. */
async function changed(sql: string): Promise<string> {
  const url = await freshDatabase(undefined, sound);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rowCount } = await client.query(sql);
  await client.end();
  assert.notEqual(rowCount, 0, 'the break changed nothing');
  return url;
}

async function brokenChecks(url: string): Promise<{ code: number | null; checks: string[] }> {
  const result = await runCli(['verify', '--json'], { ...env, DATABASE_URL: url });
  const report = JSON.parse(result.stdout) as { checks: { check: string; broken: number }[] };
  return { code: result.code, checks: report.checks.filter(c => c.broken > 0).map(c => c.check) };
}

test('verify finds nothing in a sound database', async () => {
  assert.deepEqual(await brokenChecks(sound), { code: 0, checks: [] });
});

for (const [what, sql, checks] of BREAKS) {
  test(`verify notices when ${what}`, async () => {
    const url = await changed(sql);
    const found = await brokenChecks(url);
    await dropDatabase(url);
    assert.equal(found.code, 1);
    for (const check of checks) assert.ok(found.checks.includes(check), `${check} is not among ${found.checks.join(', ')}`);
  });
}

test('the rows of a table are counted up to a number, and estimated above it', async () => {
  const url = await freshDatabase(undefined, sound);
  const db = await Database.connect(url, 'a test');
  await db.query('ANALYZE user_stats');
  const { rows } = await db.query('SELECT count(*) AS n FROM user_stats');
  const all = Number(rows[0].n);
  assert.ok(all > 5);
  assert.deepEqual(await countUpTo(db, 'user_stats', all), { rows: all });
  assert.deepEqual(await countUpTo(db, 'user_stats', all - 1), { rows: all, estimated: true });
  await db.end();
  await dropDatabase(url);
});

test('of a part verify reads what one drop brought or what came since then, and notices what is broken there alone', async () => {
  const url = await freshDatabase(undefined, sound);
  const on = { ...env, DATABASE_URL: url };
  const drop = path.join(dir, 'second.zip');
  await makeDrop(drop, { seed: 12, dates: ['2018-01-02'], orders: 60, firstId: 2n ** 50n });
  const since = new Date().toISOString();
  assert.equal((await runCli(['load', drop], on)).code, 0);
  const status = JSON.parse((await runCli(['status', '--json'], on)).stdout) as { drops: { drop: string; loaded: number }[] };
  const [first, second] = status.drops;
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rowCount } = await client.query(
    'DELETE FROM orders__2017_11 WHERE id = (SELECT min(id) FROM orders__2017_11 WHERE user_id IS NULL AND line_item_total > 0)',
  );
  await client.end();
  assert.equal(rowCount, 1);
  const checked = async (...flags: string[]) => {
    const { code, stdout } = await runCli(['verify', '--json', ...flags], on);
    const report = JSON.parse(stdout) as { orders: number; checks: { check: string; broken: number }[] };
    return { code, orders: report.orders, broken: report.checks.filter(c => c.broken > 0).map(c => c.check) };
  };
  assert.deepEqual(await checked('--drop', second.drop), { code: 0, orders: second.loaded, broken: [] });
  assert.deepEqual(await checked('--since', since), { code: 0, orders: second.loaded, broken: [] });
  const broken = ['order_kept', 'line_item_order'];
  assert.deepEqual(await checked('--drop', first.drop), { code: 1, orders: first.loaded, broken });
  assert.deepEqual(await checked('--since', '1h'), { code: 1, orders: first.loaded + second.loaded, broken });
  assert.equal((await runCli(['verify', '--drop', 'nothing'], on)).code, 2);
  await dropDatabase(url);
});
