/** The expected rows held against the present ones, table by table: what is missing, what differs in which column, what is too much. */
import type { Database } from '../load/database.js';
import { differing, findDifferences, LONG } from '../rebuild/difference.js';
import type { Relation } from '../rebuild/relations.js';
import { LINE_ITEM_COLUMNS, monthTable, ORDER_COLUMNS, quote, type Tables } from '../schema/tables.js';
import type { Expected } from './expected.js';
import { type Difference, join, type Listed, type MissingOrder, MOST_LISTED, type Proof, type RowOf } from './proof.js';

/** Characters of a value that are shown. */
const MOST_SHOWN = 200;

export interface Compared {
  db: Database;
  live: Tables;
  expected: Expected;
  proof: Proof;
  topic: string;
  drops: readonly string[];
}

/** All that the drop's orders gave, and what says that it came from the drop. */
export async function compareTables(c: Compared): Promise<void> {
  const there = await compareRows(c);
  await findStrangers(c, there);
}

/** The rows of the expected orders alone. @returns the month tables that are there */
export async function compareRows(c: Compared): Promise<ReadonlySet<string>> {
  const { db, live, expected, proof } = c;
  await expected.analyze();
  await settleSharedItems(c);
  const there = await tablesThere(c);
  const relations: Relation[] = [...expected.months].sort().map(month => ({
    name: monthTable(month),
    live: there.has(monthTable(month)) ? live.month(month) : null,
    copy: expected.tables.month(month),
    key: ['id'],
    columns: ORDER_COLUMNS.slice(1),
    pairs: 'c.id IS NOT NULL', // the rest of the month is other drops'
  }));
  relations.push({
    name: 'order_line_item_mapping',
    live: live.lineItems,
    copy: expected.tables.lineItems,
    key: ['line_item_id'],
    columns: LINE_ITEM_COLUMNS.slice(1),
    pairs: 'c.line_item_id IS NOT NULL',
  });
  relations.push({
    name: live.knownOrders,
    live: live.knownOrders,
    copy: expected.tables.knownOrders,
    key: ['order_id'],
    columns: ['month', 'content'],
    pairs: '(c.order_id IS NOT NULL AND l.order_id IS NOT NULL AND (l.content IS NOT NULL OR l.month <> c.month))',
  });
  const found = await findDifferences(db, relations);
  for (const [at, relation] of relations.entries()) {
    if (found[at].changed > 0) join(proof.differing, await changed(c, relation, at));
    if (found[at].added === 0) continue;
    if (relation.key[0] === 'id') join(proof.missing, await missingOrders(c, at));
    else join(proof.missing_rows, await missingItems(c, at));
  }
  await findExtra(c);
  return there;
}

/** A list that is counted as a whole and given out in part. Ids are to be text, as JSON's numbers would cut them. */
export async function listed<T>(db: Database, sql: string, values: unknown[] = []): Promise<Listed<T>> {
  const { rows } = await db.query(
    `WITH found AS MATERIALIZED (${sql}) SELECT (SELECT count(*) FROM found) AS n,
       (SELECT coalesce(json_agg(f), '[]')::text FROM (SELECT * FROM found LIMIT ${MOST_LISTED}) f) AS list`,
    values,
    LONG,
  );
  return { count: Number(rows[0].n), list: JSON.parse(rows[0].list) };
}

/** Every value that differs, with what it is and what it should be. */
function changed({ db }: Compared, { name, live, copy, key: [key] }: Relation, at: number): Promise<Listed<Difference>> {
  const shown = (row: string) => `left(to_jsonb(${row})->>column_name, ${MOST_SHOWN})`;
  return listed(
    db,
    `SELECT '${name}' AS table, d.${quote(key)}::text AS id, column_name AS column, ${shown('l')} AS is, ${shown('c')} AS should_be
       FROM ${differing(at)} d CROSS JOIN unnest(d.in_columns) WITH ORDINALITY AS u (column_name, n)
       JOIN ${live} l ON l.${quote(key)} = d.${quote(key)} JOIN ${copy} c ON c.${quote(key)} = d.${quote(key)}
      WHERE d.what = 'changed' ORDER BY d.${quote(key)}, n`,
  );
}

/** Orders that are known and in no, or in a wrong, month table. */
function missingOrders({ db, live }: Compared, at: number): Promise<Listed<MissingOrder>> {
  return listed(
    db,
    `SELECT d.id::text AS order, f.file, k.order_index AS index, k.partition, k.record_offset AS offset,
            (SELECT c.relname FROM ${live.orders} o JOIN pg_class c ON c.oid = o.tableoid WHERE o.id = d.id LIMIT 1) AS elsewhere
       FROM ${differing(at)} d JOIN ${live.knownOrders} k ON k.order_id = d.id JOIN ${live.dropFiles} f USING (file_no) WHERE d.what = 'added' ORDER BY d.id`,
  );
}

function missingItems({ db, expected }: Compared, at: number): Promise<Listed<RowOf>> {
  return listed(
    db,
    `SELECT 'order_line_item_mapping' AS table, d.line_item_id::text AS id, 'line item of order ' || c.order_id AS why
       FROM ${differing(at)} d JOIN ${expected.tables.lineItems} c USING (line_item_id) WHERE d.what = 'added' ORDER BY d.line_item_id`,
  );
}

/**
 * Of line items with one id the first wins, and which of two orders that is may have been settled by the moment. So within the drop the order that
 * has it now is taken, if it has it in the drop as well; and one that an order of another drop has is left to it, as long as that order has
 * no more line items than it says.
 */
async function settleSharedItems({ db, live, expected, proof }: Compared): Promise<void> {
  const { lineItems, knownOrders } = expected.tables;
  // where somebody has given it to a third order, the one whose other columns it has is likelier to be the first
  const rest = (row: string) =>
    LINE_ITEM_COLUMNS.slice(2)
      .map(c => `${row}.${quote(c)}`)
      .join(', ');
  await db.query(
    `DELETE FROM ${lineItems} e USING (
       SELECT x.ctid AS row, row_number() OVER (PARTITION BY x.line_item_id ORDER BY (l.order_id IS NOT DISTINCT FROM x.order_id) DESC,
                (${rest('l')}) IS NOT DISTINCT FROM (${rest('x')}) DESC, x.ctid) AS n
         FROM ${lineItems} x LEFT JOIN ${live.lineItems} l USING (line_item_id)
        WHERE x.line_item_id IN (SELECT line_item_id FROM ${lineItems} GROUP BY 1 HAVING count(*) > 1)) twice
      WHERE e.ctid = twice.row AND twice.n > 1`,
    undefined,
    LONG,
  );
  const foreign = `SELECT e.line_item_id, e.order_id, l.order_id AS owner FROM ${lineItems} e JOIN ${live.lineItems} l USING (line_item_id)
     JOIN ${live.knownOrders} k ON k.order_id = l.order_id JOIN ${live.orders} o ON o.id = l.order_id
    WHERE e.order_id <> l.order_id AND NOT EXISTS (SELECT FROM ${knownOrders} x WHERE x.order_id = l.order_id)
      AND (SELECT count(*) FROM ${live.lineItems} i WHERE i.order_id = l.order_id) <= o.line_item_total`;
  const shared = await listed<RowOf>(
    db,
    `SELECT 'order_line_item_mapping' AS table, line_item_id::text AS id, 'of order ' || order_id || ', stands with order ' || owner || ', which had it first' AS why
       FROM (${foreign}) f ORDER BY line_item_id`,
  );
  join(proof.shared_items, shared);
  if (shared.count > 0)
    await db.query(
      `DELETE FROM ${lineItems} e USING (SELECT line_item_id AS id FROM (${foreign}) f) s WHERE e.line_item_id = s.id`,
      undefined,
      LONG,
    );
}

/** Names of the month tables that are there. */
async function tablesThere({ db, live, expected }: Compared): Promise<Set<string>> {
  const { rows } = await db.query('SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace($1) AND relname = ANY($2)', [
    quote(live.analysts),
    [...expected.months].map(monthTable),
  ]);
  return new Set(rows.map(r => r.relname));
}

/** Rows of the expected orders that they do not have. */
async function findExtra({ db, live, expected, proof }: Compared): Promise<void> {
  const { knownOrders, lineItems } = expected.tables;
  const belongs = `'${monthTable('')}' || to_char(e.month, 'FM0000_00')`;
  join(
    proof.extra,
    await listed<RowOf>(
      db,
      `SELECT c.relname AS table, o.id::text AS id, 'the order belongs into ' || ${belongs} AS why
         FROM ${live.orders} o JOIN pg_class c ON c.oid = o.tableoid JOIN ${knownOrders} e ON e.order_id = o.id WHERE c.relname <> ${belongs} ORDER BY o.id`,
    ),
  );
  join(
    proof.extra,
    await listed<RowOf>(
      db,
      `SELECT 'order_line_item_mapping' AS table, l.line_item_id::text AS id, 'order ' || l.order_id || ' was delivered without this line item' AS why
         FROM ${live.lineItems} l JOIN ${knownOrders} e USING (order_id)
        WHERE NOT EXISTS (SELECT FROM ${lineItems} x WHERE x.line_item_id = l.line_item_id) ORDER BY l.line_item_id`,
    ),
  );
}

/** Orders that say they are of this drop, which does not have them, and orders of its months that no message brought. */
async function findStrangers({ db, live, expected, proof, topic, drops }: Compared, there: ReadonlySet<string>): Promise<void> {
  join(
    proof.extra,
    await listed<RowOf>(
      db,
      `SELECT coalesce(c.relname, '${live.knownOrders}') AS table, k.order_id::text AS id,
              'is said to be of ' || f.file || ', index ' || coalesce(k.order_index::text, '-') || ', where the drop has no such order' AS why
         FROM ${live.knownOrders} k JOIN ${live.dropFiles} f USING (file_no) LEFT JOIN ${live.orders} o ON o.id = k.order_id LEFT JOIN pg_class c ON c.oid = o.tableoid
        WHERE f.topic = $1 AND f.drop_id = ANY($2) AND NOT EXISTS (SELECT FROM ${expected.tables.knownOrders} e WHERE e.order_id = k.order_id) ORDER BY k.order_id`,
      [topic, drops],
    ),
  );
  join(
    proof.extra,
    await listed<RowOf>(
      db,
      `SELECT c.relname AS table, o.id::text AS id, 'no message brought this order' AS why FROM ${live.orders} o JOIN pg_class c ON c.oid = o.tableoid
        WHERE c.relname = ANY($1) AND NOT EXISTS (SELECT FROM ${live.knownOrders} k WHERE k.order_id = o.id) ORDER BY o.id`,
      [[...there]],
    ),
  );
}
