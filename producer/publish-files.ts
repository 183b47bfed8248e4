/** The files of a drop, cut into orders and given to the publisher: unpack -> cut -> publish, in the directory's order. */
import { type DropFile, MOST_OVERSIZE } from '../shared/drop-record.js';
import { throwIfAborted } from '../shared/errors.js';
import { monthOfFile } from '../shared/order.js';
import { ContentSums } from './content-sums.js';
import type { CutLimits } from './cut-batch.js';
import { newCutter, readAhead, readAll } from './cut-files.js';
import type { DropEntry } from './drop-entry.js';
import type { OrderPublisher, Place } from './order-publisher.js';

/** A place in a drop, and how many of its orders stand before it. */
export interface Mark extends Place {
  orders: number;
}

export const START: Mark = { file: 0, index: 0, orders: 0 };

export interface FilesToPublish {
  entries: DropEntry[];
  limits: CutLimits;
  signal?: AbortSignal;
  /** Told of unpacked bytes, and of orders read so far. */
  onBytes: (bytes: number, orders: number) => void;
}

/**
 * Cuts every file and sends the orders from a mark on.
 *
 * @returns the files as they are, when all is confirmed; null, with nothing sent, where other than `from.orders` orders stand before the
 *   mark: the limits were others when it was set, and a file ended elsewhere
 */
export async function publishFiles(input: FilesToPublish, from: Mark, publisher: OrderPublisher): Promise<DropFile[] | null> {
  const { entries, limits, signal, onBytes } = input;
  const files: DropFile[] = [];
  if (from.file >= entries.length) return null;
  let cutter = newCutter(entries[0].name, limits);
  let sums = new ContentSums();
  let before = 0;
  let told = 0;
  let reached = false;
  for await (const { file, chunk } of readAhead(readAll(entries))) {
    throwIfAborted(signal, 'publishing');
    const { name, bytes } = entries[file];
    const month = monthOfFile(name);
    if (cutter.index === 0) publisher.startFile(file, name, month);
    for (const batch of chunk === null ? cutter.end() : cutter.push(chunk)) {
      sums.add(batch); // also those that an earlier run has published
      let skip = file < from.file ? batch.count : 0;
      if (file === from.file && !reached) {
        skip = Math.min(batch.count, Math.max(0, from.index - batch.index));
        reached = skip < batch.count;
        if (reached && before + cutter.orders - batch.count + skip !== from.orders) return null;
      }
      await publisher.add(batch, skip);
    }
    onBytes(chunk?.length ?? 0, before + cutter.orders);
    if (chunk !== null) continue;
    before += cutter.orders;
    if (file === from.file && !reached && (cutter.index < from.index || before !== from.orders)) return null;
    const first = cutter.oversizeOrders.slice(0, MOST_OVERSIZE - told);
    told += first.length;
    files.push({
      name,
      month,
      bytes,
      orders: cutter.orders,
      sums: sums.sums(),
      ...(cutter.fault && { fault: cutter.fault }),
      ...(cutter.oversize > 0 && { oversize: { count: cutter.oversize, first } }),
    });
    if (file + 1 < entries.length) cutter = newCutter(entries[file + 1].name, limits);
    sums = new ContentSums();
  }
  await publisher.flush();
  return files;
}
