/** Rejected orders that are tried again. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startCli } from '../support/cli.js';
import { tempDir } from '../support/services.js';
import { directLoader, loadNow } from './direct.js';
import { RejectShop } from './retry-support.js';
import { order, until } from './shop.js';

const TIMEOUT = { timeout: 180_000 };
const CHECK = 'ALTER TABLE orders ADD CONSTRAINT somebody CHECK (number > 0)';
const NO_CHECK = 'ALTER TABLE orders DROP CONSTRAINT somebody';
const refusable = (id: number) => order(id, { user: id % 3, more: ',"number":-1' });

interface Listed {
  id: number;
  index: number;
  code: string;
  tries: number;
}

async function listed(shop: RejectShop, ...flags: string[]): Promise<Listed[]> {
  return JSON.parse((await shop.run(0, ['rejects', 'list', '--json', ...flags])).stdout);
}

test(
  'a retry loads what can be loaded now, bypasses what came meanwhile, and refuses the rest again; the books move with it',
  TIMEOUT,
  async t => {
    const shop = await RejectShop.open(t);
    await shop.query(CHECK);
    const bad = order(30, { more: ',"test":"no"' });
    const all = [order(1), refusable(2), refusable(3), bad, order(4), refusable(5)];
    await shop.load(all);
    assert.deepEqual(await shop.books(), { '': [0, 0, 4], '2017_12': [2, 0, 0] });
    await shop.query(NO_CHECK);
    const meanwhile = order(3, { price: '3.00' });
    await shop.load([meanwhile]);
    const told = await shop.run(3, ['rejects', 'retry', '--all']);
    assert.match(told.stdout, /^Loaded 2, bypassed 1, refused again 1 order\(s\)$/m);
    assert.deepEqual(await shop.books(), { '': [0, 1, 1], '2017_12': [5, 0, 0] });
    const [left, ...others] = await listed(shop);
    assert.deepEqual([left.index, left.code, left.tries, others], [3, 'bad_type', 2, []]);
    const numbers = await Promise.all(
      [['--all'], ['--all', '--reason', 'bad_type'], ['--drop', 'other'], ['--since', '1h'], ['--since', '2999-01-01']].map(f =>
        listed(shop, ...f),
      ),
    );
    assert.deepEqual(
      numbers.map(list => list.length),
      [4, 1, 0, 1, 0],
    );
    await shop.holds([order(1), refusable(2), meanwhile, order(4), refusable(5)]);
    const status = JSON.parse((await shop.run(0, ['status', '--json'])).stdout);
    assert.deepEqual(status.rejects, { orders: 1, files: 0, by_reason: [{ code: 'bad_type', path: 'test', count: 1 }] });
    assert.match((await shop.run(3, ['rejects', 'retry', String(left.id)])).stdout, /^Loaded 0, bypassed 0, refused again 1 /m);
    const kept = await shop.query('SELECT partition, record_offset, order_index FROM glossier.known_orders WHERE order_id = 2');
    assert.deepEqual(kept, [{ partition: '0', record_offset: '1', order_index: '1' }], 'the order keeps the place of its message');
  },
);

test('orders that were mended by hand are loaded in place of those that were delivered, at their place', TIMEOUT, async t => {
  const shop = await RejectShop.open(t);
  const bad = [
    order(1, { more: ',"test":"no"' }),
    '{"id":2,',
    order(3, { more: ',"test":"no","number":9007199254740993,"note":"\u0416"' }),
  ];
  await shop.load([...bad, order(4)]);
  const file = join(tempDir('mend-'), 'rejects.jsonl');
  await shop.run(0, ['rejects', 'export', file, '--reason', 'bad_type']);
  const text = readFileSync(file, 'utf8');
  assert.deepEqual(
    text
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line).order),
    [bad[0], bad[2]],
  );
  await shop.run(2, ['rejects', 'export', file]); // what was mended is not written over
  writeFileSync(file, text.replaceAll('\\"no\\"', 'true'));
  assert.match((await shop.run(0, ['rejects', 'retry', '--from', file])).stdout, /^Loaded 2, bypassed 0, refused again 0 /m);
  assert.match((await shop.run(0, ['rejects', 'retry', '--from', file])).stdout, /^Loaded 2, bypassed 0, refused again 0 /m);
  await shop.holds([bad[0].replace('"no"', 'true'), bad[2].replace('"no"', 'true'), order(4)]);
  const shown = JSON.parse((await shop.run(0, ['rejects', 'show', '1', '--json'])).stdout);
  assert.deepEqual([shown.value, shown.index, shown.settled], [bad[0], 0, 'loaded']);
  assert.deepEqual(
    (await listed(shop)).map(r => r.code),
    ['not_json'],
  );
  await shop.run(2, ['rejects', 'retry', '99']);
  await shop.run(2, ['rejects', 'retry', '1', '--all']);
});

test('two retries and a worker that loads the same orders at once load each once', TIMEOUT, async t => {
  const shop = await RejectShop.open(t);
  const ids = Array.from({ length: 60 }, (_, i) => i + 1);
  await shop.query(CHECK);
  await shop.load(ids.map(refusable));
  await shop.query(NO_CHECK);
  const loader = await directLoader(t, shop.url, 'b');
  const same = ids.slice(20, 50).reverse().map(refusable);
  const [worker, ...retries] = await Promise.all([loadNow(loader, { partition: 1, from: 0, orders: same }), shop.retry(7), shop.retry(11)]);
  for (const r of retries) assert.deepEqual([r.loaded + r.bypassed, r.refused], [60, 0]);
  assert.equal(worker!.loaded + retries[0].loaded, 60);
  assert.equal(worker!.bypassed + retries[0].bypassed, 30);
  const tries = await shop.query('SELECT DISTINCT tries FROM glossier.rejects');
  assert.deepEqual(tries, [{ tries: '2' }], 'each was tried by one of the two');
  await shop.holds(ids.map(refusable));
});

test('a retry that is killed at any moment and run again loads each once', TIMEOUT, async t => {
  const shop = await RejectShop.open(t);
  const ids = Array.from({ length: 160 }, (_, i) => i + 1);
  await shop.query(CHECK);
  await shop.load(ids.map(refusable));
  await shop.query(NO_CHECK);
  // slow enough to be killed in the middle: each batch waits between its month table and its line items
  await shop.query(`CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.1); RETURN NULL; END';
    CREATE TRIGGER slow AFTER INSERT ON order_line_item_mapping FOR EACH STATEMENT EXECUTE FUNCTION slow()`);
  const settled = async () => Number((await shop.query('SELECT count(*) AS n FROM glossier.rejects WHERE settled IS NOT NULL'))[0].n);
  for (let round = 0; round < 4; round++) {
    const before = await settled();
    const running = startCli(['rejects', 'retry', '--all'], { ...shop.env, BATCH_ORDERS: '8' });
    await until('a batch is loaded', 60, async () => (await settled()) > before);
    await new Promise(resolve => setTimeout(resolve, round * 40));
    await running.stop('SIGKILL');
  }
  const between = await settled();
  assert.ok(between > 0 && between < ids.length, `${between} before the last run`);
  assert.equal(between % 8, 0, 'whole batches');
  await shop.run(0, ['rejects', 'retry', '--all']);
  await shop.holds(ids.map(refusable));
});

test('a rejected order that is published again and loads then leaves the rejects, and counts once', TIMEOUT, async t => {
  const shop = await RejectShop.open(t);
  await shop.query(CHECK);
  const all = [order(1), refusable(2), order(3), order(4, { more: ',"test":"no"' }), refusable(5)];
  await shop.load(all);
  await shop.query(NO_CHECK);
  await shop.load(all, 0);
  assert.deepEqual(await shop.books(), { '': [0, 0, 1], '2017_12': [4, 0, 0] });
  assert.deepEqual(
    (await listed(shop)).map(r => r.index),
    [3],
  );
  await shop.holds([order(1), refusable(2), order(3), refusable(5)]);
});
