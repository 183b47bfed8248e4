/** What was refused, kept with its bytes, its place and the reason, in the transaction of its batch. */
import type { Tables } from '../schema/tables.js';
import type { MessageOutcome, RejectedMessage } from '../transform/batch-rows.js';
import { type BookEntry, newEntry } from './books.js';
import type { Database } from './database.js';

/** @param rejected messages of one topic */
export async function writeRejects(db: Database, tables: Tables, topic: string, rejected: RejectedMessage[]): Promise<void> {
  if (rejected.length === 0) return;
  const column = (pick: (r: RejectedMessage) => unknown) => rejected.map(pick);
  await db.query(
    `INSERT INTO ${tables.rejects} (kind, topic, drop_id, file, order_index, month, partition, record_offset, order_id, code, path, reason, value, forgotten)
     SELECT 'order', $1, * FROM unnest($2::text[], $3::text[], $4::int[], $5::text[], $6::int[], $7::bigint[], $8::bigint[], $9::text[], $10::text[], $11::text[],
       $12::bytea[], $13::bool[])
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
      column(r => (r.forgotten ? null : r.message.value)),
      column(r => r.forgotten),
    ],
  );
}

/**
 * Settles the rejects of orders that a repeat of their message has loaded (published again, when the cause was gone).
 *
 * @param loaded orders of the batch whose place had been counted before
 * @returns what moves on the books: the message that was rejected becomes the repeat
 */
export async function settleLate(db: Database, tables: Tables, loaded: readonly MessageOutcome[]): Promise<BookEntry[]> {
  const { rows } = await db.query(
    `WITH settled AS (
       UPDATE ${tables.rejects} r SET settled = 'loaded', tries = r.tries + 1, tried_at = now()
         FROM ${tables.dropFiles} f JOIN unnest($1::int[], $2::int[]) AS n (file_no, order_index) USING (file_no)
        WHERE r.kind = 'order' AND r.settled IS NULL AND (r.topic, r.drop_id, r.file) = (f.topic, f.drop_id, f.file) AND r.order_index = n.order_index
       RETURNING f.file_no, r.partition, r.order_index)
     SELECT * FROM settled`,
    [loaded.map(o => o.fileNo), loaded.map(o => o.index)],
  );
  const entries = new Map<string, BookEntry>();
  for (const { file_no, partition, order_index } of rows) {
    const key = `${file_no}/${partition}`;
    const e = entries.get(key) ?? newEntry(Number(file_no), Number(partition), '');
    entries.set(key, e);
    e.rejected--;
    e.repeated++;
    // a publisher that went back has sent the same bytes again
    const again = loaded.find(o => o.fileNo === e.fileNo && o.index === Number(order_index))!;
    e.bytes -= again.bytes;
    e.content -= again.content;
  }
  return [...entries.values()];
}

/** Text as Postgres can hold it: without NUL. */
export function storable(text: string): string {
  return text.replaceAll('\0', '\ufffd');
}
