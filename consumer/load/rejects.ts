/** What was refused, kept with its bytes, its place and the reason, in the transaction of its batch. */
import type { Tables } from '../schema/tables.js';
import type { RejectedMessage } from '../transform/batch-rows.js';
import type { Database } from './database.js';

/** @param rejected messages of one topic */
export async function writeRejects(db: Database, tables: Tables, topic: string, rejected: RejectedMessage[]): Promise<void> {
  if (rejected.length === 0) return;
  const column = (pick: (r: RejectedMessage) => unknown) => rejected.map(pick);
  await db.query(
    `INSERT INTO ${tables.rejects} (kind, topic, drop_id, file, order_index, month, partition, record_offset, order_id, code, path, reason, value)
     SELECT 'order', $1, * FROM unnest($2::text[], $3::text[], $4::int[], $5::text[], $6::int[], $7::bigint[], $8::bigint[], $9::text[], $10::text[], $11::text[],
       $12::bytea[])
     ON CONFLICT DO NOTHING`,
    [
      topic,
      column(r => r.message.place?.drop ?? ''),
      column(r => r.message.place?.file ?? ''),
      column(r => r.message.place?.index ?? null),
      column(r => r.message.place?.month ?? null),
      column(r => r.message.partition),
      column(r => r.message.offset),
      column(r => (r.orderId === '' ? null : r.orderId)),
      column(r => r.rejection.code),
      column(r => storable(r.rejection.path)),
      column(r => storable(r.rejection.reason)),
      column(r => r.message.value),
    ],
  );
}

/** Text as Postgres can hold it: without NUL. */
export function storable(text: string): string {
  return text.replaceAll('\0', '\ufffd');
}
