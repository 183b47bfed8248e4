/** The users of a drop's orders: their sums by all their orders, those of the drop as the drop has them, and their four fields. */
import { USER_FIELDS } from '../../shared/order.js';
import { fieldsHash } from '../merge/merge-users.js';
import { LONG } from '../rebuild/difference.js';
import { quote } from '../schema/tables.js';
import { type Compared, listed } from './compare-tables.js';
import { MISSING_USERS } from './expected.js';
import { type Difference, join, type RowOf } from './proof.js';

const REAL = quote('real_users');

export async function compareUsers(c: Compared): Promise<void> {
  const { db, live, expected, proof } = c;
  const { orders, knownOrders, userStaging } = expected.tables;
  // an order that was altered in its table is told of as such, and must not make its user look wrong: of the drop's orders the drop is asked
  await db.query(
    `CREATE TEMP TABLE ${REAL} ON COMMIT DROP AS
     WITH mine AS (SELECT DISTINCT user_id FROM ${userStaging}),
     every AS (
       SELECT id, user_id, total_price, processed_at FROM ${orders}
       UNION ALL SELECT o.id, o.user_id, o.total_price, o.processed_at FROM ${live.orders} o
        WHERE NOT EXISTS (SELECT FROM ${knownOrders} e WHERE e.order_id = o.id) AND EXISTS (SELECT FROM ${live.knownOrders} k WHERE k.order_id = o.id)),
     missing AS (SELECT user_id, sum(total_orders) AS n, sum(total_spend) AS spend FROM ${MISSING_USERS} GROUP BY user_id),
     staged AS (SELECT user_id, sum(total_orders) AS n, sum(total_spend) AS spend FROM ${live.userStaging} GROUP BY user_id)
     SELECT user_id, count(*) AS total_orders, sum(total_price) AS total_spend, min(processed_at) AS min_processed_at, max(processed_at) AS max_processed_at,
            floor(extract(epoch FROM max(processed_at) - min(processed_at)) / 86400)::integer + 1 AS total_days,
            (array_agg(id ORDER BY processed_at DESC, id DESC))[1] AS newest, coalesce(max(s.n), 0) AS staged, coalesce(max(s.spend), 0) AS staged_spend,
            coalesce(max(m.n), 0) AS missing, coalesce(max(m.spend), 0) AS missing_spend
       FROM every JOIN mine USING (user_id) LEFT JOIN staged s USING (user_id) LEFT JOIN missing m USING (user_id) GROUP BY user_id`,
    undefined,
    LONG,
  );
  await db.query(`ANALYZE ${REAL}`);
  join(
    proof.missing_rows,
    await listed<RowOf>(
      db,
      `SELECT 'user_stats' AS table, r.user_id::text AS id, 'has ' || (r.total_orders - r.staged) || ' merged order(s)' AS why
         FROM ${REAL} r LEFT JOIN ${live.userStats} s USING (user_id) WHERE s.user_id IS NULL AND r.total_orders > r.staged ORDER BY r.user_id`,
    ),
  );
  // What waits in user_staging is not in the sums yet; first, last and days can be told when nothing waits. Of a user of whom an order is
  // missing either sum may be meant: without it where it was never loaded, with it where it was removed by hand.
  const sums = [
    ['total_orders', 'r.total_orders - r.staged', 'r.missing'],
    ['total_spend', 'r.total_spend - r.staged_spend', 'r.missing_spend'],
  ].map(([column, want, more]) => [column, want, `s.${column} <> ${want} + ${more}`]);
  const whole = ['min_processed_at', 'max_processed_at', 'total_days'].map(column => [
    column,
    `r.${column}`,
    'r.staged = 0 AND r.missing = 0',
  ]);
  const differs = [...sums, ...whole].map(
    ([column, want, when]) =>
      `SELECT 'user_stats' AS table, s.user_id::text AS id, '${column}' AS column, s.${column}::text AS is, (${want})::text AS should_be
         FROM ${live.userStats} s JOIN ${REAL} r USING (user_id) WHERE ${when} AND s.${column} IS DISTINCT FROM ${want}`,
  );
  // the four fields are in no order table: of users whose newest order is the drop's the drop is asked, of others their hash
  const newest = `${live.userStats} s JOIN ${live.userNewest} n USING (user_id)`;
  for (const field of USER_FIELDS) {
    differs.push(
      `SELECT 'user_stats', s.user_id::text, '${field}', left(s.${field}::text, 200), left(e.${field}::text, 200)
         FROM ${newest} JOIN ${userStaging} e ON e.user_id = n.user_id AND e.newest_order_id = n.order_id WHERE s.${field} IS DISTINCT FROM e.${field}`,
    );
    differs.push(
      `SELECT 'user_staging', s.user_id::text, '${field}', left(s.${field}::text, 200), left(e.${field}::text, 200)
         FROM ${live.userStaging} s JOIN ${userStaging} e USING (user_id, newest_order_id) WHERE s.${field} IS DISTINCT FROM e.${field}`,
    );
  }
  differs.push(
    `SELECT 'user_stats', s.user_id::text, 'one of ${USER_FIELDS.join(', ')}', NULL, NULL FROM ${newest} JOIN ${REAL} r USING (user_id)
      WHERE n.fields <> ${fieldsHash('s')} AND NOT EXISTS (SELECT FROM ${userStaging} e WHERE e.user_id = n.user_id AND e.newest_order_id = n.order_id)`,
    `SELECT '${live.userNewest}', n.user_id::text, 'order_id', n.order_id::text, r.newest::text FROM ${live.userNewest} n JOIN ${REAL} r USING (user_id)
      WHERE r.staged = 0 AND r.missing = 0 AND n.order_id <> r.newest`,
  );
  join(proof.differing, await listed<Difference>(db, `${differs.join('\nUNION ALL ')} ORDER BY 2, 3`));
}
