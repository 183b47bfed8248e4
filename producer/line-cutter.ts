/**
 * Cuts a file of one order a line (`.jsonl`, `.ndjson`): the very bytes of each line, without the blanks around them.
 *
 * A line that is no JSON is handed out like any other, so that it is rejected by itself, with its bytes. Lines of blanks alone count for
 * nothing: an order's index is its number among the others.
 */
import { type FileFault, MOST_OVERSIZE, type OversizeOrder } from '../shared/drop-record.js';
import { isSpace, skipSpace } from '../shared/json-scan.js';
import { addOrder, BATCH, type CutBatch, type CutLimits, type FileCutter, newBatch, otherThanUtf8 } from './cut-batch.js';
import { skipOrder } from './order-key.js';

const NEWLINE = 0x0a;
/** As in entry-orders.ts: what is too deep is refused by the worker. */
const DEEPEST = 1_000_000;

export class LineCutter implements FileCutter {
  orders = 0;
  oversize = 0;
  readonly oversizeOrders: OversizeOrder[] = [];
  fault: FileFault | null = null;
  readonly #limits: CutLimits;
  readonly #batch = newBatch();
  #begun = false;
  /** Bytes of a line that has not ended, and the place of the first of them in the file. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  #base = 0;
  /** Where the line began that is too large to be held; -1 where there is none. */
  #skippedFrom = -1;

  constructor(limits: CutLimits) {
    this.#limits = limits;
  }

  get index(): number {
    return this.orders + this.oversize;
  }

  *push(chunk: Buffer): Generator<CutBatch, void> {
    if (this.fault !== null || chunk.length === 0) return;
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes <= this.#limits.maxOrderBytes && this.#skippedFrom < 0 && !chunk.includes(NEWLINE)) return;
    yield* this.#cut(false);
  }

  *end(): Generator<CutBatch, void> {
    if (this.fault !== null) return;
    yield* this.#cut(true);
    if (this.fault !== null || this.index > 0) return;
    const reason = this.#base === 0 ? 'the file is empty' : 'the file holds blanks alone';
    this.fault = { reason, byte: this.#base, orders: 0 };
  }

  *#cut(ended: boolean): Generator<CutBatch, void> {
    const b = this.#held.length === 1 ? this.#held[0] : Buffer.concat(this.#held, this.#heldBytes);
    const batch = this.#batch;
    batch.bytes = b;
    batch.count = 0;
    let at = 0;
    if (!this.#begun) {
      if (b.length < 4 && !ended) return;
      const other = otherThanUtf8(b);
      if (other !== null) {
        this.fault = { reason: `the file is ${other}, not JSON in UTF-8`, byte: 0, orders: 0 };
        this.#held = [];
        return;
      }
      if (b[0] === 0xef && b[1] === 0xbb && b[2] === 0xbf) at = 3;
      this.#begun = true;
    }
    for (;;) {
      if (this.#skippedFrom < 0) at = skipSpace(b, at, b.length); // line ends too
      const newline = b.indexOf(NEWLINE, at);
      if (newline < 0 && !ended) break;
      const end = newline < 0 ? b.length : newline;
      if (this.#skippedFrom >= 0 || end - at > this.#limits.maxOrderBytes) {
        if (batch.count > 0) yield* this.#handOut(); // the orders of a batch have indexes without a gap
        const from = this.#skippedFrom >= 0 ? this.#skippedFrom : this.#base + at;
        if (this.oversize < MOST_OVERSIZE) this.oversizeOrders.push({ index: this.index, byte: from, bytes: this.#base + end - from });
        this.oversize++;
        this.#skippedFrom = -1;
      } else if (end > at) {
        this.#add(b, at, end);
        if (batch.count === BATCH) yield* this.#handOut();
      }
      at = end;
      if (newline < 0) break;
    }
    if (batch.count > 0) yield* this.#handOut();
    if (this.#skippedFrom < 0 && b.length - at > this.#limits.maxOrderBytes) this.#skippedFrom = this.#base + at;
    if (this.#skippedFrom >= 0) at = b.length;
    this.#base += at;
    this.#heldBytes = b.length - at;
    this.#held = this.#heldBytes === 0 ? [] : [b.subarray(at)];
  }

  #add(b: Buffer, start: number, lineEnd: number): void {
    let end = lineEnd;
    while (isSpace(b[end - 1])) end--;
    const batch = this.#batch;
    if (batch.count === 0) batch.index = this.index;
    addOrder(batch, start, end, skipOrder(b, start, end, DEEPEST) === end);
  }

  *#handOut(): Generator<CutBatch, void> {
    this.orders += this.#batch.count;
    yield this.#batch;
    this.#batch.count = 0;
  }
}
