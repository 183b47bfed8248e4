/**
 * Forgets users: first enters whom, so that whatever is loaded from then on is loaded without them; then empties or removes what the tables have.
 *
 * The same request may be carried out any number of times, by anybody who has read it: the command that made it, a worker that finds it in
 * the drops topic of a database that was put back to an earlier state, a rebuild for its copy.
 */
import type { ForgetRecord } from '../../shared/drop-record.js';
import { PERSONAL_FIELDS, USER_FIELDS } from '../../shared/order.js';
import type { Database } from '../load/database.js';
import { forgetRejects } from '../load/forget-rejects.js';
import { fieldsHash, lockMerges } from '../merge/merge-users.js';
import { ORDER_COLUMNS, quote, type Tables } from '../schema/tables.js';
import type { ForgottenUsers, Keeps } from '../transform/forgotten.js';

/** Milliseconds: the order tables have no index by user, and are read whole. */
const LONG = 6 * 60 * 60_000;

/** Rows that were emptied or removed. */
export interface ForgottenRows {
  orders: number;
  line_items: number;
  /** Of user_stats and user_staging. */
  users: number;
  rejects: number;
}

/**
 * Enters requests that are new. When this has ended every transaction that loads has either committed, and what it loaded is carried out by
 * forgetEntered, or knows of them.
 *
 * @returns whether any was new. A user of whom nothing was kept stays one
 */
export async function enterRequests(db: Database, { forgottenUsers }: Tables, requests: readonly ForgetRecord[]): Promise<boolean> {
  if (requests.length === 0) return false;
  await db.query("BEGIN; SET LOCAL lock_timeout = '20s'");
  try {
    // each load holds a lock that this one waits for, from before its first row to its COMMIT; who only reads the table is in nobody's way, a
    // backup that takes hours for one
    await db.query(`LOCK TABLE ${forgottenUsers} IN EXCLUSIVE MODE`);
    const { rowCount } = await db.query(
      `INSERT INTO ${forgottenUsers} AS f (user_id, keeps, reason, requested_at)
       SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::timestamptz[])
       ON CONFLICT (user_id) DO UPDATE SET keeps = excluded.keeps, reason = excluded.reason, requested_at = excluded.requested_at, no = DEFAULT, done_at = NULL
         WHERE f.keeps = 'money' AND excluded.keeps = 'nothing'`,
      [requests.map(r => r.user), requests.map(r => r.keeps), requests.map(r => r.reason), requests.map(r => r.at)],
    );
    await db.query('COMMIT');
    return (rowCount ?? 0) > 0;
  } catch (error) {
    await db.rollback();
    throw error;
  }
}

/**
 * Carries out what was entered and is not done, in one transaction: readers see all of a user's rows, or what is left of them.
 *
 * @returns null when nothing waits; `denied` where something does and this user may only load
 */
export async function forgetEntered(db: Database, t: Tables): Promise<ForgottenRows | null | 'denied'> {
  const waiting = `SELECT user_id FROM ${t.forgottenUsers} WHERE done_at IS NULL`;
  const { rows } = await db.query(
    `SELECT EXISTS (${waiting}) AS waits, has_table_privilege($1, 'UPDATE') AND has_table_privilege($1, 'DELETE') AS may`,
    [t.orders],
  );
  if (rows[0].waits !== 't') return null;
  if (rows[0].may !== 't') return 'denied';
  await db.query('BEGIN; SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0');
  try {
    // a merge under way would bring the four fields back that it took before, and a rebuild what its copy has
    await lockMerges(db, t);
    const { rows: users } = await db.query(`SELECT user_id, keeps, no FROM ${t.forgottenUsers} WHERE done_at IS NULL ORDER BY no`);
    const done = await forgetRows(db, t, new Map(users.map(r => [r.user_id, r.keeps])));
    await db.query(
      `UPDATE ${t.forgottenUsers} f SET done_at = now() FROM unnest($1::bigint[], $2::bigint[]) AS d (user_id, no) WHERE (f.user_id, f.no) = (d.user_id, d.no)`,
      [users.map(r => r.user_id), users.map(r => r.no)],
    );
    await db.query('COMMIT', undefined, LONG);
    return done;
  } catch (error) {
    await db.rollback();
    throw error;
  }
}

/**
 * Empties or removes the rows of these users, as their requests say; in the transaction that is open, where others read the tables.
 *
 * @param t tables, or a copy of them
 */
export async function forgetRows(db: Database, t: Tables, users: ForgottenUsers): Promise<ForgottenRows> {
  const of = (keeps: Keeps) => [...users].filter(([, kept]) => kept === keeps).map(([user]) => user);
  const [emptied, removed] = [await emptyRows(db, t, of('money')), await removeRows(db, t, of('nothing'))];
  return {
    orders: emptied.orders + removed.orders,
    line_items: emptied.line_items + removed.line_items,
    users: emptied.users + removed.users,
    rejects: await forgetRejects(db, t, users),
  };
}

/** Nothing was to be done. */
export const NO_ROWS: ForgottenRows = { orders: 0, line_items: 0, users: 0, rejects: 0 };

/** Personal columns of the rows of these users; whatever is counted and summed stays. */
async function emptyRows(db: Database, t: Tables, users: readonly string[]): Promise<ForgottenRows> {
  const done = { ...NO_ROWS };
  if (users.length === 0) return done;
  const run = async (sql: string) => (await db.query(sql, [users], LONG)).rowCount ?? 0;
  const theirs = 'user_id = ANY($1::bigint[])';
  const empty = (columns: readonly string[]) => columns.map(c => `${quote(c)} = NULL`).join(', ');
  const filled = (columns: readonly string[]) => columns.map(c => `${quote(c)} IS NOT NULL`).join(' OR ');
  // what waits to be folded first: what it was folded into is seen behind it
  for (const table of [t.userStaging, t.userStats])
    done.users += await run(`UPDATE ${table} SET ${empty(USER_FIELDS)} WHERE ${theirs} AND (${filled(USER_FIELDS)})`);
  await run(`UPDATE ${t.userNewest} n SET fields = ${fieldsHash('s')} FROM ${t.userStats} s WHERE s.user_id = n.user_id AND n.${theirs}`);
  done.line_items = await run(
    `UPDATE ${t.lineItems} i SET extra = NULL FROM ${t.orders} o WHERE o.id = i.order_id AND o.${theirs} AND i.extra IS NOT NULL`,
  );
  const personal = ORDER_COLUMNS.filter(c => c === 'extra' || PERSONAL_FIELDS.has(c));
  done.orders = await run(`UPDATE ${t.orders} SET ${empty(personal)} WHERE ${theirs} AND (${filled(personal)})`);
  return done;
}

/** The rows of these users; the registry and the books keep that there were orders. */
async function removeRows(db: Database, t: Tables, users: readonly string[]): Promise<ForgottenRows> {
  const done = { ...NO_ROWS };
  if (users.length === 0) return done;
  const run = async (sql: string) => (await db.query(sql, [users], LONG)).rowCount ?? 0;
  const theirs = 'user_id = ANY($1::bigint[])';
  for (const table of [t.userStaging, t.userStats]) done.users += await run(`DELETE FROM ${table} WHERE ${theirs}`);
  await run(`DELETE FROM ${t.userNewest} WHERE ${theirs}`);
  const gone = `SELECT o.id AS order_id FROM ${t.orders} o WHERE o.${theirs}`;
  await run(
    `UPDATE ${t.books} b SET line_items = b.line_items - g.n FROM (
       SELECT k.file_no, k.partition, to_char(k.month, 'FM0000_00') AS month, count(*) AS n FROM (${gone}) o JOIN ${t.knownOrders} k USING (order_id)
         JOIN ${t.lineItems} i USING (order_id) GROUP BY 1, 2, 3) g
      WHERE b.file_no = g.file_no AND b.partition = g.partition AND b.month = g.month`,
  );
  done.line_items = await run(`DELETE FROM ${t.lineItems} i USING (${gone}) g WHERE i.order_id = g.order_id`);
  await run(`UPDATE ${t.knownOrders} k SET forgotten = true FROM (${gone}) g WHERE k.order_id = g.order_id`);
  done.orders = await run(`DELETE FROM ${t.orders} WHERE ${theirs}`);
  if (done.line_items > 0) await noteClaims(db, t);
  return done;
}

/** A line item that two orders claimed stood with the first; where that is gone it is the other's, whose message a rebuild reads. */
async function noteClaims(db: Database, t: Tables): Promise<void> {
  await db.query(
    `INSERT INTO ${t.rebuildDue} (relation, reason)
     SELECT 'order_line_item_mapping', 'line items of forgotten orders may belong to others that claim them' WHERE EXISTS (
       SELECT FROM ${t.orders} o LEFT JOIN (SELECT order_id, count(*) AS n FROM ${t.lineItems} GROUP BY order_id) i ON i.order_id = o.id
        WHERE o.line_item_total > coalesce(i.n, 0)) ON CONFLICT DO NOTHING`,
    undefined,
    LONG,
  );
}
