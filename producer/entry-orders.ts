/**
 * Cuts the orders out of one file of a drop: bytes in, the very bytes of each element of the top-level `orders` array out.
 *
 * The whole file is checked to be JSON while it passes (shared/json-scan.ts), each byte about once; nothing is decoded but keys with
 * escapes. Memory is bounded by the chunk size plus twice the largest order. Measured on one core: about 300 MB/s on the real drop
 * (stream-json: 9–23 MB/s).
 */
import type { FileFault } from '../shared/drop-record.js';
import {
  faultAt,
  faultReason,
  hadEscapes,
  INCOMPLETE,
  MALFORMED,
  malformed,
  skipColon,
  skipSpace,
  skipString,
  skipValue,
} from '../shared/json-scan.js';
import { keyEnd, keyIs, keyStart, skipOrder } from './order-key.js';

/**
 * Orders as the file has them, in one buffer: order n starts at `starts[n]` and ends before `ends[n]`. Positions rather than slices,
 * so that nothing is made for each order. All of it is used again for the next batch.
 */
export interface CutBatch {
  bytes: Buffer;
  count: number;
  starts: Int32Array;
  ends: Int32Array;
  /** Where the decimal text of the order's `id` is, where that is a whole number in 1…2^63-1 in plain digits; else keyEnds is 0. */
  keyStarts: Int32Array;
  keyEnds: Int32Array;
}

export interface CutLimits {
  /** Bytes of one order at the most; also of a value beside `orders`, as that is read whole too. */
  maxOrderBytes: number;
}

enum State {
  /** Before the first byte: a byte order mark, another encoding. */
  Begin,
  Start,
  FirstKey,
  Key,
  OtherValue,
  AfterValue,
  Orders,
  FirstOrder,
  Order,
  AfterOrder,
  End,
}

/**
 * Nesting of one value: far beyond what is right, so that an order nested too deeply for the worker (MAX_DEPTH) is refused there, alone
 * and with its bytes. The scanner keeps one byte a level.
 */
const DEEPEST = 1_000_000;

/** Orders handed out at once at the most: bounds the memory that a file of millions of tiny elements takes. */
const BATCH = 4096;

const NOTHING = Buffer.alloc(0);
const ORDERS = Buffer.from('"orders"');

/** Cuts one file: `push` every chunk, then `end`. After a fault it takes nothing more. */
export class OrderCutter {
  /** Whole orders handed out. */
  orders = 0;
  fault: FileFault | null = null;
  readonly #limits: CutLimits;
  #state = State.Begin;
  #seen = false;
  /** Bytes not yet consumed: what a scan left over, and chunks that came since. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** A new scan is worth it from so many held bytes. */
  #enough = 0;
  /** Place of the first held byte in the file. */
  #base = 0;
  #ended = false;
  readonly #batch: CutBatch;

  constructor(limits: CutLimits) {
    this.#limits = limits;
    const places = () => new Int32Array(BATCH);
    this.#batch = {
      bytes: NOTHING,
      count: 0,
      starts: places(),
      ends: places(),
      keyStarts: places(),
      keyEnds: places(),
    };
  }

  /** Takes the next bytes of the file; they must not be changed until the next call. */
  *push(chunk: Buffer): Generator<CutBatch, void> {
    if (this.fault !== null) return;
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes >= this.#enough) yield* this.#scan();
  }

  /** Says that the file ends here. */
  *end(): Generator<CutBatch, void> {
    if (this.fault !== null) return;
    this.#ended = true;
    yield* this.#scan();
    if (this.fault !== null || this.#state === State.End) return;
    const length = this.#base + this.#heldBytes;
    this.#fail(length, length === 0 ? 'the file is empty' : 'the file is cut off: it ends inside its JSON');
  }

  *#scan(): Generator<CutBatch, void> {
    const b = this.#held.length === 1 ? this.#held[0] : Buffer.concat(this.#held, this.#heldBytes);
    const batch = this.#batch;
    batch.bytes = b;
    let at = 0;
    for (;;) {
      batch.count = 0;
      at = this.#cut(b, at, batch);
      const { count } = batch;
      if (count > 0) {
        this.orders += count;
        yield batch;
      }
      if (this.fault !== null) {
        this.fault.orders = this.orders;
        this.#held = []; // nothing more is read
        return;
      }
      if (count < BATCH) break;
    }
    this.#base += at;
    const left = b.length - at;
    this.#held = left === 0 ? [] : [b.subarray(at)];
    this.#heldBytes = left;
    // an unfinished order is scanned again from its start: only when the bytes have doubled, so that all scans together stay linear
    this.#enough = Math.min(2 * left, this.#limits.maxOrderBytes + 1);
  }

  /** Reads on from `at`. Returns the first byte not consumed; a full batch may leave more to read. */
  #cut(b: Buffer, at: number, batch: CutBatch): number {
    const { maxOrderBytes } = this.#limits;
    const end = b.length;
    let i = at;
    for (;;) {
      if (this.#state === State.Begin) {
        if (end < 4 && !this.#ended) return 0;
        const other = otherThanUtf8(b);
        if (other !== null) return this.#fail(0, `the file is ${other}, not JSON in UTF-8`);
        if (b[0] === 0xef && b[1] === 0xbb && b[2] === 0xbf) i = 3;
        this.#state = State.Start;
      }
      i = skipSpace(b, i, end);
      if (i >= end) return i;
      const c = b[i];
      switch (this.#state) {
        case State.Start:
          if (c !== 0x7b) return this.#fail(this.#base + i, 'the top level is not an object');
          this.#state = State.FirstKey;
          i++;
          break;
        case State.FirstKey:
        case State.Key: {
          if (c === 0x7d && this.#state === State.FirstKey) {
            this.#state = State.AfterValue;
            break;
          }
          const value = this.#key(b, i, end);
          if (value < 0) return this.#stop(value, i, end);
          i = value;
          break;
        }
        case State.OtherValue: {
          const after = skipValue(b, i, end, DEEPEST);
          if (after < 0) return this.#stop(after, i, end);
          if (after - i > maxOrderBytes) return this.#stop(INCOMPLETE, i, after);
          this.#state = State.AfterValue;
          i = after;
          break;
        }
        case State.AfterValue:
          if (c === 0x2c) this.#state = State.Key;
          else if (c !== 0x7d) return this.#fail(this.#base + i, 'a comma or the end of the object is missing');
          else if (!this.#seen) return this.#fail(this.#base + i, 'there is no `orders` array');
          else this.#state = State.End;
          i++;
          break;
        case State.Orders:
          if (c !== 0x5b) return this.#fail(this.#base + i, '`orders` is not an array');
          this.#state = State.FirstOrder;
          i++;
          break;
        case State.FirstOrder:
          if (c === 0x5d) {
            this.#state = State.AfterValue;
            i++;
          } else this.#state = State.Order;
          break;
        case State.Order: {
          const after = skipOrder(b, i, end, DEEPEST);
          if (after < 0) return this.#stop(after, i, end);
          if (after - i > maxOrderBytes) return this.#stop(INCOMPLETE, i, after);
          const n = batch.count++;
          batch.starts[n] = i;
          batch.ends[n] = after;
          batch.keyStarts[n] = keyStart();
          batch.keyEnds[n] = keyEnd();
          this.#state = State.AfterOrder;
          i = after;
          if (batch.count === BATCH) return i;
          break;
        }
        case State.AfterOrder:
          if (c === 0x2c) this.#state = State.Order;
          else if (c === 0x5d) this.#state = State.AfterValue;
          else return this.#fail(this.#base + i, 'a comma or the end of the array is missing');
          i++;
          break;
        case State.End:
          return this.#fail(this.#base + i, 'more follows behind the end of the JSON');
      }
    }
  }

  /** Reads a key of the top level and its colon; returns the position of the value and sets the state that reads it. */
  #key(b: Buffer, at: number, end: number): number {
    if (b[at] !== 0x22) return malformed(at, 'a key is not a string');
    const after = skipString(b, at, end);
    if (after < 0) return after;
    const isOrders = hadEscapes() ? keyIs(b, at, after, 'orders') : after - at === 8 && ORDERS.compare(b, at, after) === 0;
    const value = skipColon(b, after, end);
    if (value < 0) return value;
    if (isOrders && this.#seen) return malformed(at, '`orders` is there twice');
    if (isOrders) this.#seen = true;
    this.#state = isOrders ? State.Orders : State.OtherValue;
    return value;
  }

  /** What to do when something that starts at `at` did not end: wait for more bytes, or give the file up. */
  #stop(result: number, at: number, end: number): number {
    const reached = result === MALFORMED ? faultAt() : end;
    if (reached - at > this.#limits.maxOrderBytes) {
      const what = this.#state === State.Order ? 'an order' : 'a value beside `orders`';
      return this.#fail(this.#base + at, `${what} has more than ${this.#limits.maxOrderBytes} bytes (MAX_ORDER_BYTES)`);
    }
    return result === MALFORMED ? this.#fail(this.#base + faultAt(), faultReason()) : at;
  }

  #fail(byte: number, reason: string): number {
    this.fault = { reason, byte, orders: this.orders };
    return 0;
  }
}

/** What the file is where its first bytes cannot start JSON in UTF-8, else null. */
function otherThanUtf8(b: Buffer): string | null {
  if ((b[0] === 0xff && b[1] === 0xfe) || (b[0] === 0xfe && b[1] === 0xff)) return 'UTF-16';
  if (b[0] === 0 && b[1] === 0) return 'UTF-32';
  if (b[0] === 0 || b[1] === 0) return 'UTF-16';
  if (b[0] === 0x1f && b[1] === 0x8b) return 'packed by gzip';
  return null;
}
