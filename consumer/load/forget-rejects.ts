/** Empties the rejects of forgotten users: their bytes are read, as no column says whose they are. */
import { asBigint, contentHash } from '../../shared/content-hash.js';
import type { Tables } from '../schema/tables.js';
import { type ForgottenUsers, isOfForgotten, REASON, readable } from '../transform/forgotten.js';
import { OrderScan } from '../transform/order-scan.js';
import { redactOrder } from '../transform/redact-order.js';
import type { Database } from './database.js';

/** Rejects read at once: few, as each may be as large as an order. */
const AT_ONCE = 50;
/** The greatest MAX_DEPTH that can be set: what was taken for an order once is read here. */
const DEEP = 5000;

/**
 * @param ids of rejects, where not all are to be looked through
 * @returns how many were emptied
 */
export async function forgetRejects(
  db: Database,
  { rejects, knownOrders }: Tables,
  forgotten: ForgottenUsers,
  ids: readonly string[] | null = null,
): Promise<number> {
  if (forgotten.size === 0) return 0;
  const scan = new OrderScan(DEEP);
  const bytesOf = (base64: string | null) => (base64 === null ? null : Buffer.from(base64, 'base64'));
  const isTheirs = (value: Buffer | null) =>
    value !== null && isOfForgotten(readable(scan, scan.scan(value)), value, 0, value.length, forgotten);
  let emptied = 0;
  for (let last = '0'; ; ) {
    const { rows } = await db.query(
      `SELECT id, order_id, partition, record_offset, settled, encode(value, 'base64') AS value, encode(mended, 'base64') AS mended FROM ${rejects}
        WHERE kind = 'order' AND (value IS NOT NULL OR mended IS NOT NULL) AND id > $1 AND ($2::bigint[] IS NULL OR id = ANY($2)) ORDER BY id LIMIT ${AT_ONCE}`,
      [last, ids],
    );
    for (const r of rows) {
      const [value, mended] = [bytesOf(r.value), bytesOf(r.mended)];
      const mendedIsTheirs = isTheirs(mended);
      if (!mendedIsTheirs && !isTheirs(value)) continue;
      // what was loaded in its place is held against the tables by verify, and stays as far as they have it
      const kept = mendedIsTheirs && scan.scan(mended!) === null ? redactOrder(scan, forgotten) : mended;
      await db.query(`UPDATE ${rejects} SET value = NULL, mended = $2, reason = $3, forgotten = true WHERE id = $1`, [r.id, kept, REASON]);
      if (mended !== null && kept !== mended && r.settled === 'loaded')
        await db.query(
          `UPDATE ${knownOrders} SET content = $2 WHERE order_id = $3 AND content = $1 AND partition = $4 AND record_offset = $5`,
          [...[mended, kept].map(b => asBigint(contentHash(b!))), r.order_id, r.partition, r.record_offset],
        );
      emptied++;
    }
    if (rows.length < AT_ONCE) return emptied;
    last = rows.at(-1)!.id;
  }
}
