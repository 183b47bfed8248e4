/** What differs between two states of the tables (two schemas), or between what two drops say. Nothing is changed. */

import { ServiceError } from '../../shared/errors.js';
import { USER_FIELDS } from '../../shared/order.js';
import type { OrderMessage } from '../intake/batch.js';
import type { Database } from '../load/database.js';
import { Expected } from '../proof/expected.js';
import { monthsOf } from '../rebuild/copy-schema.js';
import { findDifferences, LONG, type TableDifference } from '../rebuild/difference.js';
import type { Relation } from '../rebuild/relations.js';
import { LINE_ITEM_COLUMNS, monthTable, ORDER_COLUMNS, quote, Tables, USER_COLUMNS } from '../schema/tables.js';
import { batchRows } from '../transform/batch-rows.js';
import type { OrderRules } from '../transform/forgotten.js';

/** Where `added` is what the second has and the first has not. */
export async function diffSchemas(db: Database, a: string, b: string): Promise<TableDifference[]> {
  const [first, second] = [new Tables(a), new Tables(b)];
  for (const t of [first, second]) {
    const { rows } = await db.query('SELECT to_regclass($1) IS NOT NULL AND to_regclass($2) IS NOT NULL AS there', [t.orders, t.userStats]);
    if (rows[0].there !== 't')
      throw new ServiceError(`the schema "${t.analysts}" has no orders and user_stats`, {
        hint: 'glossier rebuild --until … --into … makes one',
      });
  }
  await db.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL statement_timeout = 0; SET LOCAL row_security = off');
  try {
    const [inFirst, inSecond] = [await monthsOf(db, first), await monthsOf(db, second)];
    const months = [...new Set([...inFirst, ...inSecond])].sort();
    return await findDifferences(db, [
      ...months.map(month =>
        keyed(
          monthTable(month),
          inFirst.includes(month) ? first.month(month) : null,
          inSecond.includes(month) ? second.month(month) : null,
          ORDER_COLUMNS,
        ),
      ),
      keyed('order_line_item_mapping', first.lineItems, second.lineItems, LINE_ITEM_COLUMNS),
      keyed('user_stats', first.userStats, second.userStats, USER_COLUMNS),
    ]);
  } finally {
    await db.rollback();
  }
}

function keyed(name: string, live: string | null, copy: string | null, [key, ...columns]: readonly string[]): Relation {
  return { name, live, copy, key: [key], columns };
}

/** The orders of a drop; a few thousand at a time. */
export type DropOrders = AsyncIterable<{ messages: OrderMessage[] }>;

const SIDES = ['first', 'second'] as const;

/** By what each of two drops holds by itself, in temporary tables: whatever was loaded of either. */
export async function diffDrops(db: Database, live: Tables, rules: OrderRules, a: DropOrders, b: DropOrders): Promise<TableDifference[]> {
  const expected = await Expected.begin(db, live);
  try {
    for (const [at, orders] of [a, b].entries()) {
      await gather(expected, orders, rules);
      await setAside(expected, SIDES[at]);
    }
    const sides = (what: string, name: string, columns: readonly string[]) =>
      keyed(name, aside(SIDES[0], what), aside(SIDES[1], what), columns);
    return await findDifferences(db, [
      sides('orders', 'orders', ORDER_COLUMNS),
      sides('items', 'order_line_item_mapping', LINE_ITEM_COLUMNS),
      sides('users', 'user_stats', USER_COLUMNS),
    ]);
  } finally {
    await db.rollback();
  }
}

function aside(side: string, what: string): string {
  return `pg_temp.${quote(`${side}_${what}`)}`;
}

async function gather(expected: Expected, orders: DropOrders, rules: OrderRules): Promise<void> {
  for await (const { messages } of orders) {
    const batch = { messages, segments: [], bytes: 0, reason: 'orders' as const, generation: 0 };
    const known = { orders: new Set<string>(), lineItems: new Set<string>() }; // of an id that comes again the first counts
    await expected.add(batchRows(batch, () => 0, known, new Map(), rules).rows);
  }
}

/** What is gathered becomes one side, of each id the first row, and makes room for the other side. */
async function setAside(expected: Expected, side: string): Promise<void> {
  const { db, tables } = expected;
  const firsts = (from: string, key: string) =>
    `SELECT DISTINCT ON (${key}) * FROM (SELECT *, ctid AS place, tableoid AS month FROM ${from}) x ORDER BY ${key}, month, place`;
  await db.query(`CREATE TEMP TABLE ${quote(`${side}_orders`)} ON COMMIT DROP AS ${firsts(tables.orders, 'id')}`, undefined, LONG);
  await db.query(
    `CREATE TEMP TABLE ${quote(`${side}_items`)} ON COMMIT DROP AS ${firsts(tables.lineItems, 'line_item_id')}`,
    undefined,
    LONG,
  );
  const fields = USER_FIELDS.join(', ');
  await db.query(
    `CREATE TEMP TABLE ${quote(`${side}_users`)} ON COMMIT DROP AS
     SELECT user_id, ${USER_FIELDS.map(f => `n.${f}`).join(', ')}, count(*) AS total_orders, sum(total_price) AS total_spend, min(processed_at) AS min_processed_at,
            max(processed_at) AS max_processed_at, floor(extract(epoch FROM max(processed_at) - min(processed_at)) / 86400)::integer + 1 AS total_days
       FROM ${aside(side, 'orders')} o JOIN (
         SELECT DISTINCT ON (user_id) user_id, ${fields} FROM ${tables.userStaging} s
          WHERE EXISTS (SELECT FROM ${aside(side, 'orders')} f WHERE f.id = s.newest_order_id AND f.processed_at = s.max_processed_at) ORDER BY user_id, max_processed_at DESC, newest_order_id DESC) n USING (user_id)
      GROUP BY user_id, ${USER_FIELDS.map(f => `n.${f}`).join(', ')}`,
    undefined,
    LONG,
  );
  await db.query(
    `TRUNCATE ${[...expected.months]
      .map(m => tables.month(m))
      .concat(tables.lineItems, tables.userStaging, tables.knownOrders)
      .join(', ')}`,
  );
  await db.query(`ANALYZE ${['orders', 'items', 'users'].map(what => aside(side, what)).join(', ')}`, undefined, LONG);
}
