/** Bypassed orders held against the order of their id that was loaded first, by the hashes of their contents, within the batch's transaction. */
import { asBigint } from '../../shared/content-hash.js';
import type { Tables } from '../schema/tables.js';
import type { MessageOutcome } from '../transform/batch-rows.js';
import type { Database } from './database.js';

/** What became of the bypassed orders of a file in a partition; those whose first was loaded before hashes were kept are neither. */
export interface Compared {
  fileNo: number;
  partition: number;
  identical: number;
  conflicting: number;
}

/**
 * Counts, and keeps each that conflicts with both hashes and both places. Behind the COPY of the registry, so that the first of two equal ids of one
 * batch is found as well.
 *
 * @param outcomes of the batch; repeats left out. Those that are known to be identical are the books' to count
 */
export async function compareBypassed(db: Database, tables: Tables, outcomes: readonly MessageOutcome[]): Promise<Compared[]> {
  const bypassed = outcomes.filter(o => o.outcome === 'bypassed' && !o.identical);
  if (bypassed.length === 0) return [];
  const column = (pick: (o: MessageOutcome) => unknown) => bypassed.map(pick);
  const { rows } = await db.query(
    `WITH judged AS (
       SELECT n.*, k.content AS first_content, k.file_no AS first_file_no, k.partition AS first_partition, k.record_offset AS first_offset, k.order_index AS first_index
         FROM unnest($1::bigint[], $2::bigint[], $3::int[], $4::int[], $5::int[], $6::bigint[]) AS n (order_id, content, file_no, order_index, partition, record_offset)
         JOIN ${tables.knownOrders} k USING (order_id) WHERE k.content IS NOT NULL),
     kept AS (
       INSERT INTO ${tables.conflictingOrders} (file_no, partition, record_offset, order_index, order_id, content, first_file_no, first_partition, first_offset,
           first_index, first_content)
       SELECT file_no, partition, record_offset, order_index, order_id, content, first_file_no, first_partition, first_offset, first_index, first_content
         FROM judged WHERE content <> first_content ON CONFLICT DO NOTHING)
     SELECT file_no, partition, count(*) FILTER (WHERE content = first_content) AS identical, count(*) FILTER (WHERE content <> first_content) AS conflicting
       FROM judged GROUP BY 1, 2`,
    [
      column(o => o.orderId),
      column(o => asBigint(o.content)),
      column(o => o.fileNo),
      column(o => (o.index < 0 ? null : o.index)),
      column(o => o.partition),
      column(o => o.offset),
    ],
  );
  return rows.map(r => ({
    fileNo: Number(r.file_no),
    partition: Number(r.partition),
    identical: Number(r.identical),
    conflicting: Number(r.conflicting),
  }));
}
