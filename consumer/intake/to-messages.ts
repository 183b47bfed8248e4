/** kafkajs' messages as the program's own: pure. */
import type { Batch, KafkaMessage } from 'kafkajs';
import { decodeHeaders, decodeIndex, type Headers, type OrderPlace } from '../../shared/order-message.js';
import type { OrderMessage } from './batch.js';

/** kafkajs' messages into ours; those before `from` were taken before. Most messages are of the same drop, file and month as the last. */
export function toMessages(batch: Batch, from: number): OrderMessage[] {
  const messages: OrderMessage[] = [];
  let last: Headers | undefined;
  let lastPlace = null as OrderPlace | null;
  for (const m of batch.messages as KafkaMessage[]) {
    const offset = Number(m.offset);
    if (offset < from) continue;
    const headers = m.headers as Headers | undefined;
    if (lastPlace !== null && headers !== undefined && last !== undefined && sameFile(headers, last)) {
      const index = decodeIndex(headers.index);
      if (index !== null) lastPlace = { drop: lastPlace.drop, file: lastPlace.file, index, month: lastPlace.month };
      else lastPlace = null;
    } else lastPlace = decodeHeaders(headers);
    last = headers;
    messages.push({ partition: batch.partition, offset, key: m.key, value: m.value, place: lastPlace });
  }
  return messages;
}

function sameFile(a: Headers, b: Headers): boolean {
  return same(a.drop, b.drop) && same(a.file, b.file) && same(a.month, b.month);
}

function same(a: Headers[string], b: Headers[string]): boolean {
  return a === b || (Buffer.isBuffer(a) && Buffer.isBuffer(b) && a.equals(b));
}
