/**
 * The oracle held against Postgres' own reading of the same JSON, and compare() against tables that were changed in one place each:
 * a check that could not fail would prove nothing.
 */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { compare } from '../support/compare.js';
import { makeDrop } from '../support/make-drop.js';
import { Oracle } from '../support/oracle.js';
import { type Column, ITEM_COLUMNS, ORDER_COLUMNS, USER_COLUMNS } from '../support/oracle-order.js';
import { cutFile, dropEntries, monthOfName } from '../support/oracle-zip.js';
import { dropDatabase, freshDatabase, tempDir } from '../support/services.js';

const oracle = new Oracle();
const SCHEMA = 'Shop "x"';
const USER = ['customer_locale', 'buyer_accepts_marketing', 'contact_email', 'phone'];
let dir: string;
let url: string;
let client: pg.Client;

before(async () => {
  dir = tempDir();
  const { path: zip } = await makeDrop(path.join(dir, 'drop.zip'), {
    seed: 11,
    dates: ['2017-10-30', '2017-11-01'],
    orders: 40,
    bad: true,
    broken: true,
    headless: true,
  });
  await oracle.load(zip);
  url = await freshDatabase();
  client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`create schema "Shop ""x"""; set search_path to "Shop ""x"""; set timezone to 'Asia/Tokyo'`);
  await buildBySql(zip);
});

after(async () => {
  await client.end();
  await dropDatabase(url);
  await rm(dir, { recursive: true });
});

/** The contract's tables from the raw JSON by casts and aggregates alone; only which orders are rejected comes from the oracle. */
async function buildBySql(zip: string): Promise<void> {
  const rejected = new Set(oracle.rejects.map(r => `${r.kind} ${r.file} ${r.index}`));
  const months: (string | null)[] = [];
  const texts: string[] = [];
  for await (const { name, bytes } of dropEntries(zip)) {
    for (const [i, element] of cutFile(bytes).elements.entries()) {
      if (rejected.has(`order ${name} ${i}`)) continue;
      months.push(monthOfName(name));
      texts.push(element.bytes.toString());
    }
  }
  const fields = ORDER_COLUMNS.filter(([, type]) => type !== 'integer' && type !== 'jsonb');
  // a whole number may come as 1e3, which a cast from text to bigint does not take
  const field = (from: string, name: string, type: string): string => {
    const text = `(${from}->>'${name}')`;
    return type === 'bigint' || type === 'integer' ? `${text}::numeric::${type}` : `${text}::${type}`;
  };
  const without = (from: string, names: string[]): string => `nullif(${from} - array['${names.join("','")}'], '{}') as extra`;
  await client.query(
    `create temp table read as select distinct on ((o->>'id')::numeric) o, n,
       coalesce(m, to_char((o->>'processed_at')::timestamptz at time zone 'UTC', 'YYYY_MM')) as month
     from (select m, t::jsonb as o, n from unnest($1::text[], $2::text[]) with ordinality as u(m, t, n)) as raw order by (o->>'id')::numeric, n`,
    [months, texts],
  );
  await client.query(`
    create temp table rows as select month, n, o, ${fields.map(([n, t]) => `${field('o', n, t)} as ${n}`).join(', ')},
      jsonb_array_length(o->'line_items') as line_item_total, ${without('o', [...fields.map(([n]) => n), ...USER, 'line_items'])} from read`);
  const tables = [...oracle.months().keys()].map(month => `orders__${month}`);
  for (const table of tables) {
    await client.query(
      `create table ${table} as select ${names(ORDER_COLUMNS)} from rows where month = '${table.slice(8)}'; alter table ${table} add primary key (id)`,
    );
  }
  await client.query(`
    create view orders as ${tables.map(t => `select * from ${t}`).join(' union all ')};
    create table order_line_item_mapping as select distinct on (1) ${field('i', 'id', 'bigint')} as line_item_id, id as order_id,
        ${field('i', 'product_id', 'bigint')} as product_id, ${field('i', 'variant_id', 'bigint')} as variant_id,
        ${field('i', 'quantity', 'integer')} as quantity, ${without('i', ['id', 'product_id', 'variant_id', 'quantity'])}
      from rows, jsonb_array_elements(o->'line_items') with ordinality as x(i, place) order by 1, n, place;
    create table user_stats as select user_id, ${USER.map(u => `(array_agg(o->>'${u}' order by processed_at desc, id desc))[1] as ${u}`).join(', ')},
        count(*) as total_orders, sum(total_price)::numeric as total_spend, min(processed_at) as min_processed_at,
        max(processed_at) as max_processed_at, extract(day from max(processed_at) - min(processed_at))::integer + 1 as total_days
      from rows where user_id is not null group by user_id;
    alter table user_stats alter buyer_accepts_marketing type boolean using buyer_accepts_marketing::boolean;
    alter table order_line_item_mapping add primary key (line_item_id);
    alter table user_stats add primary key (user_id);
    create table user_staging as select * from user_stats limit 0`);
}

function names(columns: Column[]): string {
  return columns.map(([name]) => name).join(', ');
}

/** Does something to the tables, tells what compare() says of it, and puts the table back as it was. */
async function spoilt(change: string, table?: string): Promise<string[]> {
  if (table !== undefined) await client.query(`create temp table saved as select * from ${table}`);
  await client.query(change);
  const found = await compare(url, SCHEMA, oracle);
  if (table !== undefined) await client.query(`delete from ${table}; insert into ${table} select * from saved; drop table saved`);
  return found;
}

test('the oracle and Postgres read the same', async () => {
  assert.deepEqual(await compare(url, SCHEMA, oracle), []);
});

const CHANGES: Record<string, [other: string, filled: string]> = {
  bigint: ['C + case when C > 0 then -1 else 1 end', '0'],
  integer: ['C + case when C > 0 then -1 else 1 end', '0'],
  text: [`C || ' '`, `''`],
  boolean: ['not C', 'false'],
  'numeric(19,4)': ['C + case when C > 0 then -0.0001 else 0.0001 end', '0'],
  numeric: ['C + 0.0001', '0'],
  timestamptz: [
    `C + case when C > '2000-01-01' then -interval '1 microsecond' else interval '1 microsecond' end`,
    `'2017-11-01T00:00:00Z'`,
  ],
  jsonb: [`C || '{"new": null}'`, `'{}'`],
};

for (const [table, columns] of [
  ['orders__2017_11', ORDER_COLUMNS],
  ['order_line_item_mapping', ITEM_COLUMNS],
  ['user_stats', USER_COLUMNS],
] as const) {
  test(`each changed value of ${table} is noticed`, async () => {
    const key = columns[0][0];
    for (const [column, type] of columns) {
      const [other, filled] = CHANGES[type];
      for (const [was, value] of [
        ['is not null', other.replaceAll('C', column)],
        ['is null', filled],
        ['is not null', 'null'],
      ] as const) {
        if (value === 'null' && column === key) continue;
        const { rows } = await client.query(`select ${key} as key from ${table} where ${column} ${was} order by 1 limit 1`);
        if (rows.length === 0) continue;
        const found = await spoilt(`update ${table} set ${column} = ${value} where ${key} = ${rows[0].key}`, table);
        const seen = found.filter(d => d.startsWith(`${table} ${rows[0].key} ${column}: `) || (column === key && d.startsWith(table)));
        assert.equal(seen.length, 1 + Number(column === key), `${column} ${was} -> ${value}: ${found}`);
        // an order is told twice: in its month and in `orders`
        assert.equal(found.length, seen.length * (columns === ORDER_COLUMNS ? 2 : 1), String(found));
      }
    }
  });
}

test('rows, relations and columns that are missing or too many are noticed', async () => {
  assert.match(
    String(await spoilt('delete from user_stats where user_id = (select max(user_id) from user_stats)', 'user_stats')),
    /^user_stats \d+: the row is missing$/,
  );
  assert.match(
    String(await spoilt('insert into order_line_item_mapping select 1, 2', 'order_line_item_mapping')),
    /^order_line_item_mapping 1: this row is not expected$/,
  );
  assert.match(
    String(await spoilt('insert into user_staging select * from user_stats limit 1', 'user_staging')),
    /^user_staging \d+: this row is not expected$/,
  );
  const cases: [string, string, RegExp][] = [
    ['create table orders__2011_01 (id bigint)', 'drop table orders__2011_01', /orders__2011_01: this relation/],
    ['alter table user_stats add more integer', 'alter table user_stats drop more', /user_stats\.more: this column is not in the contract/],
    [
      'alter table user_stats alter total_days type bigint',
      'alter table user_stats alter total_days type integer',
      /user_stats\.total_days: expected type integer, got bigint/,
    ],
    [
      'alter table user_stats rename phone to fax',
      'alter table user_stats rename fax to phone',
      /user_stats\.phone: expected type text, got no such column/,
    ],
    [
      'alter table user_stats drop constraint user_stats_pkey',
      'alter table user_stats add primary key (user_id)',
      /expected primary key user_id, got none/,
    ],
    ['alter table user_staging rename to gone', 'alter table gone rename to user_staging', /user_staging: the relation is missing/],
  ];
  for (const [change, undo, expected] of cases) {
    assert.match(String(await spoilt(change)), expected);
    await client.query(undo);
  }
  assert.deepEqual(await compare(url, SCHEMA, oracle), []);
});
