/** An order id is loaded once, however and wherever it comes again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare } from '../support/compare.js';
import { Oracle } from '../support/oracle.js';
import { directDatabase, directLoader, loadNow, mergeNow, TABLES, withDb } from './direct.js';
import { order, Shop } from './shop.js';

const TIMEOUT = { timeout: 150_000 };
const orders = (from: number, count: number): string[] => Array.from({ length: count }, (_, i) => order(from + i));
/** The same id with other contents and a line item of its own. */
const twin = (text: string): string => text.replace('"1.00"', '"99.00"').replace('[{"id":', '[{"id":555');

test('of one id twice in a batch and again in a later one the first is loaded', TIMEOUT, async t => {
  const url = await directDatabase(t);
  const loader = await directLoader(t, url, 'a');
  const first = orders(1, 20);
  const counts = await loadNow(loader, { partition: 0, from: 0, orders: [...first, ...first.map(twin)] });
  assert.deepEqual([counts?.loaded, counts?.bypassed, counts?.lineItems], [20, 20, 20]);
  const later = await loadNow(loader, { partition: 1, from: 0, orders: [...first.map(twin), ...orders(21, 5)] });
  assert.deepEqual([later?.loaded, later?.bypassed], [5, 20]);
  const oracle = new Oracle();
  oracle.message(...orders(1, 25).map(o => Buffer.from(o)));
  await mergeNow(url);
  assert.deepEqual(await compare(url, 'public', oracle), []);
});

test(
  'known orders are found before their batch is written, wherever their id stands and whatever line items new ones share with them',
  TIMEOUT,
  async t => {
    const url = await directDatabase(t);
    const loader = await directLoader(t, url, 'a');
    const idLast = (id: number) => `{"processed_at":"2017-12-04T10:00:00Z","total_price":"1.00","line_items":[],"id":${id}}`;
    const slots = () =>
      withDb(url, db => db.query(`SELECT max((ctid::text::point)[1]) AS last, count(*) AS n FROM ${TABLES.knownOrders}`)).then(
        r => r.rows[0],
      );
    const first = orders(1, 100);
    await loadNow(loader, { partition: 0, from: 0, orders: first });
    // a row that a unique violation refuses leaves its slot empty
    const again = await loadNow(loader, { partition: 1, from: 0, orders: [...first.map(twin), ...orders(101, 5)] });
    assert.deepEqual([again?.loaded, again?.bypassed], [5, 100]);
    assert.deepEqual(await slots(), { last: '105', n: '105' });
    const sharing = order(106).replace('[{"id":106', '[{"id":101');
    const shared = await loadNow(loader, { partition: 1, from: 105, orders: [...first, sharing] });
    assert.deepEqual([shared?.loaded, shared?.bypassed, shared?.lineItems], [1, 100, 0]);
    await loadNow(loader, { partition: 0, from: 100, orders: [idLast(107), idLast(108)] });
    const last = await loadNow(loader, { partition: 0, from: 102, orders: [idLast(107), idLast(108), idLast(109)] });
    assert.deepEqual([last?.loaded, last?.bypassed], [1, 2]);
  },
);

test('two workers that load the same ids at once, in opposite order, load each once', TIMEOUT, async t => {
  const url = await directDatabase(t);
  const loaders = await Promise.all(['a', 'b'].map(name => directLoader(t, url, name)));
  const all: string[] = [];
  let loaded = 0;
  for (let round = 0; round < 10; round++) {
    const same = orders(1 + round * 100, 40);
    all.push(...same);
    const from = round * 40;
    const results = await Promise.all([
      loadNow(loaders[0], { partition: 0, from, orders: same }),
      loadNow(loaders[1], { partition: 1, from, orders: [...same].reverse() }),
    ]);
    assert.ok(!results.includes(null));
    loaded += results[0]!.loaded + results[1]!.loaded;
  }
  assert.equal(loaded, 400);
  const oracle = new Oracle();
  oracle.message(...all.map(o => Buffer.from(o)));
  await mergeNow(url);
  assert.deepEqual(await compare(url, 'public', oracle), []);
  const { rows } = await withDb(url, db => db.query(`SELECT sum(bypassed) AS n FROM ${TABLES.books}`));
  assert.equal(rows[0].n, '400');
});

test('messages of another producer, without key and headers, load once from all partitions together', TIMEOUT, async t => {
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '2', BATCH_ORDERS: '30' });
  await shop.run(0, ['consume', '--until-drained']);
  const values = orders(1, 200);
  await shop.send([0, 1].flatMap(partition => [...values, ...values.slice(50, 100)].map(value => ({ value, partition }))));
  await Promise.all([1, 2].map(() => shop.run(0, ['consume', '--until-drained'])));
  shop.oracle.message(...values.map(v => Buffer.from(v)));
  await shop.run(0, ['merge']);
  await shop.check();
  const status = JSON.parse((await shop.run(0, ['status', '--json'])).stdout);
  assert.equal(status.lag, 0);
});

test('a row that a trigger swallows ends the load, and nothing of its batch is in the tables', TIMEOUT, async t => {
  const url = await directDatabase(t);
  const loader = await directLoader(t, url, 'a');
  await loadNow(loader, { partition: 0, from: 0, orders: orders(1, 5) });
  await withDb(url, db =>
    db.query(`
      CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
      CREATE TRIGGER swallow BEFORE INSERT ON orders__2017_12 FOR EACH ROW WHEN (NEW.id = 8) EXECUTE FUNCTION swallow()`),
  );
  await assert.rejects(loadNow(loader, { partition: 0, from: 5, orders: orders(6, 5) }), /orders__2017_12"? took 4 row\(s\) of 5/);
  await withDb(url, db => db.query('DROP FUNCTION swallow CASCADE'));
  const oracle = new Oracle();
  oracle.message(...orders(1, 10).map(o => Buffer.from(o)));
  assert.notEqual(await loadNow(loader, { partition: 0, from: 5, orders: orders(6, 5) }), null);
  await mergeNow(url);
  assert.deepEqual(await compare(url, 'public', oracle), []);
});
