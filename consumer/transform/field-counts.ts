/** Which fields the loaded orders of each drop had: what a change of the export is noticed by. Pure. */
import { FIELDS, type OrderScan } from './order-scan.js';

/** Unknown fields of a drop and partition that are kept by name: an export that makes names up must not fill a table with them. */
const MOST_UNKNOWN = 100;
/** Characters of a name that are kept. */
const LONGEST_NAME = 200;

/** Orders that had a field, and the kinds that its value had: the sum of 2^(JsonKind - 1). Fields that the tables know have no kinds. */
export type FieldCount = [orders: number, kinds: number];

/** Of one drop in one partition. */
export class FieldCounts {
  orders = 0;
  /** Orders with unknown fields beyond those that are kept by name. */
  more = 0;
  readonly #known = new Int32Array(FIELDS.length);
  readonly #unknown = new Map<string, FieldCount>();

  constructor(
    readonly drop: string,
    readonly partition: number,
  ) {}

  /** Counts the order that `scan` holds. */
  see(scan: OrderScan): void {
    this.orders++;
    const { kind } = scan;
    const known = this.#known;
    for (let f = 0; f < known.length; f++) if (kind[f] !== 0) known[f]++;
    if (scan.extra.length === 0 && !scan.hasItemExtra) return;
    const seen = new Set<string>();
    let beyond = this.#seeUnknown(scan, scan.extra, '', seen);
    if (scan.hasItemExtra) {
      for (let n = 0; n < scan.itemCount; n++) beyond = this.#seeUnknown(scan, scan.itemExtra(n), 'line_items[].', seen) || beyond;
    }
    if (beyond) this.more++;
  }

  /** Adds the counts of further orders of the same drop and partition. */
  add(other: FieldCounts): void {
    this.orders += other.orders;
    this.more += other.more;
    for (let f = 0; f < this.#known.length; f++) this.#known[f] += other.#known[f];
    for (const [name, [orders, kinds]] of other.#unknown) {
      const had = this.#unknown.get(name) ?? [0, 0];
      this.#unknown.set(name, [had[0] + orders, had[1] | kinds]);
    }
  }

  /** By field, without those that no order had. */
  entries(): [field: string, count: FieldCount][] {
    const known = FIELDS.map((name, f): [string, FieldCount] => [name, [this.#known[f], 0]]);
    return [...known.filter(([, [orders]]) => orders > 0), ...this.#unknown];
  }

  /** @returns whether a field had no place */
  #seeUnknown(scan: OrderScan, extra: readonly number[], prefix: string, seen: Set<string>): boolean {
    let beyond = false;
    for (let i = 0; i < extra.length; i += 4) {
      const name = prefix + fieldName(scan.bytes, extra[i], extra[i + 1]);
      const kind = 1 << (scan.kindAt(extra[i + 2]) - 1);
      let count = this.#unknown.get(name);
      if (count === undefined) {
        if (this.#unknown.size >= MOST_UNKNOWN) {
          beyond = true;
          continue;
        }
        count = [0, 0];
        this.#unknown.set(name, count);
      }
      if (!seen.has(name)) count[0]++;
      seen.add(name);
      count[1] |= kind;
    }
    return beyond;
  }
}

/** The counts of a batch, by drop and partition. Messages of no drop are not counted. */
export class DropFieldCounts {
  readonly #counts = new Map<string, FieldCounts>();
  #last: FieldCounts | null = null;

  see(scan: OrderScan, drop: string, partition: number): void {
    if (this.#last?.partition !== partition || this.#last.drop !== drop) this.#last = this.#of(drop, partition);
    this.#last.see(scan);
  }

  /** Adds the counts of another part of the batch. */
  add(other: DropFieldCounts): void {
    for (const counts of other.#counts.values()) this.#of(counts.drop, counts.partition).add(counts);
  }

  #of(drop: string, partition: number): FieldCounts {
    const key = `${partition}/${drop}`;
    const counts = this.#counts.get(key) ?? new FieldCounts(drop, partition);
    this.#counts.set(key, counts);
    return counts;
  }

  all(): FieldCounts[] {
    return [...this.#counts.values()];
  }
}

/** A key as JSON has it, quotes and all; what Postgres cannot hold is replaced. */
function fieldName(b: Uint8Array, from: number, to: number): string {
  const text = JSON.parse(Buffer.from(b.buffer, b.byteOffset + from, to - from).toString('utf8')) as string;
  return Buffer.from(text.slice(0, LONGEST_NAME)).toString().replaceAll('\0', '\ufffd');
}
