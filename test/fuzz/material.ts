/** The orders of the real drop, to mutate beside generated ones. */
import { existsSync, statSync } from 'node:fs';
import type { RawOrder } from '../support/make-drop-orders.js';
import { cutFile, dropEntries } from '../support/oracle-zip.js';
import { membersOf } from './mutate.js';

/** A few of the orders of GLOSSIER_DROP; none where it is not set or not there, which is said. */
export async function realOrders(say: (line: string) => void): Promise<RawOrder[]> {
  const drop = process.env.GLOSSIER_DROP;
  if (drop === undefined || !existsSync(drop) || !statSync(drop).isFile()) {
    say('generated orders alone: GLOSSIER_DROP names no drop');
    return [];
  }
  const orders: RawOrder[] = [];
  for await (const { bytes } of dropEntries(drop)) {
    const { elements } = cutFile(bytes);
    for (let n = 0; n < elements.length; n += 20) orders.push(membersOf(elements[n].bytes.toString()));
  }
  return orders;
}
