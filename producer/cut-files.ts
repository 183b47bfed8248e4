/** The files of a drop, read and cut one after the other. */
import type { FileFault, OversizeOrder } from '../shared/drop-record.js';
import { throwIfAborted } from '../shared/errors.js';
import { monthOfFile } from '../shared/order.js';
import type { CutLimits, FileCutter } from './cut-batch.js';
import { type DropEntry, isLines } from './drop-entry.js';
import { OrderCutter } from './entry-orders.js';
import { LineCutter } from './line-cutter.js';

export interface CutOrder {
  file: string;
  /** Position in the file's orders. */
  index: number;
  /** `YYYY_MM` by the file's name, or null. */
  month: string | null;
  /** Its very bytes. */
  value: Buffer;
}

/** Orders of a file, or with `end` what was found out about it when it was read to its end. */
export interface CutPart {
  orders: CutOrder[];
  end: { file: string; orders: number; fault: FileFault | null; oversize: number; oversizeOrders: OversizeOrder[] } | null;
}

/**
 * Cuts every file of a drop for those who do not publish it; the orders are copies.
 *
 * @param onBytes told of unpacked bytes as they come
 * @throws DropError where the bytes are not what they should be; InterruptedError on the signal
 */
export async function* cutDrop(
  entries: DropEntry[],
  limits: CutLimits,
  signal: AbortSignal | undefined,
  onBytes: (bytes: number) => void,
): AsyncGenerator<CutPart, void> {
  if (entries.length === 0) return;
  let cutter = newCutter(entries[0].name, limits);
  for await (const { file, chunk } of readAhead(readAll(entries))) {
    throwIfAborted(signal, 'reading the drop');
    const { name } = entries[file];
    const month = monthOfFile(name);
    for (const { bytes, index, starts, ends, count } of chunk === null ? cutter.end() : cutter.push(chunk)) {
      const orders: CutOrder[] = [];
      for (let n = 0; n < count; n++)
        orders.push({ file: name, index: index + n, month, value: Buffer.from(bytes.subarray(starts[n], ends[n])) });
      yield { orders, end: null };
    }
    onBytes(chunk?.length ?? 0);
    if (chunk !== null) continue;
    const { orders, fault, oversize, oversizeOrders } = cutter;
    yield { orders: [], end: { file: name, orders, fault, oversize, oversizeOrders } };
    if (file + 1 < entries.length) cutter = newCutter(entries[file + 1].name, limits);
  }
}

/** What cuts a file of this name. */
export function newCutter(name: string, limits: CutLimits): FileCutter {
  return isLines(name) ? new LineCutter(limits) : new OrderCutter(limits);
}

/** All files' bytes, one after the other; a null chunk ends each. */
export async function* readAll(entries: DropEntry[]): AsyncGenerator<{ file: number; chunk: Buffer | null }, void> {
  for (let file = 0; file < entries.length; file++) {
    for await (const chunk of entries[file].read()) yield { file, chunk };
    yield { file, chunk: null };
  }
}

/** Asks for the next item before the one at hand is done with: zlib unpacks on another thread while this one cuts. */
export async function* readAhead<T>(source: AsyncGenerator<T, void>): AsyncGenerator<T, void> {
  let next = source.next();
  next.catch(() => {});
  try {
    for (;;) {
      const { done, value } = await next;
      if (done) return;
      next = source.next();
      next.catch(() => {});
      yield value;
    }
  } finally {
    await next.catch(() => {});
    await source.return();
  }
}
