/** Holds the relations of the analysts' schema, their columns, types and keys against the contract. */
import type pg from 'pg';
import { type Column, ITEM_COLUMNS, ORDER_COLUMNS, USER_COLUMNS } from './oracle-order.js';

/** A relation as Postgres describes it. */
interface Relation {
  columns: Map<string, string>;
  /** Columns of the primary key. */
  key: string[];
}

/** How Postgres writes the types of the contract. */
const WRITTEN: Record<string, string> = { timestamptz: 'timestamp with time zone' };

async function relations(client: pg.Client, schema: string): Promise<Map<string, Relation>> {
  const { rows } = await client.query<{ table: string; column: string | null; type: string; key: string }>(
    `select c.relname as table, a.attname as column, format_type(a.atttypid, a.atttypmod) as type,
       exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary and a.attnum = any (i.indkey)) as key
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
       left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where n.nspname = $1 and c.relkind in ('r', 'p', 'v', 'm', 'f') order by c.relname, a.attnum`,
    [schema],
  );
  const found = new Map<string, Relation>();
  for (const { table, column, type, key } of rows) {
    const relation: Relation = found.get(table) ?? { columns: new Map(), key: [] };
    found.set(table, relation);
    if (column === null) continue;
    relation.columns.set(column, type);
    if (key === 't') relation.key.push(column);
  }
  return found;
}

/**
 * @param months the months that must have a table
 * @param ignore relations that the analysts made
 * @returns the differences in words, and the relations that can be read as the contract has them
 */
export async function compareSchema(
  client: pg.Client,
  schema: string,
  months: Iterable<string>,
  ignore: readonly string[],
): Promise<{ differences: string[]; readable: Set<string> }> {
  const found = await relations(client, schema);
  const differences: string[] = [];
  const readable = new Set<string>();
  const monthTables = [...months].map(m => `orders__${m}`);
  const known = new Set([...monthTables, 'orders', 'order_line_item_mapping', 'user_stats', 'user_staging', ...ignore]);

  for (const name of monthTables) check(name, ORDER_COLUMNS, { key: 'id' });
  check('orders', ORDER_COLUMNS, { more: c => c === 'month' });
  check('order_line_item_mapping', ITEM_COLUMNS, { key: 'line_item_id' });
  check('user_stats', USER_COLUMNS, { key: 'user_id' });
  check('user_staging', USER_COLUMNS, { more: () => true });
  for (const name of found.keys()) {
    if (!known.has(name)) differences.push(`${name}: this relation is not in the contract or holds a month of no order`);
  }
  return { differences, readable };

  function check(name: string, columns: Column[], rules: { key?: string; more?: (column: string) => boolean }): void {
    const relation = found.get(name);
    if (relation === undefined) {
      differences.push(`${name}: the relation is missing`);
      return;
    }
    let complete = true;
    for (const [column, type] of columns) {
      const got = relation.columns.get(column);
      const expected = WRITTEN[type] ?? type;
      if (got === undefined) complete = false;
      if (got !== expected) differences.push(`${name}.${column}: expected type ${expected}, got ${got ?? 'no such column'}`);
    }
    for (const column of relation.columns.keys()) {
      if (columns.some(([c]) => c === column) || rules.more?.(column)) continue;
      differences.push(`${name}.${column}: this column is not in the contract`);
    }
    if (rules.key !== undefined && relation.key.join() !== rules.key) {
      differences.push(`${name}: expected primary key ${rules.key}, got ${relation.key.join() || 'none'}`);
    }
    if (complete) readable.add(name);
  }
}
