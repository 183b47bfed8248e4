/** How a user's figures add up, and which order gave the four fields. */
import { USER_FIELDS } from '../../shared/order.js';
import type { OrderMessage } from '../intake/batch.js';
import type { Database } from '../load/database.js';
import { fieldsHash } from '../merge/merge-users.js';
import type { Difference } from '../proof/proof.js';
import { STAGING_COLUMNS, type Tables } from '../schema/tables.js';
import { batchRows } from '../transform/batch-rows.js';
import { CopyText } from '../transform/copy-text.js';
import type { Keeps, OrderRules } from '../transform/forgotten.js';
import { PLACE, type Place, toPlace } from './order.js';

export interface WhyUser {
  user: string;
  /** What is kept of the user's orders, and since when, where the user was forgotten. */
  forgotten: { keeps: Keeps; reason: string; requested_at: string; done_at: string | null } | null;
  /** The row of user_stats; null where there is none. */
  stats: Record<string, string | null> | null;
  /** What waits for the next merge. */
  staged: { orders: number; spend: string };
  /** The user's orders in the month tables, by the drop that brought them; '' for messages of no drop. */
  by_drop: { drop: string; name: string | null; orders: number; spend: string; first: string; last: string }[];
  /** All of them together. */
  orders: { orders: number; spend: string; first: string; last: string; days: number } | null;
  /** By figure: whether user_stats, with what is staged, is what the orders say. */
  adds_up: Record<'total_orders' | 'total_spend' | 'min_processed_at' | 'max_processed_at' | 'total_days', boolean>;
  /** The order that gave all four fields: the one with the greatest (processed_at, id) of those merged. */
  newest: (Place & { order: string; processed_at: string }) | null;
  /** Whether that is the newest by the month tables; null while some wait to be merged. */
  newest_is_newest: boolean | null;
  /** Whether the fields are those that were merged, by the hash that was kept of them. */
  fields_unchanged: boolean | null;
  /** Fields that are not those of the order's message; null where it cannot be had. */
  differing: Difference[] | null;
}

export async function whyUser(db: Database, t: Tables, user: string): Promise<WhyUser | null> {
  const stats = (await db.query(`SELECT * FROM ${t.userStats} WHERE user_id = $1`, [user])).rows[0] ?? null;
  const staged = (
    await db.query(
      `SELECT coalesce(sum(total_orders), 0) AS orders, coalesce(sum(total_spend), 0) AS spend, min(min_processed_at) AS first, max(max_processed_at) AS last
         FROM ${t.userStaging} WHERE user_id = $1`,
      [user],
    )
  ).rows[0];
  const drops = await db.query(
    `SELECT f.drop_id AS drop, d.name, count(*) AS orders, sum(o.total_price) AS spend, min(o.processed_at) AS first, max(o.processed_at) AS last
       FROM ${t.orders} o LEFT JOIN ${t.knownOrders} k ON k.order_id = o.id LEFT JOIN ${t.dropFiles} f USING (file_no)
       LEFT JOIN ${t.drops} d ON d.topic = f.topic AND d.drop_id = f.drop_id WHERE o.user_id = $1 GROUP BY 1, 2 ORDER BY 5, 1`,
    [user],
  );
  const forgotten = (
    await db.query<NonNullable<WhyUser['forgotten']>>(
      `SELECT keeps, reason, requested_at, done_at FROM ${t.forgottenUsers} WHERE user_id = $1`,
      [user],
    )
  ).rows[0];
  if (stats === null && drops.rows.length === 0 && staged.first === null && forgotten === undefined) return null;
  const all = await db.query(
    `SELECT o.*, o.orders = s.n AS orders_fit, o.spend = s.spend AS spend_fits, o.first = s.first AS first_fits, o.last = s.last AS last_fits
       FROM (SELECT count(*) AS orders, sum(total_price) AS spend, min(processed_at) AS first, max(processed_at) AS last,
                    floor(extract(epoch FROM max(processed_at) - min(processed_at)) / 86400)::integer + 1 AS days,
                    (array_agg(id ORDER BY processed_at DESC, id DESC))[1] AS newest FROM ${t.orders} WHERE user_id = $1) o,
            (SELECT sum(total_orders) AS n, sum(total_spend) AS spend, min(min_processed_at) AS first, max(max_processed_at) AS last FROM (
               SELECT total_orders, total_spend, min_processed_at, max_processed_at FROM ${t.userStats} WHERE user_id = $1
               UNION ALL SELECT total_orders, total_spend, min_processed_at, max_processed_at FROM ${t.userStaging} WHERE user_id = $1) u) s`,
    [user],
  );
  const a = all.rows[0];
  const newest = await db.query(
    `SELECT n.order_id, n.processed_at, ${PLACE}, k.order_index, k.partition, k.record_offset, n.fields = ${fieldsHash('s')} AS unchanged
       FROM ${t.userNewest} n LEFT JOIN ${t.userStats} s USING (user_id) LEFT JOIN ${t.knownOrders} k ON k.order_id = n.order_id
       LEFT JOIN ${t.dropFiles} f USING (file_no) LEFT JOIN ${t.drops} d ON d.topic = f.topic AND d.drop_id = f.drop_id WHERE n.user_id = $1`,
    [user],
  );
  const n = newest.rows[0];
  const merged = staged.first === null;
  return {
    user,
    forgotten: forgotten ?? null,
    stats,
    staged: { orders: Number(staged.orders), spend: staged.spend },
    by_drop: drops.rows.map(r => ({
      ...r,
      drop: r.drop ?? '',
      name: r.name,
      orders: Number(r.orders),
      spend: r.spend,
      first: r.first,
      last: r.last,
    })),
    orders:
      Number(a.orders) === 0 ? null : { orders: Number(a.orders), spend: a.spend, first: a.first, last: a.last, days: Number(a.days) },
    adds_up: {
      total_orders: a.orders_fit === 't',
      total_spend: a.spend_fits === 't',
      min_processed_at: a.first_fits === 't',
      max_processed_at: a.last_fits === 't',
      total_days: stats === null ? !merged : !merged || Number(stats.total_days) === Number(a.days),
    },
    newest: n === undefined ? null : { ...toPlace(n), order: n.order_id, processed_at: n.processed_at },
    newest_is_newest: n === undefined || !merged ? null : n.order_id === a.newest,
    fields_unchanged: n === undefined ? null : n.unchanged === 't',
    differing: null,
  };
}

/** Holds the four fields against the message of the order that gave them. */
export async function holdUser(db: Database, t: Tables, why: WhyUser, message: OrderMessage, rules: OrderRules): Promise<void> {
  const batch = { messages: [message], segments: [], bytes: 0, reason: 'orders' as const, generation: 0 };
  const text = new CopyText();
  batchRows(batch, () => 0, null, new Map(), rules).rows.users.write(text);
  if (text.rows === 0 || why.stats === null) return;
  await db.query('BEGIN');
  try {
    await db.query(`CREATE TEMP TABLE said (LIKE ${t.userStaging}) ON COMMIT DROP`);
    await db.copy(`COPY said (${STAGING_COLUMNS.join(', ')}) FROM STDIN`, text.chunks());
    const { rows } = await db.query(`SELECT ${USER_FIELDS.join(', ')} FROM said`);
    why.differing = USER_FIELDS.filter(field => rows[0][field] !== why.stats![field]).map(field => ({
      table: 'user_stats',
      id: why.user,
      column: field,
      is: why.stats![field],
      should_be: rows[0][field],
    }));
  } finally {
    await db.rollback();
  }
}
