/** The invariants of the tables as SQL: each check counts what breaks it, with a few examples. */

import type { TopicOffsets } from '../../shared/kafka.js';
import { PERSONAL_FIELDS, USER_FIELDS } from '../../shared/order.js';
import type { Database } from '../load/database.js';
import { readPositions } from '../load/positions.js';
import { fieldsHash } from '../merge/merge-users.js';
import { monthTable, type Tables } from '../schema/tables.js';
import { fillPartTables, makePartTables, ofOrders, ofUsers, type Relations, type VerifyPart } from './verify-part.js';

export interface CheckResult {
  /** Short name for programs. */
  check: string;
  /** What must hold, in words. */
  rule: string;
  /** How much breaks it. */
  broken: number;
  /** Up to five of what breaks it, as text. */
  examples: string[];
}

interface Check {
  check: string;
  rule: string;
  /**
   * Which rows it reads of a part: those of its orders, of its users, those of its drop where the part is one (a part by time has no books of its
   * own), or all, where that is little.
   */
  part: 'orders' | 'users' | 'drop' | 'all';
  /** Gives a column `what` for each breach. */
  sql: (t: Relations, drained: string | null) => string;
}

const CHECKS: readonly Check[] = [
  {
    check: 'order_once',
    part: 'orders',
    rule: 'an order stands in one month table, once',
    sql: t => `SELECT 'order ' || id AS what FROM ${t.orders} o GROUP BY id HAVING count(*) > 1`,
  },
  {
    check: 'order_known',
    part: 'orders',
    rule: 'every order in a month table was loaded from a message, into that month',
    sql: t => `SELECT 'order ' || o.id || ' in ' || o.tableoid::regclass AS what FROM ${t.orders} o LEFT JOIN ${t.knownOrders} k ON k.order_id = o.id
      WHERE k.order_id IS NULL OR o.tableoid <> coalesce(to_regclass('${t.schema.replaceAll("'", "''")}.${monthTable('')}' || to_char(k.month, 'FM0000_00')), 0)`,
  },
  {
    check: 'order_kept',
    part: 'orders',
    rule: 'every order that was loaded stands in a month table, but for those of users of whom nothing is kept',
    sql: t =>
      `SELECT 'order ' || k.order_id AS what FROM ${t.knownOrders} k LEFT JOIN ${t.orders} o ON o.id = k.order_id WHERE (o.id IS NULL) <> (k.forgotten IS TRUE)`,
  },
  {
    check: 'line_item_order',
    part: 'orders',
    rule: 'every line item belongs to an order',
    sql: t => `SELECT 'line item ' || m.line_item_id || ' of order ' || m.order_id AS what FROM ${t.lineItems} m
      LEFT JOIN ${t.orders} o ON o.id = m.order_id WHERE o.id IS NULL`,
  },
  {
    check: 'line_item_total',
    part: 'orders',
    rule: 'an order has no more line items than line_item_total says',
    sql: t => `SELECT 'order ' || o.id || ' has ' || m.n || ' of ' || o.line_item_total AS what FROM ${t.orders} o
      JOIN (SELECT order_id, count(*) AS n FROM ${t.lineItems} i GROUP BY order_id) m ON m.order_id = o.id WHERE m.n > o.line_item_total OR o.line_item_total IS NULL`,
  },
  {
    check: 'line_item_books',
    part: 'drop',
    rule: 'the mapping has as many line items as the books say were loaded',
    sql: t => `SELECT have || ' line items, books say ' || want AS what FROM (SELECT (SELECT count(*) FROM ${t.lineItems} i) AS have,
      (SELECT coalesce(sum(line_items), 0) FROM ${t.books} b) AS want) n WHERE have <> want`,
  },
  {
    check: 'order_books',
    part: 'drop',
    rule: 'the books count each loaded order of a file, partition and month',
    sql: t => `SELECT 'file ' || file_no || ' partition ' || partition || ': ' || coalesce(k.n, 0) || ' orders, books say ' || coalesce(b.n, 0) AS what
      FROM (SELECT file_no, partition, month, count(*) AS n FROM ${t.knownOrders} o GROUP BY 1, 2, 3) k
      FULL JOIN (SELECT file_no, partition, replace(month, '_', '')::integer AS month, loaded AS n FROM ${t.books} e WHERE month <> '' AND loaded > 0) b
      USING (file_no, partition, month) WHERE coalesce(k.n, 0) <> coalesce(b.n, 0)`,
  },
  {
    check: 'user_sums',
    part: 'users',
    rule: "user_stats with user_staging holds each user's orders: number, spend, first and last",
    sql: t => `WITH told AS (
        SELECT user_id, sum(total_orders) AS n, sum(total_spend) AS spend, min(min_processed_at) AS first, max(max_processed_at) AS last FROM (
          SELECT user_id, total_orders, total_spend, min_processed_at, max_processed_at FROM ${t.userStats} s
          UNION ALL SELECT user_id, total_orders, total_spend, min_processed_at, max_processed_at FROM ${t.userStaging} g) u GROUP BY user_id),
      real AS (SELECT user_id, count(*) AS n, sum(total_price) AS spend, min(processed_at) AS first, max(processed_at) AS last
        FROM ${t.orders} o WHERE user_id IS NOT NULL GROUP BY user_id)
      SELECT 'user ' || user_id AS what FROM told FULL JOIN real USING (user_id)
       WHERE (told.n, told.spend, told.first, told.last) IS DISTINCT FROM (real.n, real.spend, real.first, real.last)`,
  },
  {
    check: 'user_days',
    part: 'users',
    rule: 'total_days is whole days from the first to the last order, plus one',
    sql: t => `SELECT 'user ' || user_id AS what FROM ${t.userStats} s
      WHERE total_days <> floor(extract(epoch FROM max_processed_at - min_processed_at) / 86400)::integer + 1`,
  },
  {
    check: 'user_newest',
    part: 'users',
    rule: "a user's four fields come from the newest of the merged orders",
    sql: t => `SELECT 'user ' || coalesce(s.user_id, n.user_id) AS what FROM ${t.userStats} s FULL JOIN ${t.userNewest} n ON n.user_id = s.user_id
       LEFT JOIN ${t.orders} o ON o.id = n.order_id
      WHERE n.user_id IS NULL OR s.user_id IS NULL OR o.id IS NULL OR n.processed_at <> s.max_processed_at OR n.fields <> ${fieldsHash('s')} OR o.processed_at <> n.processed_at
         OR o.user_id <> n.user_id`,
  },
  {
    check: 'forgotten_users',
    part: 'all',
    rule: 'of users who were forgotten no personal column is filled, and where nothing is kept there is no row',
    sql: t => `SELECT 'user ' || user_id AS what FROM ${t.forgottenUsers} f JOIN (
        SELECT user_id, num_nonnulls(${USER_FIELDS.join(', ')}) AS filled FROM ${t.userStats} UNION ALL SELECT user_id, num_nonnulls(${USER_FIELDS.join(', ')}) FROM ${t.userStaging}
        UNION ALL SELECT user_id, num_nonnulls(${[...PERSONAL_FIELDS].join(', ')}, extra) FROM ${t.orders}) r USING (user_id)
      WHERE f.done_at IS NOT NULL AND (f.keeps = 'nothing' OR r.filled > 0) GROUP BY user_id`,
  },
  {
    check: 'rebuild_due',
    part: 'all',
    rule: 'every table means what this version means by it',
    sql: t => `SELECT relation || ': ' || reason AS what FROM ${t.rebuildDue}`,
  },
  {
    check: 'position_batches',
    part: 'all',
    rule: 'the loaded batches of a partition follow on each other, from its first offset to its position',
    sql: t => `SELECT topic || '/' || partition || ' at ' || coalesce(p.next_offset::text, 'no position') || ', batches to ' || coalesce(b.last::text, 'none') AS what
      FROM ${t.positions} p FULL JOIN (
        SELECT topic, partition, min(from_offset) AS first, max(to_offset) AS last, sum(to_offset - from_offset) AS covered FROM ${t.batches} GROUP BY 1, 2) b
      USING (topic, partition)
      WHERE coalesce(p.next_offset, -1) <> coalesce(b.last, p.next_offset) OR b.last - b.first <> b.covered OR (b.last IS NULL AND p.next_offset > 0)`,
  },
  {
    check: 'message_books',
    part: 'all',
    rule: 'the books account for every message of a partition: loaded, bypassed, rejected or repeated',
    sql: t => `SELECT topic || '/' || partition || ': ' || coalesce(b.n, 0) || ' messages, books say ' || coalesce(k.n, 0) AS what
      FROM (SELECT topic, partition, sum(messages) AS n FROM ${t.batches} GROUP BY 1, 2) b
      FULL JOIN (SELECT topic, partition, sum(loaded + bypassed + rejected + repeated) AS n FROM ${t.books} JOIN ${t.dropFiles} USING (file_no) GROUP BY 1, 2) k
      USING (topic, partition) WHERE coalesce(b.n, 0) <> coalesce(k.n, 0)`,
  },
  {
    check: 'reject_books',
    part: 'all',
    rule: 'every rejected order is kept, and leaves the books when a retry loads or bypasses it',
    sql: t => `SELECT coalesce(r.drop_id, k.drop_id) || ': ' || coalesce(r.n, 0) || ' rejects, books say ' || coalesce(k.n, 0) AS what
      FROM (SELECT topic, drop_id, count(*) AS n FROM ${t.rejects} WHERE kind = 'order' AND settled IS NULL GROUP BY 1, 2) r
      FULL JOIN (SELECT topic, drop_id, sum(rejected) AS n FROM ${t.books} JOIN ${t.dropFiles} USING (file_no) GROUP BY 1, 2) k
      USING (topic, drop_id) WHERE coalesce(r.n, 0) <> coalesce(k.n, 0)`,
  },
  {
    check: 'drop_books',
    part: 'all',
    rule: 'of each drop: published = loaded + bypassed + rejected',
    // a drop that is still being loaded may have less in the books, never more
    sql: (
      t,
      drained,
    ) => `SELECT 'drop ' || d.drop_id || ' (' || d.name || '): ' || coalesce(k.n, 0) || ' of ' || d.orders AS what FROM ${t.drops} d
      LEFT JOIN (SELECT topic, drop_id, sum(loaded + bypassed + rejected) AS n FROM ${t.books} JOIN ${t.dropFiles} USING (file_no) GROUP BY 1, 2) k
      USING (topic, drop_id)
      WHERE d.state = 'published' AND (k.n > d.orders ${drained === null ? '' : `OR (coalesce(k.n, 0) < d.orders AND d.finished_at <= '${drained}')`})`,
  },
];

export interface VerifyOptions {
  /** What the topic held at an instant: where all of that is in the tables, the drops published by then must be whole. */
  ends: { at: Date; offsets: TopicOffsets[] } | null;
  topic: string;
  /** Without one, everything is checked. */
  part?: VerifyPart;
  /** Told before each check, and at the end: how many are done, of how many. */
  onCheck?: (done: number, of: number, rule: string) => void;
}

/** Milliseconds that one check may take. */
const LIMIT = 60 * 60_000;

/**
 * Runs every check, all on one snapshot, so that a worker that loads meanwhile breaks none. Postgres sorts and joins on its disk what does not fit
 * into its memory, and five examples of each breach come here, so the size of the tables moves no memory.
 *
 * @returns what each check found; and of a part, how many orders it has
 */
export async function verify(
  db: Database,
  tables: Tables,
  options: VerifyOptions,
): Promise<{ results: CheckResult[]; orders: number | null }> {
  const { ends, topic, part, onCheck } = options;
  const results: CheckResult[] = [];
  if (part !== undefined) await makePartTables(db, tables);
  await db.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  await db.query("SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL work_mem = '32MB'");
  const positions = ends === null ? null : await readPositions(db, tables, topic);
  const drained = ends?.offsets.every(o => (positions!.get(o.partition) ?? 0) >= o.end) ? ends.at.toISOString() : null;
  const orders = part === undefined ? null : await fillPartTables(db, tables, topic, part, LIMIT);
  const relations = { orders: ofOrders(tables), users: ofUsers(tables), drop: ofOrders(tables), all: tables };
  const checks = CHECKS.filter(c => c.part !== 'drop' || part === undefined || part.since === undefined);
  for (const [n, { check, rule, sql, ...c }] of checks.entries()) {
    onCheck?.(n, checks.length, rule);
    const { rows } = await db.query(
      `WITH breach AS MATERIALIZED (${sql(part === undefined ? tables : relations[c.part], drained)}) SELECT (SELECT count(*) FROM breach) AS n,
         (SELECT coalesce(jsonb_agg(w), '[]')::text FROM (SELECT what::text AS w FROM breach ORDER BY 1 LIMIT 5) x) AS list`,
      undefined,
      LIMIT,
    );
    results.push({ check, rule, broken: Number(rows[0].n), examples: JSON.parse(rows[0].list) });
  }
  await db.query('COMMIT');
  onCheck?.(checks.length, checks.length, '');
  return { results, orders };
}
