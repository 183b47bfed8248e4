/** kafkajs' messages as the program's own: pure. */
import { FetchedRecord } from '../../shared/fetched-records.js';
import type { Batch } from '../../shared/kafka.js';
import { decodeHeaders, type Headers, type OrderPlace } from '../../shared/order-message.js';
import type { OrderMessage } from './batch.js';
import { PlaceReader } from './place-reader.js';

/** kafkajs' messages into ours; those before `from` were taken before. */
export function toMessages(batch: Batch, from: number): OrderMessage[] {
  const messages: OrderMessage[] = [];
  const places = new PlaceReader();
  for (const m of batch.messages) {
    const offset = Number(m.offset);
    if (offset < from) continue;
    // records of the format before 0.11 are read by kafkajs itself, and have no headers
    const place: OrderPlace | null = m instanceof FetchedRecord ? places.read(m) : decodeHeaders(m.headers as Headers | undefined);
    messages.push({ partition: batch.partition, offset, value: m.value, place });
  }
  return messages;
}
