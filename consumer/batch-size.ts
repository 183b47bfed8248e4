/**
 * How much a worker takes into one transaction: as much as the settings allow, unless a transaction takes long or the process grows beyond
 * its memory. So a small machine and a large one both run well without a setting.
 */
import type { Logger } from '../shared/log.js';

/** Milliseconds that a transaction may take: others wait that long for its locks, and a kill throws away as much. */
const MOST_TIME = 1000;
/** Of the limits at the start: what an order takes in memory is not known yet. */
const FIRST_SHARE = 1 / 4;
/** Memory alone makes no batch smaller than that: what a process has taken once it seldom gives back, and it would shrink for ever. */
const LEAST_FOR_MEMORY = FIRST_SHARE;
const GROWTH = 1.5;
/** Above this share of the memory a batch grows no more. */
const NEARLY_FULL = 0.9;
/**
 * A process that is beyond its memory takes less at once only when it has grown by this since it last did. What was taken once is seldom given back, so
 * one that shrank for as long as it was beyond came to a quarter of what it may take and freed nothing: 131,830 orders took 10.6 s and 218 MB in 170
 * transactions by 200 MB, and 8.4 s and 222 MB in 57 by 240 MB.
 */
const RISEN = 1.02;
/** Below these a transaction's fixed cost shows: 25 ms of CPU, ours and Postgres' together, whatever it holds. Limits that are set lower are left alone. */
const LEAST = { orders: 250, bytes: 500_000 };
/** Resident bytes of a worker that holds no batch; and what each byte that a batch may hold adds, in both lanes together. */
const EMPTY_WORKER = 100e6;
const RESIDENT_PER_BYTE = 20;
/** Milliseconds between two lines in the log. */
const TOLD_EVERY = 60_000;

/** What keeps a batch from being larger. */
export type BatchLimit = 'settings' | 'time' | 'memory';

export interface BatchSizeOptions {
  /** Orders and bytes at the most, as set. */
  orders: number;
  bytes: number;
  /** Resident bytes that the process is to stay within. */
  memory: number;
  log: Logger;
}

export class BatchSize {
  readonly #most: { orders: number; bytes: number };
  /** What sets the upper limit. */
  readonly #bound: BatchLimit;
  #share = FIRST_SHARE;
  /** Resident bytes when memory last made it smaller; 0 once it has grown again. */
  #shrankAt = 0;
  #told: { why: BatchLimit; orders: number } | null = null;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(readonly options: BatchSizeOptions) {
    const { orders, bytes, memory } = options;
    const fits = Math.max(LEAST.bytes, (memory - EMPTY_WORKER) / RESIDENT_PER_BYTE);
    this.#most = { orders, bytes: Math.min(bytes, fits) };
    this.#bound = fits < bytes ? 'memory' : 'settings';
  }

  /** Orders of the next batch, at the most. */
  get orders(): number {
    return this.#now('orders');
  }

  /** Bytes of messages of the next batch, at the most. */
  get bytes(): number {
    return this.#now('bytes');
  }

  #now(what: 'orders' | 'bytes'): number {
    const most = this.#most[what];
    return Math.min(most, Math.max(LEAST[what], Math.floor(most * this.#share)));
  }

  /**
   * Told of each batch that was loaded and had been cut by its size; others say nothing about it.
   *
   * @param milliseconds that its transaction took
   * @param resident bytes of the process
   */
  settle(milliseconds: number, resident: number, now = Date.now()): void {
    const { memory } = this.options;
    if (milliseconds > MOST_TIME) this.#change(Math.max(0.5, MOST_TIME / milliseconds), 'time', now);
    else if (resident > memory && resident > this.#shrankAt * RISEN && this.#share > LEAST_FOR_MEMORY) {
      this.#shrankAt = resident;
      this.#change(1 / GROWTH, 'memory', now, LEAST_FOR_MEMORY);
    } else if (this.#share === 1) this.#tell(this.#bound, now);
    else if (resident > memory * NEARLY_FULL) this.#tell('memory', now);
    // what was too long a moment ago is not tried again at once
    else if (milliseconds * GROWTH < MOST_TIME) {
      this.#shrankAt = 0; // memory was given back: what comes now is new, and a peak of long ago does not excuse it
      this.#change(GROWTH, null, now);
    } else this.#tell('time', now);
  }

  #change(factor: number, why: BatchLimit | null, now: number, least = this.#leastShare): void {
    this.#share = Math.min(1, Math.max(least, this.#share * factor));
    if (why !== null) this.#tell(why, now);
  }

  /** A share at which both limits stand at the least. */
  get #leastShare(): number {
    return Math.min(LEAST.orders / this.#most.orders, LEAST.bytes / this.#most.bytes);
  }

  /** Once it is known what the size settles by, and when that or the size has become another one. */
  #tell(why: BatchLimit, now: number): void {
    const { orders } = this;
    if ((why === this.#told?.why && orders === this.#told.orders) || now - this.#toldAt < TOLD_EVERY) return;
    this.#told = { why, orders };
    this.#toldAt = now;
    this.options.log.info({ orders, bytes: this.bytes, limited_by: why }, 'size of a batch');
  }
}
