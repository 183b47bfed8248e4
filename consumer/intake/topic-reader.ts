/**
 * Messages of the topic up to exact limits, without a consumer group, in the order in which they were published.
 *
 * For what is read once more, a rebuild: a group would cost a join, of up to 3 s on a broker with the default settings, each time that
 * the limits are raised, and would be left behind by a kill. Of several partitions the message with the earliest timestamp comes next,
 * so that of two orders of one line item the one that was published first is first again.
 */

import { StalledError, TopicError } from '../../shared/errors.js';
import type { Batch, Kafka } from '../../shared/kafka.js';
import { pause } from '../../shared/outage.js';
import { type MessageBatch, messageBytes, type OrderMessage, type Segment } from './batch.js';
import { PartitionFetch } from './partition-fetch.js';
import { toMessages } from './to-messages.js';

export interface TopicReaderOptions {
  kafka: Kafka;
  topic: string;
  /** Next offset by partition: where to begin. */
  from: ReadonlyMap<number, number>;
  /** Milliseconds that a partition may give nothing below its limit although Kafka answers. */
  stallTimeout: number;
  signal: AbortSignal;
  /** Runs a call to Kafka, waiting while it is away. */
  patiently: <T>(work: () => Promise<T>) => Promise<T>;
}

/** What was fetched of a partition and not taken yet. */
interface Fetched {
  messages: OrderMessage[];
  /** Milliseconds, by message. */
  times: number[];
  /** How many of them were taken. */
  taken: number;
  /** Offset up to which nothing else lies. */
  to: number;
}

/** Compressed bytes a fetch, as in order-consumer.ts. */
const FETCH_BYTES = 128 * 1024;

export class TopicReader {
  /** Next offset by partition: everything before it was given out. */
  readonly #next: Map<number, number>;
  readonly #fetched = new Map<number, Fetched>();
  readonly #partitions: PartitionFetch;

  constructor(readonly options: TopicReaderOptions) {
    this.#next = new Map(options.from);
    this.#partitions = new PartitionFetch(options.kafka, options.topic);
  }

  /**
   * The next batch below the limits, full by orders or bytes, or what there is.
   *
   * @param limits offset by partition that is not reached over; partitions that are not in it are left alone
   * @returns null when every partition stands at its limit, and on the signal
   * @throws TopicError when what comes next is gone from the topic
   * @throws StalledError when Kafka answers and gives nothing although there must be more
   */
  async next(limits: ReadonlyMap<number, number>, maxOrders: number, maxBytes: number): Promise<MessageBatch | null> {
    const messages: OrderMessage[] = [];
    const segments = new Map<number, Segment>();
    let bytes = 0;
    while (messages.length < maxOrders && bytes < maxBytes && !this.options.signal.aborted) {
      const waiting = [...limits].filter(([partition, limit]) => this.#position(partition) < limit).map(([partition]) => partition);
      if (waiting.length === 0) break;
      for (const partition of waiting) if (!this.#has(partition)) await this.#fetch(partition);
      if (this.options.signal.aborted) break;
      const first = waiting.reduce((a, b) => (this.#time(b) < this.#time(a) ? b : a));
      const until = Math.min(...waiting.filter(p => p !== first).map(p => this.#time(p)));
      const limit = limits.get(first)!;
      const fetched = this.#fetched.get(first)!;
      const from = this.#position(first);
      const before = messages.length;
      // as long as no other partition has an earlier one
      do {
        const message = fetched.messages[fetched.taken];
        if (message === undefined || message.offset >= limit) break;
        messages.push(message);
        bytes += messageBytes(message);
        fetched.taken++;
      } while (messages.length < maxOrders && bytes < maxBytes && (fetched.times[fetched.taken] ?? 0) <= until);
      const to = Math.min(limit, fetched.messages[fetched.taken]?.offset ?? fetched.to);
      this.#next.set(first, to);
      const segment = segments.get(first) ?? { partition: first, from, to, messages: 0 };
      segments.set(first, { ...segment, to, messages: segment.messages + messages.length - before });
    }
    if (segments.size === 0) return null;
    const sorted = [...segments.values()].sort((a, b) => a.partition - b.partition);
    return { messages, segments: sorted, bytes, reason: messages.length >= maxOrders ? 'orders' : 'bytes', generation: 0 };
  }

  #position(partition: number): number {
    return this.#next.get(partition) ?? 0;
  }

  /** Is what comes next in memory: messages, or the knowledge that there are none up to some offset? */
  #has(partition: number): boolean {
    const fetched = this.#fetched.get(partition);
    return fetched !== undefined && fetched.to > this.#position(partition);
  }

  /** When the next message was published; offsets without messages are passed at once. */
  #time(partition: number): number {
    const { times, taken } = this.#fetched.get(partition)!;
    return times[taken] ?? Number.NEGATIVE_INFINITY;
  }

  async #fetch(partition: number): Promise<void> {
    const { signal, stallTimeout, topic } = this.options;
    const from = this.#position(partition);
    for (let since = Date.now(); !signal.aborted; ) {
      const batch = await this.options.patiently(() => this.#ask(partition, from));
      if (batch !== null) {
        const messages = toMessages(batch, from);
        const timeOf = new Map(batch.messages.map(m => [Number(m.offset), Number(m.timestamp)]));
        const times = messages.map(m => timeOf.get(m.offset)!);
        this.#fetched.set(partition, { messages, times, taken: 0, to: Math.max(from, Number(batch.lastOffset()) + 1) });
        if (this.#has(partition)) return;
      }
      if (Date.now() - since > stallTimeout) {
        throw new StalledError(`partition ${partition} of "${topic}" gives nothing at offset ${from} although Kafka answers`, {
          hint: 'is a transaction of another producer open? else run it again',
        });
      }
      await pause(20, signal);
    }
  }

  async #ask(partition: number, offset: number): Promise<Batch | null> {
    const { topic } = this.options;
    try {
      return await this.#partitions.fetch(partition, offset, FETCH_BYTES);
    } catch (error) {
      if ((error as { type?: unknown }).type === 'OFFSET_OUT_OF_RANGE')
        throw new TopicError(`partition ${partition} of "${topic}" does not have offset ${offset} any more`, {
          hint: 'were messages deleted from it? see its retention',
        });
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#partitions.close();
  }
}
