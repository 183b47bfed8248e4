/** Folds user_staging into user_stats: newest wins, sums add up. */
import { USER_FIELDS } from '../../shared/order.js';
import type { Database } from '../load/database.js';
import type { Tables } from '../schema/tables.js';

/** One fold at a time in the whole deployment. */
const LOCK = 720_575_945;

/** SQL that gives the md5 of a user's four fields; verify holds user_stats against it. */
export function fieldsHash(row: string): string {
  return `md5(ROW(${USER_FIELDS.map(f => `${row}.${f}`).join(', ')})::text)`;
}

export interface MergeResult {
  /** Rows of user_staging that were folded. */
  staged: number;
  /** New users. */
  inserted: number;
  /** Users that were there. */
  updated: number;
}

/**
 * One fold, in one transaction: the rows that it takes out of user_staging are the rows that it adds to user_stats. What workers commit
 * meanwhile is not seen by it and stays for the next.
 *
 * The four fields come from the order with the greatest (processed_at, id), nulls included; user_newest keeps which one that was, as
 * user_stats itself has no order id.
 */
export async function mergeUsers(db: Database, tables: Tables): Promise<MergeResult> {
  await db.query('BEGIN; SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0');
  try {
    await lockMerges(db, tables);
    const result = await foldStaged(db, tables);
    if (result.staged > 0) await noteMerge(db, tables, result);
    await db.query('COMMIT');
    return result;
  } catch (error) {
    await db.rollback();
    throw error;
  }
}

/** Keeps others from folding until the transaction ends, and waits for one that folds. */
export async function lockMerges(db: Database, tables: Tables): Promise<void> {
  await db.query('SELECT pg_advisory_xact_lock($1, hashtext($2))', [LOCK, tables.analysts], 10 * 60_000);
}

/** Writes down that users were folded. */
export async function noteMerge(db: Database, { merges }: Tables, { staged, inserted, updated }: MergeResult): Promise<void> {
  await db.query(`INSERT INTO ${merges} (staged, inserted, updated) VALUES ($1, $2, $3)`, [staged, inserted, updated]);
}

/** The fold itself, within a transaction that holds the lock. */
export async function foldStaged(db: Database, { userStaging, userStats, userNewest }: Tables): Promise<MergeResult> {
  const { rows } = await db.query(
    `WITH taken AS (DELETE FROM ${userStaging} RETURNING *),
       newest AS (
         SELECT DISTINCT ON (user_id) user_id, customer_locale, buyer_accepts_marketing, contact_email, phone, max_processed_at, newest_order_id
           FROM taken ORDER BY user_id, max_processed_at DESC, newest_order_id DESC),
       folded AS (
         SELECT n.*, s.orders, s.spend, s.first FROM newest n JOIN (
           SELECT user_id, sum(total_orders)::bigint AS orders, sum(total_spend) AS spend, min(min_processed_at) AS first
             FROM taken GROUP BY user_id) s USING (user_id)),
       changed AS (
         UPDATE ${userStats} u SET
           customer_locale = CASE WHEN w.newer THEN f.customer_locale ELSE u.customer_locale END,
           buyer_accepts_marketing = CASE WHEN w.newer THEN f.buyer_accepts_marketing ELSE u.buyer_accepts_marketing END,
           contact_email = CASE WHEN w.newer THEN f.contact_email ELSE u.contact_email END,
           phone = CASE WHEN w.newer THEN f.phone ELSE u.phone END,
           total_orders = u.total_orders + f.orders,
           total_spend = u.total_spend + f.spend,
           min_processed_at = least(u.min_processed_at, f.first),
           max_processed_at = greatest(u.max_processed_at, f.max_processed_at),
           total_days = floor(extract(epoch FROM greatest(u.max_processed_at, f.max_processed_at) - least(u.min_processed_at, f.first)) / 86400)::integer + 1
           FROM folded f
           LEFT JOIN ${userNewest} k USING (user_id)
           CROSS JOIN LATERAL (SELECT k.user_id IS NULL OR (f.max_processed_at, f.newest_order_id) > (k.processed_at, k.order_id) AS newer) w
          WHERE u.user_id = f.user_id RETURNING u.user_id),
       added AS (
         INSERT INTO ${userStats} (user_id, customer_locale, buyer_accepts_marketing, contact_email, phone, total_orders, total_spend,
             min_processed_at, max_processed_at, total_days)
         SELECT user_id, customer_locale, buyer_accepts_marketing, contact_email, phone, orders, spend, first, max_processed_at,
             floor(extract(epoch FROM max_processed_at - first) / 86400)::integer + 1
           FROM folded f WHERE NOT EXISTS (SELECT FROM ${userStats} u WHERE u.user_id = f.user_id) ORDER BY user_id RETURNING user_id),
       kept AS (
         INSERT INTO ${userNewest} AS k (user_id, processed_at, order_id, fields)
         SELECT user_id, max_processed_at, newest_order_id, ${fieldsHash('folded')} FROM folded ORDER BY user_id
         ON CONFLICT (user_id) DO UPDATE SET processed_at = excluded.processed_at, order_id = excluded.order_id, fields = excluded.fields
           WHERE (excluded.processed_at, excluded.order_id) > (k.processed_at, k.order_id))
       SELECT (SELECT count(*) FROM taken) AS staged, (SELECT count(*) FROM added) AS inserted, (SELECT count(*) FROM changed) AS updated`,
    undefined,
    10 * 60_000,
  );
  return { staged: Number(rows[0].staged), inserted: Number(rows[0].inserted), updated: Number(rows[0].updated) };
}
