/**
 * The part of the tables that one drop brought, or that came in since an instant, for checks that need not read everything: by the registry, which
 * is the one table that knows where each order came from. Checks are written for relations, and a part puts temporary tables in their place.
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
export type Relations = Omit<Tables, 'month' | 'createMonth' | 'copy' | 'copySchema' | 'shapeSchema'>;

const ORDERS = 'pg_temp.verified_orders';
const USERS = 'pg_temp.verified_users';
const FILES = 'pg_temp.verified_files';
/**
 * What several checks read of the large tables, which have no index by order or user: read once. Of ten million orders in sixty months one drop
 * did not end within 150 s with a subquery in each check, and takes 48 s so, on two busy cores.
 */
const ORDER_ROWS = 'pg_temp.verified_order_rows';
const ITEM_ROWS = 'pg_temp.verified_item_rows';
const USER_ROWS = 'pg_temp.verified_user_rows';

/** Makes room for a part. Before the transaction, as one that only reads may fill temporary tables and not make them. */
export async function makePartTables(db: Database, tables: Tables): Promise<void> {
  await db.query(`CREATE TEMP TABLE verified_files (file_no integer PRIMARY KEY);
    CREATE TEMP TABLE verified_orders AS TABLE ${tables.knownOrders} WITH NO DATA;
    CREATE TEMP TABLE verified_users (user_id bigint PRIMARY KEY);
    CREATE TEMP TABLE verified_order_rows AS SELECT tableoid AS stands_in, id, user_id, line_item_total FROM ${tables.orders} WITH NO DATA;
    CREATE TEMP TABLE verified_item_rows AS SELECT line_item_id, order_id FROM ${tables.lineItems} WITH NO DATA;
    CREATE TEMP TABLE verified_user_rows AS SELECT id, user_id, total_price, processed_at FROM ${tables.orders} WITH NO DATA`);
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
  await db.query(`ANALYZE ${ORDERS}; ANALYZE ${FILES}`);
  const fill = async (table: string, select: string) => {
    await db.query(`INSERT INTO ${table} ${select}`, [], limit);
    await db.query(`ANALYZE ${table}`);
  };
  await fill(
    ORDER_ROWS,
    `SELECT tableoid, id, user_id, line_item_total FROM ${tables.orders} WHERE id IN (SELECT order_id FROM ${ORDERS})`,
  );
  await fill(ITEM_ROWS, `SELECT line_item_id, order_id FROM ${tables.lineItems} WHERE order_id IN (SELECT order_id FROM ${ORDERS})`);
  await fill(USERS, `SELECT DISTINCT user_id FROM ${ORDER_ROWS} WHERE user_id IS NOT NULL`);
  await fill(
    USER_ROWS,
    `SELECT id, user_id, total_price, processed_at FROM ${tables.orders} WHERE user_id IN (SELECT user_id FROM ${USERS})`,
  );
  return rowCount ?? 0;
}

/** The orders of the part, with what belongs to them: of `orders` the columns alone that checks read. No column of a table may be called tableoid. */
export function ofOrders(t: Tables): Relations {
  return {
    ...t,
    knownOrders: ORDERS,
    orders: `(SELECT stands_in AS tableoid, id, line_item_total FROM ${ORDER_ROWS})`,
    lineItems: ITEM_ROWS,
    books: `(SELECT * FROM ${t.books} WHERE file_no IN (SELECT file_no FROM ${FILES}))`,
  };
}

/** The users of the part, with all orders of theirs. */
export function ofUsers(t: Tables): Relations {
  const some = (relation: string) => `(SELECT * FROM ${relation} WHERE user_id IN (SELECT user_id FROM ${USERS}))`;
  return { ...t, orders: USER_ROWS, userStats: some(t.userStats), userStaging: some(t.userStaging), userNewest: some(t.userNewest) };
}
