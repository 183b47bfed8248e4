/** Tables that wait for a rebuild, as a migration has changed what stands in them. */
import type { Database } from '../load/database.js';
import type { Tables } from './tables.js';

export interface RebuildDue {
  table: string;
  /** Why, in words. */
  reason: string;
  since: string;
}

export async function readRebuildDue(db: Database, { rebuildDue }: Tables): Promise<RebuildDue[]> {
  const { rows } = await db.query(`SELECT relation, reason, since FROM ${rebuildDue} ORDER BY since, relation, reason`);
  return rows.map(r => ({ table: r.relation, reason: r.reason, since: r.since }));
}

/** @param done those that were known when the rebuild began: what a later version has added meanwhile stays due */
export async function clearRebuildDue(db: Database, { rebuildDue }: Tables, done: readonly RebuildDue[]): Promise<void> {
  await db.query(`DELETE FROM ${rebuildDue} WHERE (relation, reason) IN (SELECT * FROM unnest($1::text[], $2::text[]))`, [
    done.map(d => d.table),
    done.map(d => d.reason),
  ]);
}

/** In words, for status and the log. */
export function dueWords({ table, reason }: RebuildDue): string {
  return `${table} waits for glossier rebuild: ${reason}`;
}
