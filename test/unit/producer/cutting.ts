/** Cutting a file in tests: all that comes out of it, whatever the chunks. */
import assert from 'node:assert/strict';
import { type CutLimits, OrderCutter } from '../../../producer/entry-orders.js';
import type { FileFault } from '../../../shared/drop-record.js';

export interface Cut {
  values: string[];
  keys: (string | null)[];
  fault: FileFault | null;
}

export const LIMITS: CutLimits = { maxOrderBytes: 900_000 };

/** Cuts a file that comes in chunks of the given sizes, over and over. */
export function cut(file: string | Uint8Array, sizes: number[] = [1 << 20], limits = LIMITS): Cut {
  const bytes = Buffer.from(file as Uint8Array);
  const cutter = new OrderCutter(limits);
  const found: Cut = { values: [], keys: [], fault: null };
  const take = (batches: ReturnType<OrderCutter['push']>) => {
    for (const b of batches) {
      for (let n = 0; n < b.count; n++) {
        found.values.push(b.bytes.toString('utf8', b.starts[n], b.ends[n]));
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
  assert.equal(cutter.orders, found.values.length);
  if (cutter.fault) assert.equal(cutter.fault.orders, found.values.length);
  return found;
}

export function fault(file: string | Uint8Array, limits = LIMITS): string {
  const whole = cut(file, undefined, limits);
  assert.ok(whole.fault, 'a fault was expected');
  assert.deepEqual(cut(file, [1], limits), whole, 'the same fault byte by byte');
  return `${whole.values.length} @${whole.fault.byte}: ${whole.fault.reason}`;
}
