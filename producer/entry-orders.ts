/**
 * Cuts the orders out of one file of a drop: bytes in, the very bytes of each element of the top-level `orders` array out.
 *
 * The whole file is checked to be JSON while it passes (shared/json-scan.ts), each byte about once; nothing is decoded but keys with
 * escapes. Memory is bounded by the chunk size plus twice MAX_ORDER_BYTES: a larger order is passed over and told of, the orders behind it
 * keep their indexes. Measured on one core: about 300 MB/s on the real drop (stream-json: 9–23 MB/s).
 */
import { type FileFault, MOST_OVERSIZE, type OversizeOrder } from '../shared/drop-record.js';
import {
  faultAt,
  faultReason,
  hadEscapes,
  INCOMPLETE,
  MALFORMED,
  malformed,
  skipSpace,
  skipString,
  skipValue,
} from '../shared/json-scan.js';
import { addOrder, BATCH, type CutBatch, type CutLimits, type FileCutter, newBatch, otherThanUtf8 } from './cut-batch.js';
import { JsonSkipper } from './json-skipper.js';
import { keyIs, skipOrder } from './order-key.js';

enum State {
  /** Before the first byte: a byte order mark, another encoding. */
  Begin,
  Start,
  FirstKey,
  Key,
  Colon,
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

const ORDERS = Buffer.from('"orders"');

/** Cuts one file: `push` every chunk, then `end`. After a fault it takes nothing more. */
export class OrderCutter implements FileCutter {
  orders = 0;
  oversize = 0;
  readonly oversizeOrders: OversizeOrder[] = [];
  fault: FileFault | null = null;
  readonly #limits: CutLimits;
  #state = State.Begin;
  #seen = false;
  /** The key last read is `orders`. */
  #isOrders = false;
  /** Bytes not yet consumed: what a scan left over, and chunks that came since. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** A new scan is worth it from so many held bytes. */
  #enough = 0;
  /** Place of the first held byte in the file. */
  #base = 0;
  #ended = false;
  /** Passes over a value that is too large, which started at this byte of the file. */
  #skipper: JsonSkipper | null = null;
  #skippedFrom = 0;
  /** The batch ends here although it is not full. */
  #handOut = false;
  readonly #batch: CutBatch;

  constructor(limits: CutLimits) {
    this.#limits = limits;
    this.#batch = newBatch();
  }

  get index(): number {
    return this.orders + this.oversize;
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
    const nothing = this.#state === State.Begin || this.#state === State.Start;
    this.#fail(
      length,
      length === 0 ? 'the file is empty' : nothing ? 'the file holds blanks alone' : 'the file is cut off: it ends inside its JSON',
    );
  }

  *#scan(): Generator<CutBatch, void> {
    const b = this.#held.length === 1 ? this.#held[0] : Buffer.concat(this.#held, this.#heldBytes);
    const batch = this.#batch;
    batch.bytes = b;
    let at = 0;
    for (;;) {
      batch.count = 0;
      batch.index = this.index;
      this.#handOut = false;
      at = this.#cut(b, at, batch);
      const { count } = batch;
      if (count > 0) {
        this.orders += count;
        yield batch;
      }
      if (this.fault !== null) {
        this.fault.orders = this.index;
        this.#held = []; // nothing more is read
        return;
      }
      if (!this.#handOut) break;
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
      if (this.#skipper !== null) {
        i = this.#skip(b, i, end);
        if (this.#skipper !== null) return i;
      }
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
          const after = this.#key(b, i, end);
          if (after < 0 || after - i > maxOrderBytes) return this.#stop(after, i, end);
          this.#state = State.Colon;
          i = after;
          break;
        }
        case State.Colon:
          if (c !== 0x3a) return this.#fail(this.#base + i, 'a key is not followed by a colon');
          this.#state = this.#isOrders ? State.Orders : State.OtherValue;
          i++;
          break;
        case State.OtherValue: {
          const after = skipValue(b, i, end, DEEPEST);
          if (after < 0) {
            if (after === MALFORMED || end - i <= maxOrderBytes) return this.#stop(after, i, end);
            this.#startSkipping(i);
            break;
          }
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
          if (after < 0 && (after === MALFORMED || end - i <= maxOrderBytes)) return this.#stop(after, i, end);
          if (after < 0 || after - i > maxOrderBytes) {
            // the orders of a batch have indexes without a gap
            if (batch.count > 0) {
              this.#handOut = true;
              return i;
            }
            if (after < 0) this.#startSkipping(i);
            else {
              this.#oversize(this.#base + i, after - i);
              batch.index = this.index;
              i = after;
            }
            break;
          }
          addOrder(batch, i, after);
          this.#state = State.AfterOrder;
          i = after;
          if (batch.count === BATCH) {
            this.#handOut = true;
            return i;
          }
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

  /** Reads a key of the top level; returns the position behind it. */
  #key(b: Buffer, at: number, end: number): number {
    if (b[at] !== 0x22) return malformed(at, 'a key is not a string');
    const after = skipString(b, at, end);
    if (after < 0) return after;
    this.#isOrders = hadEscapes() ? keyIs(b, at, after, 'orders') : after - at === 8 && ORDERS.compare(b, at, after) === 0;
    if (this.#isOrders && this.#seen) return malformed(at, '`orders` is there twice');
    if (this.#isOrders) this.#seen = true;
    return after;
  }

  /** What to do when something that starts at `at` did not end: wait for more bytes, or give the file up. */
  #stop(result: number, at: number, end: number): number {
    if (result === MALFORMED) return this.#fail(this.#base + faultAt(), faultReason());
    if (end - at <= this.#limits.maxOrderBytes) return at;
    return this.#fail(this.#base + at, `a key has more than ${this.#limits.maxOrderBytes} bytes (MAX_ORDER_BYTES)`);
  }

  #startSkipping(at: number): void {
    this.#skipper = new JsonSkipper();
    this.#skippedFrom = this.#base + at;
  }

  /** Reads on in a value that is too large. Returns the first byte not consumed. */
  #skip(b: Buffer, at: number, end: number): number {
    const after = this.#skipper!.skip(b, at, end);
    if (after === INCOMPLETE) return end;
    if (after === MALFORMED) {
      this.#fail(this.#base + faultAt(), faultReason());
      return end;
    }
    this.#skipper = null;
    if (this.#state === State.Order) this.#oversize(this.#skippedFrom, this.#base + after - this.#skippedFrom);
    else this.#state = State.AfterValue;
    this.#batch.index = this.index;
    return after;
  }

  /** An order has been passed over: `bytes` from byte `byte` of the file on. */
  #oversize(byte: number, bytes: number): void {
    if (this.oversize < MOST_OVERSIZE) this.oversizeOrders.push({ index: this.index, byte, bytes });
    this.oversize++;
    this.#state = State.AfterOrder;
  }

  #fail(byte: number, reason: string): number {
    this.fault = { reason, byte, orders: this.index };
    return 0;
  }
}
