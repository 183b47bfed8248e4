/** Adds the field counts of a batch to those of its drops, within the batch's transaction. */
import type { Tables } from '../schema/tables.js';
import type { FieldCount, FieldCounts } from '../transform/field-counts.js';
import type { Database } from './database.js';

/**
 * Behind the lock on the batch's positions: nobody else counts in these partitions then. The row of a drop and partition is read, added
 * to and written whole, about 3 KB; one row a field would be 300 rows of 4,000 orders.
 */
export async function writeFieldCounts(db: Database, tables: Tables, topic: string, counts: FieldCounts[]): Promise<void> {
  if (counts.length === 0) return;
  const { rows } = await db.query(
    `SELECT drop_id, partition, fields FROM ${tables.dropFields} JOIN unnest($2::text[], $3::int[]) AS n (drop_id, partition)
      USING (drop_id, partition) WHERE topic = $1`,
    [topic, counts.map(c => c.drop), counts.map(c => c.partition)],
  );
  const before = new Map(rows.map(r => [`${r.partition}/${r.drop_id}`, JSON.parse(r.fields) as Record<string, FieldCount>]));
  await db.query(
    `INSERT INTO ${tables.dropFields} AS f (topic, drop_id, partition, orders, more, fields)
     SELECT $1, * FROM unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[], $6::jsonb[])
     ON CONFLICT (topic, drop_id, partition) DO UPDATE SET orders = f.orders + excluded.orders, more = f.more + excluded.more, fields = excluded.fields`,
    [
      topic,
      counts.map(c => c.drop),
      counts.map(c => c.partition),
      counts.map(c => c.orders),
      counts.map(c => c.more),
      counts.map(c => JSON.stringify(Object.fromEntries(sum(before.get(`${c.partition}/${c.drop}`), c)))),
    ],
  );
}

function sum(before: Record<string, FieldCount> | undefined, counts: FieldCounts): Map<string, FieldCount> {
  const fields = new Map<string, FieldCount>(Object.entries(before ?? {}));
  for (const [name, [orders, kinds]] of counts.entries()) {
    const had = fields.get(name) ?? [0, 0];
    fields.set(name, [had[0] + orders, had[1] | kinds]);
  }
  return fields;
}
