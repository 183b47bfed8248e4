/** The drops of a series, and the oracle of all of them: made once, used by every seed. */
import { join, resolve } from 'node:path';
import { type MadeDrop, makeDrop } from '../support/make-drop.js';
import type { RawOrder } from '../support/make-drop-orders.js';
import { Oracle } from '../support/oracle.js';

export const REAL_DROP = process.env.GLOSSIER_DROP ?? resolve('../shared/real/orders-2017-10-30_2017-11-30.zip');

export interface Pool {
  /** Each overlaps with the one before, so they are published one after the other. */
  chain: string[];
  /** Published beside the chain; it overlaps with nothing. */
  beside: string | null;
  oracle: Oracle;
}

/** @param real with the real drop beside @param drops in the chain */
export async function makePool(dir: string, real: boolean, drops: number): Promise<Pool> {
  const chain: string[] = [];
  let last: MadeDrop | null = null;
  for (let n = 0; n < drops; n++) {
    last = await makeDrop(join(dir, `chain-${n}.zip`), {
      seed: 100 + n,
      dates: [`2018-0${1 + (n % 3)}-0${1 + (n % 9)}`, `2018-0${1 + (n % 3)}-1${n % 10}`, `2018-0${2 + (n % 3)}-02`],
      orders: n === 0 ? 300 : 900,
      awkward: n === 0 ? 1 : 0.03,
      bad: n % 3 === 0,
      broken: n === 1,
      headless: n === 2,
      users: 40,
      firstId: 2n ** 55n + BigInt(n) * 10_000_000_000n,
      ...(last && { again: last.orders.slice(0, 150), alter: spoil, sharedItems: last.items.slice(0, 100) }),
    });
    chain.push(last.path);
  }
  const beside = real ? REAL_DROP : null;
  const oracle = new Oracle();
  await oracle.load(...chain, ...(beside ? [beside] : []));
  return { chain, beside, oracle };
}

/** The same order with other contents, all of which must be passed over. */
function spoil(order: RawOrder): RawOrder {
  const kept = order.filter(([key]) => !['"total_price"', '"line_items"', '"processed_at"'].includes(key));
  return [
    ...kept,
    ['"total_price"', '"77777.77"'],
    ['"processed_at"', '"2030-01-01T00:00:00Z"'],
    ['"line_items"', '[{"id":1,"quantity":9}]'],
    ['"phone"', '"never"'],
  ];
}
