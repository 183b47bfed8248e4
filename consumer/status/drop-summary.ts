/** The numbers of one drop that `load` prints. */
import type { Database } from '../load/database.js';
import type { Tables } from '../schema/tables.js';

export interface DropSummary {
  /** Files with at least one order loaded, by month. */
  months: { month: string; files: number }[];
  lineItems: number;
  newUsers: number;
  /** Existing users that were staged. */
  stagedUsers: number;
  updatedUsers: number;
  /** Orders of the drop that are rejected. */
  rejected: number;
  /** Orders of the drop that are loaded, bypassed or rejected. */
  accounted: number;
}

/** @param lastMerge the merge before the first one that counts: all since then are the load's, whoever ran them */
export async function dropSummary(db: Database, tables: Tables, topic: string, drop: string, lastMerge: number): Promise<DropSummary> {
  const months = await db.query(
    `SELECT b.month, count(DISTINCT b.file_no) AS files FROM ${tables.books} b JOIN ${tables.dropFiles} f USING (file_no)
      WHERE f.topic = $1 AND f.drop_id = $2 AND b.loaded > 0 GROUP BY b.month ORDER BY b.month`,
    [topic, drop],
  );
  const sums = await db.query(
    `SELECT coalesce(sum(b.line_items), 0) AS line_items, coalesce(sum(b.rejected), 0) AS rejected,
       coalesce(sum(b.loaded + b.bypassed + b.rejected), 0) AS accounted
       FROM ${tables.books} b JOIN ${tables.dropFiles} f USING (file_no) WHERE f.topic = $1 AND f.drop_id = $2`,
    [topic, drop],
  );
  const merges = await db.query(
    `SELECT coalesce(sum(inserted), 0) AS inserted, coalesce(sum(updated), 0) AS updated FROM ${tables.merges} WHERE id > $1`,
    [lastMerge],
  );
  const updated = Number(merges.rows[0].updated);
  return {
    months: months.rows.map(r => ({ month: r.month, files: Number(r.files) })),
    lineItems: Number(sums.rows[0].line_items),
    newUsers: Number(merges.rows[0].inserted),
    stagedUsers: updated,
    updatedUsers: updated,
    rejected: Number(sums.rows[0].rejected),
    accounted: Number(sums.rows[0].accounted),
  };
}
