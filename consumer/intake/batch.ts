/** Messages on their way to one transaction, and the place of a batch in the topic: pure. */
import type { OrderPlace, Redacted } from '../../shared/order-message.js';

/** One message; most are the very records of a fetch (shared/fetched-records.ts). */
export interface OrderMessage {
  readonly partition: number;
  readonly offset: number;
  /** Null for a message of no drop. */
  readonly place: OrderPlace | null;
  /** Of a message that stands for one of a forgotten user: what was delivered. Null for all others. */
  readonly redacted: Redacted | null;
  /** The value lies in these bytes, in front of and behind others, from `from` to before `to`; `from` is -1 where there is none. */
  readonly bytes: Buffer;
  readonly from: number;
  readonly to: number;
  /** A view of the value for those who need it alone. */
  readonly value: Buffer | null;
}

/** A message that was not just fetched. */
export function messageOf(
  partition: number,
  offset: number,
  value: Buffer | null,
  place: OrderPlace | null,
  redacted: Redacted | null = null,
): OrderMessage {
  return { partition, offset, place, redacted, bytes: value ?? NONE, from: value === null ? -1 : 0, to: value?.length ?? 0, value };
}

const NONE = Buffer.alloc(0);

/** What a batch covers of one partition: from the position to the one it leaves behind. */
export interface Segment {
  partition: number;
  from: number;
  to: number;
  messages: number;
}

/** Why a batch was closed; every flush is counted by it. */
export type FlushReason = 'orders' | 'bytes' | 'time';

export interface MessageBatch {
  messages: OrderMessage[];
  /** By partition, ascending; each partition stands once. */
  segments: Segment[];
  bytes: number;
  reason: FlushReason;
  /** The assignment that it was fetched under; a batch of an older one is dropped. */
  generation: number;
}

/** Messages of one partition as they were fetched; `to` may lie beyond the last of them (control records have offsets too). */
export interface FetchedMessages {
  partition: number;
  from: number;
  to: number;
  messages: OrderMessage[];
  bytes: number;
}

/** What the key and the objects around a message cost in memory. */
const AROUND = 256;

/** Bytes that a message costs in memory: value, key and the objects around them. */
export function messageBytes(message: OrderMessage): number {
  return (message.from < 0 ? 0 : message.to - message.from) + AROUND;
}

/** Bytes of the values of a batch alone. */
export function valueBytes({ bytes, messages }: MessageBatch): number {
  return bytes - AROUND * messages.length;
}

/** Gathers messages into pieces for a step that takes many at once, in bounded memory. */
export class Pieces {
  #held: OrderMessage[] = [];
  #bytes = 0;

  /** @param take given a piece as soon as it has so many messages or bytes */
  constructor(
    readonly messages: number,
    readonly bytes: number,
    readonly take: (piece: OrderMessage[]) => Promise<void>,
  ) {}

  async add(messages: readonly OrderMessage[]): Promise<void> {
    for (const message of messages) {
      this.#held.push(message);
      this.#bytes += messageBytes(message);
      if (this.#held.length >= this.messages || this.#bytes >= this.bytes) await this.end();
    }
  }

  /** Hands on what is left. */
  async end(): Promise<void> {
    const piece = this.#held;
    this.#held = [];
    this.#bytes = 0;
    if (piece.length > 0) await this.take(piece);
  }
}

/** First in, first out; cut into batches by orders and bytes. */
export class BatchQueue {
  readonly #fetched: FetchedMessages[] = [];
  bytes = 0;
  orders = 0;
  /** When something came into the empty queue; by performance.now(). */
  since = 0;

  push(fetched: FetchedMessages): void {
    if (this.empty) this.since = performance.now();
    this.#fetched.push(fetched);
    this.bytes += fetched.bytes;
    this.orders += fetched.messages.length;
  }

  get empty(): boolean {
    return this.#fetched.length === 0;
  }

  clear(): void {
    this.#fetched.length = 0;
    this.bytes = 0;
    this.orders = 0;
  }

  /** Takes what fits; at least one message, however large. Null when there is nothing. */
  take(maxOrders: number, maxBytes: number, generation: number): MessageBatch | null {
    const messages: OrderMessage[] = [];
    const segments = new Map<number, Segment>();
    let bytes = 0;
    let reason: FlushReason = 'time';
    while (this.#fetched.length > 0) {
      const first = this.#fetched[0];
      let count = 0;
      let size = 0;
      while (count < first.messages.length) {
        const next = messageBytes(first.messages[count]);
        const some = messages.length + count > 0;
        if (some && messages.length + count >= maxOrders) reason = 'orders';
        else if (some && bytes + size + next > maxBytes) reason = 'bytes';
        else {
          size += next;
          count++;
          continue;
        }
        break;
      }
      const whole = count === first.messages.length;
      const to = whole ? first.to : first.messages[count].offset;
      if (count > 0 || whole) {
        for (let i = 0; i < count; i++) messages.push(first.messages[i]);
        const segment = segments.get(first.partition);
        if (segment) {
          segment.to = to;
          segment.messages += count;
        } else segments.set(first.partition, { partition: first.partition, from: first.from, to, messages: count });
        bytes += size;
      }
      if (whole) this.#fetched.shift();
      else {
        this.#fetched[0] = {
          ...first,
          from: count > 0 ? to : first.from,
          messages: first.messages.slice(count),
          bytes: first.bytes - size,
        };
        break;
      }
    }
    this.bytes = this.#fetched.reduce((sum, f) => sum + f.bytes, 0);
    this.orders -= messages.length;
    if (segments.size === 0) return null;
    return {
      messages,
      segments: [...segments.values()].sort((a, b) => a.partition - b.partition),
      bytes,
      reason,
      generation,
    };
  }
}
