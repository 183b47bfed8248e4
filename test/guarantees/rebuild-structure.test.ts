/** Tables that somebody has built otherwise: a rebuild names it, and makes them as they must be, with what they must hold. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare } from '../support/compare.js';
import { loadedShop } from './damage.js';

interface Told {
  table: string;
  added: number;
  removed: number;
  changed: number;
  columns: Record<string, number>;
  structure?: string[];
}

const ROUNDS: { damage: string[]; told: Record<string, RegExp> }[] = [
  {
    damage: [
      'ALTER TABLE orders__2017_11 NO INHERIT orders',
      'ALTER TABLE orders__2017_12 DROP CONSTRAINT orders__2017_12_pkey',
      'INSERT INTO orders__2017_12 SELECT * FROM orders__2017_12 WHERE id % 2 = 0',
      'ALTER TABLE user_stats DROP CONSTRAINT user_stats_pkey; INSERT INTO user_stats SELECT * FROM user_stats',
      'ALTER TABLE orders DROP CONSTRAINT orders_stand_in_month_tables; INSERT INTO orders (id, total_price) VALUES (5, 5)',
      'ALTER TABLE order_line_item_mapping SET UNLOGGED',
      "DROP INDEX glossier.rejects_place; INSERT INTO glossier.rejects (kind, topic, drop_id, file, order_index, partition, record_offset, order_id, code, path, reason, value, month) SELECT kind, topic, drop_id, file, order_index, partition, record_offset, order_id, code, path, reason, value, month FROM glossier.rejects WHERE kind = 'order'",
      'CREATE TABLE public.orders__2016_01 (PRIMARY KEY (id)) INHERITS (orders); INSERT INTO public.orders__2016_01 (id, total_price) VALUES (7, 7)',
      'CREATE SCHEMA mine; CREATE TABLE mine.archive () INHERITS (orders); INSERT INTO mine.archive (id, total_price) VALUES (8, 8)',
    ],
    told: {
      orders__2017_11: /^is no part of orders$/,
      orders__2017_12: /^has no PRIMARY KEY \(id\)$/,
      user_stats: /^has no PRIMARY KEY \(user_id\)$/,
      orders: /^has no CHECK \(false\) NO INHERIT$/,
      order_line_item_mapping: /^is unlogged/,
      'glossier.rejects': /^has no UNIQUE INDEX rejects_place$/,
      'mine.archive': /^is a part of orders and no month$/,
    },
  },
  {
    damage: [
      'ALTER TABLE orders DROP COLUMN note, ALTER total_price TYPE text, ALTER closed_at TYPE date',
      'ALTER TABLE user_stats DROP COLUMN total_spend, ALTER total_orders TYPE text',
      'ALTER TABLE order_line_item_mapping DROP CONSTRAINT order_line_item_mapping_pkey, DROP COLUMN order_id, ALTER quantity TYPE smallint USING 3',
      'ALTER TABLE glossier.known_orders DROP COLUMN order_index',
      'ALTER TABLE glossier.books ALTER loaded DROP NOT NULL; UPDATE glossier.books SET loaded = NULL',
    ],
    told: {
      orders: /note is missing; .*total_price is text and not numeric\(19,4\)|closed_at is date and not timestamp with time zone/,
      user_stats: /total_orders is text and not bigint; the column total_spend is missing/,
      order_line_item_mapping: /order_id is missing; the column quantity is smallint and not integer; has no PRIMARY KEY/,
      'glossier.known_orders': /order_index is missing/,
      'glossier.books': /loaded may be null/,
    },
  },
  { damage: ['DROP TABLE user_stats, orders__2018_01, user_staging'], told: { user_stats: /^is missing$/, user_staging: /^is missing$/ } },
  {
    damage: ['DROP TABLE orders, order_line_item_mapping CASCADE'],
    told: { orders: /^is missing$/, order_line_item_mapping: /^is missing$/ },
  },
];

test('tables, columns, types, keys and rules that somebody has dropped or changed are named by a dry run, and are there again after a rebuild', {
  timeout: 400_000,
}, async t => {
  const { shop } = await loadedShop(t, 30);
  for (const { damage, told } of ROUNDS) {
    for (const sql of damage) await shop.query(sql);
    const { stdout } = await shop.run(4, ['rebuild', '--dry-run', '--json']);
    const found = (JSON.parse(stdout).differences as Told[]).filter(d => d.structure !== undefined);
    const words = Object.fromEntries(found.map(d => [d.table, d.structure!.join('; ')]));
    assert.deepEqual(Object.keys(words).sort(), Object.keys(told).sort(), JSON.stringify(words));
    for (const [table, pattern] of Object.entries(told)) assert.match(words[table], pattern);
    await shop.run(0, ['rebuild']);
    assert.deepEqual(await compare(shop.url, 'public', shop.oracle), []);
  }
  // one of the program's own has nothing to be compared by
  await shop.query('DROP TABLE glossier.drop_fields, glossier.positions, glossier.known_orders');
  assert.match(
    await shop.fails(['rebuild', '--dry-run']),
    /glossier\.drop_fields, glossier\.known_orders, glossier\.positions are missing — glossier rebuild makes/,
  );
  await shop.run(0, ['rebuild']);
  await shop.check();
  assert.match((await shop.run(0, ['rebuild', '--dry-run'])).stdout, /The tables hold what the topic says/);
});
