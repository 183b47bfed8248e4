/** The records of a topic as a copy of it is to have them: those of forgotten users without what says anything about them. */

import { StalledError } from '../../shared/errors.js';
import { FetchedRecord } from '../../shared/fetched-records.js';
import { JsonKind } from '../../shared/json-scan.js';
import type { Batch, Kafka } from '../../shared/kafka.js';
import { encodeHeaders, encodeRedacted, HEADER } from '../../shared/order-message.js';
import { pause } from '../../shared/outage.js';
import type { OrderMessage } from '../intake/batch.js';
import { PartitionFetch } from '../intake/partition-fetch.js';
import { toMessages } from '../intake/to-messages.js';
import { batchRows } from '../transform/batch-rows.js';
import { latin1 } from '../transform/fields.js';
import { isOfForgotten, type OrderRules, readable } from '../transform/forgotten.js';
import { FIELDS, OrderScan } from '../transform/order-scan.js';
import { redactOrder } from '../transform/redact-order.js';

export interface TopicRecord {
  offset: number;
  key: Buffer | null;
  value: Buffer | null;
  /** As the record has them, or to be encoded. */
  headers: Buffer | Record<string, string>;
  /** Milliseconds since 1970. */
  time: number;
}

export interface TopicRecordsOptions {
  kafka: Kafka;
  topic: string;
  rules: OrderRules;
  signal: AbortSignal;
  /** Milliseconds that a partition may give nothing although Kafka answers. */
  stallTimeout: number;
  /** Runs a call to Kafka, waiting while it is away. */
  patiently: <T>(work: () => Promise<T>) => Promise<T>;
}

const FETCH_BYTES = 256 * 1024;
const NONE_REFUSED = new Map();
const ID = FIELDS.indexOf('id');

/** The decimal text of the id of the order that was scanned; null without one. */
function idOf(scan: OrderScan | null): string | null {
  if (scan === null || scan.kind[ID] !== JsonKind.Number) return null;
  const text = latin1(scan.bytes, scan.from[ID], scan.to[ID]);
  return /^\d{1,19}$/.test(text) ? text : null;
}

export class TopicRecords {
  readonly #scan: OrderScan;
  readonly #fetch: PartitionFetch;

  constructor(readonly options: TopicRecordsOptions) {
    this.#scan = new OrderScan(options.rules.maxDepth);
    this.#fetch = new PartitionFetch(options.kafka, options.topic);
  }

  /** The records of a partition from an offset to before another, a fetch at a time; control records and gaps are left out. */
  async *read(partition: number, from: number, to: number): AsyncGenerator<{ records: TopicRecord[]; next: number }> {
    const { signal, stallTimeout, topic } = this.options;
    let since = Date.now();
    for (let next = from; next < to && !signal.aborted; ) {
      const batch = await this.options.patiently(() => this.#fetch.fetch(partition, next, FETCH_BYTES));
      const last = batch === null ? next - 1 : Number(batch.lastOffset());
      if (batch === null || last < next) {
        if (Date.now() - since > stallTimeout)
          throw new StalledError(`partition ${partition} of "${topic}" gives nothing at offset ${next} although Kafka answers`, {
            hint: 'is a transaction of another producer open? else run it again',
          });
        await pause(50, signal);
        continue;
      }
      since = Date.now();
      const records = this.#records(batch, next).filter(r => r.offset < to);
      next = Math.min(last + 1, to);
      yield { records, next };
    }
  }

  #records(batch: Batch, from: number): TopicRecord[] {
    const byOffset = new Map(toMessages(batch, from).map(m => [m.offset, m]));
    const records: TopicRecord[] = [];
    for (const m of batch.messages) {
      const offset = Number(m.offset);
      const message = byOffset.get(offset);
      if (message === undefined) continue; // taken before, or there for its offset alone: the copy has such of its own
      const time = Number(m.timestamp);
      const headers = m instanceof FetchedRecord ? m.bytes.subarray(m.headersFrom, m.headersTo) : {};
      records.push(this.#redacted(message, m.key, time) ?? { offset, key: m.key, value: m.value, headers, time });
    }
    return records;
  }

  /** Null for all but those of forgotten users. */
  #redacted(message: OrderMessage, key: Buffer | null, time: number): TopicRecord | null {
    const { rules } = this.options;
    const { offset, bytes, place } = message;
    if (rules.forgotten.size === 0 || message.redacted?.refusal) return null;
    const from = Math.max(0, message.from);
    const to = message.from < 0 ? 0 : message.to;
    const scan = readable(this.#scan, this.#scan.scan(bytes, from, to));
    if (!isOfForgotten(scan, bytes, from, to, rules.forgotten)) return null;
    const batch = { messages: [message], segments: [], bytes: 0, reason: 'orders' as const, generation: 0 };
    const { outcomes, rejected } = batchRows(batch, () => 0, null, NONE_REFUSED, rules);
    const refused = rejected[0];
    const refusal = refused === undefined ? null : { orderId: refused.orderId, code: refused.rejection.code, path: refused.rejection.path };
    const said = encodeRedacted({ content: outcomes[0].content, bytes: outcomes[0].bytes, refusal });
    return {
      offset,
      // those of other producers may say anything, in keys and in headers: a telephone number has digits alone, too
      key: key !== null && key.toString('latin1') === idOf(scan) ? key : null,
      value: refusal === null ? redactOrder(this.#scan, rules.forgotten) : null,
      headers: { ...(place === null ? {} : encodeHeaders(place)), [HEADER.forgotten]: said },
      time,
    };
  }

  close(): Promise<void> {
    return this.#fetch.close();
  }
}
