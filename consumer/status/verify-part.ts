/**
 * The part of the tables that one drop brought, or that came in since an instant, for checks that need not read everything: by the registry, which
 * is the one table that knows where each order came from. Checks are written for relations, and a part puts subqueries in their place.
 */
import { UsageError } from '../../shared/errors.js';
import type { Database } from '../load/database.js';
import type { Tables } from '../schema/tables.js';

export interface VerifyPart {
  /** Id of a drop of the topic. */
  drop?: string;
  /** Orders whose batch was committed since then. One that a retry has loaded stands where its message does. */
  since?: Date;
}

/** What the checks read, by name or as a subquery. */
export type Relations = Omit<Tables, 'month' | 'createMonth' | 'describeMonth'>;

const ORDERS = 'pg_temp.verified_orders';
const USERS = 'pg_temp.verified_users';
const FILES = 'pg_temp.verified_files';

/** Makes room for a part. Before the transaction, as one that only reads may fill temporary tables and not make them. */
export async function makePartTables(db: Database, tables: Tables): Promise<void> {
  await db.query(`CREATE TEMP TABLE verified_files (file_no integer PRIMARY KEY);
    CREATE TEMP TABLE verified_orders AS TABLE ${tables.knownOrders} WITH NO DATA;
    CREATE TEMP TABLE verified_users (user_id bigint PRIMARY KEY)`);
}

/**
 * @returns how many orders the part has
 * @throws UsageError when nothing is known of the drop
 */
export async function fillPartTables(db: Database, tables: Tables, topic: string, part: VerifyPart, limit: number): Promise<number> {
  const files = await db.query(
    `INSERT INTO ${FILES} SELECT file_no FROM ${tables.dropFiles} WHERE topic = $1 AND ($2::text IS NULL OR drop_id = $2)`,
    [topic, part.drop ?? null],
  );
  if (files.rowCount === 0 && part.drop !== undefined)
    throw new UsageError(`nothing of a drop "${part.drop}" is in the tables`, { hint: 'glossier status shows the drops' });
  const { rowCount } = await db.query(
    `INSERT INTO ${ORDERS} SELECT k.* FROM ${tables.knownOrders} k JOIN ${FILES} USING (file_no)
       LEFT JOIN (SELECT partition, min(from_offset) AS first FROM ${tables.batches} WHERE topic = $1 AND loaded_at >= $2 GROUP BY 1) b USING (partition)
      WHERE $2::timestamptz IS NULL OR k.record_offset >= b.first`,
    [topic, part.since?.toISOString() ?? null],
    limit,
  );
  await db.query(
    `INSERT INTO ${USERS} SELECT DISTINCT user_id FROM ${tables.orders} WHERE id IN (SELECT order_id FROM ${ORDERS}) AND user_id IS NOT NULL`,
    [],
    limit,
  );
  await db.query(`ANALYZE ${ORDERS}; ANALYZE ${USERS}; ANALYZE ${FILES}`);
  return rowCount ?? 0;
}

/** The orders of the part, with what belongs to them. */
export function ofOrders(t: Tables): Relations {
  return {
    ...t,
    knownOrders: ORDERS,
    orders: `(SELECT tableoid, * FROM ${t.orders} WHERE id IN (SELECT order_id FROM ${ORDERS}))`,
    lineItems: `(SELECT * FROM ${t.lineItems} WHERE order_id IN (SELECT order_id FROM ${ORDERS}))`,
    books: `(SELECT * FROM ${t.books} WHERE file_no IN (SELECT file_no FROM ${FILES}))`,
  };
}

/** The users of the part, with all orders of theirs. */
export function ofUsers(t: Tables): Relations {
  const some = (relation: string) => `(SELECT * FROM ${relation} WHERE user_id IN (SELECT user_id FROM ${USERS}))`;
  return { ...t, orders: some(t.orders), userStats: some(t.userStats), userStaging: some(t.userStaging), userNewest: some(t.userNewest) };
}
