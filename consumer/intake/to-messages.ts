/** kafkajs' messages as the program's own: pure. */
import { FetchedRecord } from '../../shared/fetched-records.js';
import type { Batch } from '../../shared/kafka.js';
import { decodeHeaders, decodeRedacted, type Headers, isFiller } from '../../shared/order-message.js';
import { messageOf, type OrderMessage } from './batch.js';
import { PlaceReader } from './place-reader.js';

/** kafkajs' messages into ours; those before `from` were taken before, and fillers are none. */
export function toMessages(batch: Batch, from: number): OrderMessage[] {
  const messages: OrderMessage[] = [];
  const places = new PlaceReader();
  for (const m of batch.messages) {
    if (m instanceof FetchedRecord) {
      if (m.offset < from || (m.from < 0 && isFiller(null, m.headers as Headers))) continue;
      m.partition = batch.partition;
      m.place = places.read(m);
      m.redacted = places.redacted;
      messages.push(m);
      continue;
    }
    // records of the format before 0.11 are read by kafkajs itself, and have no headers
    const offset = Number(m.offset);
    const headers = m.headers as Headers | undefined;
    if (offset >= from && !isFiller(m.value, headers))
      messages.push(messageOf(batch.partition, offset, m.value, decodeHeaders(headers), decodeRedacted(headers)));
  }
  return messages;
}
