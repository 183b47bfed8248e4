/** What a batch says of its users, one row a user: counts, sums, extremes, and the four fields of the newest order. */

import { instantText, unitsToText } from '../../shared/values.js';
import type { CopyText } from './copy-text.js';

interface Delta {
  orders: number;
  /** Ten-thousandths; each addend is below 10^10 and a batch has at most 10^5 orders, so the sum is exact. */
  units: number;
  /** Ten-thousandths of the larger amounts. */
  bigUnits: bigint;
  minSeconds: number;
  minMicros: number;
  maxSeconds: number;
  maxMicros: number;
  newestId: string;
  /** The four fields of the newest order as COPY text with tabs between, one character a byte. */
  fields: string;
}

/** Is `a` greater than `b`? Both are positive decimals without leading zeros. */
export function idIsGreater(a: string, b: string): boolean {
  return a.length === b.length ? a > b : a.length > b.length;
}

export class UserDeltas {
  readonly #users = new Map<string, Delta>();

  get size(): number {
    return this.#users.size;
  }

  /**
   * Adds one loaded order.
   *
   * @param units ten-thousandths of total_price, or NaN when `bigUnits` has them
   * @param fields gives the four fields as COPY text; asked only when this order is the user's newest so far
   */
  add(user: string, orderId: string, seconds: number, micros: number, units: number, bigUnits: bigint, fields: () => string): void {
    let d = this.#users.get(user);
    if (d === undefined) {
      d = {
        orders: 0,
        units: 0,
        bigUnits: 0n,
        minSeconds: seconds,
        minMicros: micros,
        maxSeconds: seconds,
        maxMicros: micros,
        newestId: '',
        fields: '',
      };
      this.#users.set(user, d);
    }
    d.orders++;
    if (Number.isNaN(units)) d.bigUnits += bigUnits;
    else d.units += units;
    if (seconds < d.minSeconds || (seconds === d.minSeconds && micros < d.minMicros)) {
      d.minSeconds = seconds;
      d.minMicros = micros;
    }
    const later = seconds > d.maxSeconds || (seconds === d.maxSeconds && micros > d.maxMicros);
    const same = seconds === d.maxSeconds && micros === d.maxMicros;
    if (later || (same && idIsGreater(orderId, d.newestId))) {
      d.maxSeconds = seconds;
      d.maxMicros = micros;
      d.newestId = orderId;
      d.fields = fields();
    }
  }

  /** Writes a row of user_staging for each user, in the order of STAGING_COLUMNS. */
  write(out: CopyText): void {
    for (const [user, d] of this.#users) {
      out.reserve(d.fields.length + 256);
      const days = Math.floor((d.maxSeconds - d.minSeconds + (d.maxMicros - d.minMicros) / 1e6) / 86400) + 1;
      out.ascii(`${user}\t${d.fields}\t${d.orders}\t${unitsToText(BigInt(d.units) + d.bigUnits)}\t`);
      out.ascii(`${instantText(d.minSeconds, d.minMicros)}\t${instantText(d.maxSeconds, d.maxMicros)}\t${days}\t${d.newestId}`);
      out.endRow();
    }
  }
}
