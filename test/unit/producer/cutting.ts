/** Cutting a file in tests: all that comes out of it, whatever the chunks. */
import assert from 'node:assert/strict';
import type { CutBatch, CutLimits, FileCutter } from '../../../producer/cut-batch.js';
import { OrderCutter } from '../../../producer/entry-orders.js';
import type { FileFault, OversizeOrder } from '../../../shared/drop-record.js';

export interface Cut {
  values: string[];
  keys: (string | null)[];
  /** Position of each in the file's orders. */
  indexes: number[];
  fault: FileFault | null;
  oversize: { count: number; first: OversizeOrder[] };
}

export const LIMITS: CutLimits = { maxOrderBytes: 900_000 };

/** Cuts a file that comes in chunks of the given sizes, over and over. */
export function cut(
  file: string | Uint8Array,
  sizes: number[] = [1 << 20],
  limits = LIMITS,
  cutter: FileCutter = new OrderCutter(limits),
): Cut {
  const bytes = Buffer.from(file as Uint8Array);
  const found: Cut = { values: [], keys: [], indexes: [], fault: null, oversize: { count: 0, first: [] } };
  const take = (batches: Iterable<CutBatch>) => {
    for (const b of batches) {
      for (let n = 0; n < b.count; n++) {
        found.values.push(b.bytes.toString('utf8', b.starts[n], b.ends[n]));
        found.indexes.push(b.index + n);
        found.keys.push(b.keyEnds[n] === 0 ? null : b.bytes.toString('utf8', b.keyStarts[n], b.keyEnds[n]));
      }
    }
  };
  for (let at = 0, k = 0; at < bytes.length; k++) {
    const size = Math.max(1, sizes[k % sizes.length]);
    take(cutter.push(Buffer.from(bytes.subarray(at, at + size))));
    at += size;
  }
  take(cutter.end());
  found.fault = cutter.fault;
  found.oversize = { count: cutter.oversize, first: cutter.oversizeOrders };
  assert.equal(cutter.orders, found.values.length);
  assert.equal(cutter.index, found.values.length + cutter.oversize);
  if (cutter.fault) assert.equal(cutter.fault.orders, cutter.index);
  return found;
}

export function fault(file: string | Uint8Array, limits = LIMITS): string {
  const whole = cut(file, undefined, limits);
  assert.ok(whole.fault, 'a fault was expected');
  assert.deepEqual(cut(file, [1], limits), whole, 'the same fault byte by byte');
  const orders = whole.oversize.count === 0 ? whole.values.length : `${whole.values.length}+${whole.oversize.count}`;
  return `${orders} @${whole.fault.byte}: ${whole.fault.reason}`;
}
