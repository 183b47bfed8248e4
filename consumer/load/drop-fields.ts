/** Adds the field counts of a batch to those of its drops, within the batch's transaction. */
import type { Tables } from '../schema/tables.js';
import type { FieldCounts } from '../transform/field-counts.js';
import type { Database } from './database.js';

/** Names that are kept of a drop and partition; a batch brings a hundred unknown ones at the most. */
const MOST_NAMES = 500;

/**
 * One row a drop and partition, written whole, about 3 KB; one row a field would be 300 rows of 4,000 orders. The server adds up, as a retry of
 * rejects counts in the same rows as the workers.
 */
export async function writeFieldCounts(db: Database, tables: Tables, topic: string, counts: FieldCounts[]): Promise<void> {
  if (counts.length === 0) return;
  await db.query(
    `INSERT INTO ${tables.dropFields} AS f (topic, drop_id, partition, orders, more, fields)
     SELECT $1, * FROM unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[], $6::jsonb[]) ORDER BY 2, 3
     ON CONFLICT (topic, drop_id, partition) DO UPDATE SET orders = f.orders + excluded.orders, more = f.more + excluded.more, fields = (
       SELECT jsonb_object_agg(name, jsonb_build_array(orders, kinds)) FROM (
         SELECT name, sum((count->>0)::bigint) AS orders, bit_or((count->>1)::int) AS kinds FROM (
           SELECT 0, * FROM jsonb_each(f.fields) AS had (name, count) UNION ALL SELECT 1, * FROM jsonb_each(excluded.fields) AS came (name, count)
         ) both_of_them (late, name, count) GROUP BY name ORDER BY min(late), name LIMIT ${MOST_NAMES}
       ) added)`,
    [
      topic,
      counts.map(c => c.drop),
      counts.map(c => c.partition),
      counts.map(c => c.orders),
      counts.map(c => c.more),
      counts.map(c => JSON.stringify(Object.fromEntries(c.entries()))),
    ],
  );
}
