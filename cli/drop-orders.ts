/** The orders of a drop at hand, as if they were messages of its publication. */
import { messageOf } from '../consumer/intake/batch.js';
import type { OrderSource } from '../consumer/proof/hold-drop.js';
import { cutDrop } from '../producer/cut-files.js';
import type { DropEntry } from '../producer/drop-entry.js';
import type { Context } from './context.js';

/** Orders of up to so many bytes are held against the tables whatever MAX_ORDER_BYTES was when they were published. */
const MOST_BYTES = 64 * 1024 * 1024;

/** @param title of the progress */
export async function* dropOrders({ settings, signal, display }: Context, entries: DropEntry[], drop: string, title: string): OrderSource {
  const total = entries.reduce((n, e) => n + e.bytes, 0);
  let done = 0;
  const limits = { maxOrderBytes: Math.max(settings.maxOrderBytes, MOST_BYTES) };
  const parts = cutDrop(entries, limits, signal, bytes => {
    done += bytes;
    display.progress({ title, total: Math.round(total / 1e6), unit: 'MB' }, Math.round(done / 1e6));
  });
  for await (const { orders, end } of parts) {
    const messages = orders.map(({ file, index, month, value }) => messageOf(0, 0, value, { drop, file, index, month }));
    const fault = end?.fault ?? null;
    yield { messages, ...(fault !== null && { broken: { file: end!.file, ...fault } }) };
  }
}
