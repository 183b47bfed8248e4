/** What cutting a file gives: orders by the batch, those that were too large, and where the file broke. */
import type { FileFault, OversizeOrder } from '../shared/drop-record.js';
import { found } from './order-key.js';

/**
 * Orders as the file has them, in one buffer: order n starts at `starts[n]` and ends before `ends[n]`. Positions rather than slices,
 * so that nothing is made for each order. All of it is used again for the next batch.
 */
export interface CutBatch {
  bytes: Buffer;
  count: number;
  /** Index in the file of the first of them. */
  index: number;
  starts: Int32Array;
  ends: Int32Array;
  /** Where the decimal text of the order's `id` is, where that is a whole number in 1…2^63-1 in plain digits; else keyEnds is 0. */
  keyStarts: Int32Array;
  keyEnds: Int32Array;
  /** Where the text of the order's `total_price` is, without quotes; priceEnds is 0 where it has none. */
  priceStarts: Int32Array;
  priceEnds: Int32Array;
  /** Elements of the order's `line_items`. */
  items: Int32Array;
}

export interface CutLimits {
  /** Bytes of one order at the most, and of a key of the top level. */
  maxOrderBytes: number;
}

/** Orders handed out at once at the most: bounds the memory that a file of millions of tiny elements takes. */
export const BATCH = 4096;

/** Cuts one file: `push` every chunk, then `end`. */
export interface FileCutter {
  /** Orders handed out. */
  readonly orders: number;
  /** Orders that were too large and so are not handed out: how many, and the first of them. */
  readonly oversize: number;
  readonly oversizeOrders: OversizeOrder[];
  /** Index of the next order in the file. */
  readonly index: number;
  readonly fault: FileFault | null;
  /** Takes the next bytes of the file; they must not be changed until the next call. */
  push(chunk: Buffer): Iterable<CutBatch>;
  /** Says that the file ends here. */
  end(): Iterable<CutBatch>;
}

const NOTHING = Buffer.alloc(0);

export function newBatch(): CutBatch {
  const places = () => new Int32Array(BATCH);
  return {
    bytes: NOTHING,
    count: 0,
    index: 0,
    starts: places(),
    ends: places(),
    keyStarts: places(),
    keyEnds: places(),
    priceStarts: places(),
    priceEnds: places(),
    items: places(),
  };
}

/** Adds the order that skipOrder has just passed. */
export function addOrder(batch: CutBatch, start: number, end: number, whole = true): void {
  const n = batch.count++;
  batch.starts[n] = start;
  batch.ends[n] = end;
  batch.keyStarts[n] = whole ? found.keyStart : 0;
  batch.keyEnds[n] = whole ? found.keyEnd : 0;
  batch.priceStarts[n] = whole ? found.priceStart : 0;
  batch.priceEnds[n] = whole ? found.priceEnd : 0;
  batch.items[n] = whole ? found.items : 0;
}

/** What the file is where its first bytes cannot start JSON in UTF-8, else null. */
export function otherThanUtf8(b: Buffer): string | null {
  const begins = (...bytes: number[]) => bytes.every((byte, n) => b[n] === byte);
  if (begins(0xff, 0xfe, 0, 0) || begins(0, 0)) return 'UTF-32';
  if (b[0] !== 0 && b[0] < 0x80 && begins(b[0], 0, 0, 0)) return 'UTF-32';
  if (begins(0xff, 0xfe) || begins(0xfe, 0xff) || b[0] === 0 || b[1] === 0) return 'UTF-16';
  if (begins(0x1f, 0x8b)) return 'packed by gzip';
  if (begins(0x50, 0x4b, 3, 4)) return 'a zip';
  return null;
}
