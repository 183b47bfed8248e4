/** `preview`: what would become of a drop, with nothing left behind. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Preview } from '../../consumer/preview/preview.js';
import { makeDrop } from '../support/make-drop.js';
import { removeServices, tempDir } from '../support/services.js';
import { order, Shop } from './shop.js';

/** All that a preview could have left behind. */
const TRACES = `SELECT (SELECT string_agg(c.oid || c.relname || coalesce(s.n_tup_ins, 0), ',' ORDER BY c.oid) FROM pg_class c LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
    WHERE relnamespace IN ('public'::regnamespace, 'glossier'::regnamespace)) AS relations, (SELECT count(*) FROM glossier.drop_files) AS files`;

test('a preview tells what a load then does, also what a rule of the tables refuses, needs no Kafka and leaves nothing behind', async t => {
  const dir = tempDir();
  t.after(() => removeServices(dir));
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '1', BATCH_ORDERS: '100', SESSION_TIMEOUT: '30s' });
  const [first, second] = ['first', 'second'].map(name => join(dir, `${name}.zip`));
  const a = await makeDrop(first, { seed: 81, dates: ['2017-12-01'], orders: 80, awkward: 0, layout: 'line' });
  let n = 0;
  await makeDrop(second, {
    seed: 82,
    dates: ['2017-12-02', '2018-01-01'],
    orders: 60,
    awkward: 0.3,
    firstId: 2n ** 58n,
    layout: 'line',
    again: a.orders.slice(0, 10),
    alter: o => (n++ % 2 === 0 ? o : [...o, ['"gift"', 'true']]),
    bad: true,
    broken: true,
  });
  await shop.run(0, ['load', first]);
  await shop.query('ALTER TABLE orders__2017_12 ADD CHECK (id % 7 <> 0) NOT VALID');
  const [before] = await shop.query(TRACES);
  const told: Preview = JSON.parse((await shop.run(3, ['preview', second, '--json'], { KAFKA_BROKERS: undefined })).stdout);
  assert.deepEqual(await shop.query(TRACES), [before]);
  const text = (await shop.run(3, ['preview', second], { KAFKA_BROKERS: undefined })).stdout;
  assert.match(text, /2018_01 +\d+ order\(s\), total_price [\d.]+, a new month\n/);
  assert.match(text, /changed +new field\(s\), kept in extra: /);

  await shop.run(3, ['load', second, '--accept-rejects']);
  const [books] = await shop.query(
    "SELECT loaded, bypassed, identical, conflicting, rejected, line_items FROM glossier.drop_books WHERE name = 'second.zip'",
  );
  const { identical, conflicting, unknown } = told.bypassed;
  assert.deepEqual(
    [
      told.loads,
      identical + conflicting + unknown,
      identical,
      conflicting,
      told.rejected.reduce((sum, r) => sum + r.count, 0),
      told.line_items,
    ].map(String),
    Object.values(books),
  );
  assert.ok(conflicting >= 4 && identical >= 4 && told.rejected.some(r => r.code === 'refused_by_database'));
  const reasons = await shop.query(
    "SELECT code, path, sum(rejects) AS n FROM glossier.rejects_by_reason WHERE kind = 'order' GROUP BY 1, 2 ORDER BY 1, 2",
  );
  const key = (r: { code: string; path: string }) => `${r.code} ${r.path}`;
  assert.deepEqual(told.rejected.map(r => `${key(r)} ${r.count}`).sort(), reasons.map(r => `${r.code} ${r.path} ${r.n}`).sort());
  const months = await shop.query(
    `SELECT replace(substr(o.tableoid::regclass::text, 9), '"', '') AS month, count(*) AS orders FROM orders o JOIN glossier.known_orders k ON k.order_id = o.id
       JOIN glossier.drop_files USING (file_no) JOIN glossier.drops d USING (topic, drop_id) WHERE d.name = 'second.zip' GROUP BY 1 ORDER BY 1`,
  );
  assert.deepEqual(
    told.months.map(m => ({ month: m.month, orders: String(m.orders) })),
    months,
  );
  assert.equal((await shop.query("SELECT count(*) AS n FROM glossier.rejects WHERE kind = 'file'"))[0].n, String(told.broken_files.length));
});

test('what looks odd in the money of a drop is told with ids, before it is loaded and after', async t => {
  const dir = tempDir();
  t.after(() => removeServices(dir));
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '1', SESSION_TIMEOUT: '30s' });
  const drop = join(dir, '2017-12-04.json');
  const sums = (total: string, more = '') =>
    `,"subtotal_price":"10.00","total_tax":"1.00","taxes_included":false,"total_discounts":"2.00","currency":"USD"${more}`.replace(
      'TOTAL',
      total,
    );
  const items = (price: string, all: string) =>
    `,"total_line_items_price":"${all}","line_items":[{"id":ID,"quantity":2,"price":"${price}"}]`;
  const orders = [
    order(1, { price: '11.00', more: sums('') + items('5.00', '10.00') }),
    order(2, { price: '9.00', more: sums('') + items('5.00', '10.00') }),
    order(3, { price: '12.00', more: sums('') }),
    order(4, { price: '16.00', more: sums('', ',"shipping_lines":[{"price":"5.00"}]') }),
    order(5, { price: '-1.00' }),
    order(6, { price: '11.00', more: sums('') + items('5.01', '10.00') }),
    order(7, { more: ',"currency":"EUR","name":"#7"' }),
    order(8, { more: ',"name":"#7"' }),
  ].map((o, at) => o.replaceAll('ID', String(100 + at)));
  await writeFile(drop, `{"orders":[${orders.join(',')}]}`);
  const want = [
    ['line_items_differ', 1, '6'],
    ['name_twice', 2, '7,8'],
    ['negative_total', 1, '5'],
    ['several_currencies', 2, 'EUR (1),USD (5)'],
    ['total_is_no_sum', 1, '3'],
  ];
  const plain = (notes: Preview['notes']) => notes.map(({ note, count, examples }) => [note, count, [...examples].sort().join()]);
  const told: Preview = JSON.parse((await shop.run(0, ['preview', drop, '--json'])).stdout);
  assert.deepEqual(plain(told.notes), want);
  await shop.run(0, ['load', drop]);
  const status = JSON.parse((await shop.run(0, ['status', '--json'])).stdout);
  assert.deepEqual(plain(status.drops[0].notes), want);
  assert.match((await shop.run(0, ['status'])).stdout, /Drop \w+: 1 × total_price below 0: 5\n/);
});
