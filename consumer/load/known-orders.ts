/** Which ids are in the tables already: asked only on the careful way, after a unique violation. */
import type { Tables } from '../schema/tables.js';
import type { KnownIds } from '../transform/order-rows.js';
import type { Database } from './database.js';

/**
 * @param orders decimal ids of the batch's orders
 * @param lineItems decimal ids of their line items
 * @returns those that must not be loaded again. An order that stands in a month table counts as known also when the registry lacks it:
 *   that is damage (verify names it), and loading it twice would make it worse
 */
export async function knownIds(db: Database, tables: Tables, orders: string[], lineItems: string[]): Promise<KnownIds> {
  const known = await db.query(
    `SELECT order_id AS id FROM ${tables.knownOrders} WHERE order_id = ANY($1::bigint[])
     UNION SELECT id FROM ${tables.orders} WHERE id = ANY($1::bigint[])`,
    [orders],
  );
  const items = await db.query(`SELECT line_item_id AS id FROM ${tables.lineItems} WHERE line_item_id = ANY($1::bigint[])`, [lineItems]);
  return { orders: new Set(known.rows.map(r => r.id)), lineItems: new Set(items.rows.map(r => r.id)) };
}
