/** What the tables must hold, worked out from the orders that are loaded: the oracle's own fold, one pass and no running totals. */
import type { ReadOrder } from './oracle-order.js';
import { type Cell, fromUnits, toUnits } from './oracle-values.js';

/** An order that is loaded. */
export interface LoadedOrder extends ReadOrder {
  month: string;
  /** sha256 of its drop; null for a message that came from elsewhere. */
  drop: string | null;
  file: string | null;
  /** Orders of one run were loaded together, in an order that is not known; runs came one after the other. */
  run: number;
}

/** Rows of `orders__<month>` by month and id, in the order of months. */
export function monthRows(loaded: Iterable<LoadedOrder>): Map<string, Map<string, Cell[]>> {
  const months = new Map<string, Map<string, Cell[]>>();
  for (const order of loaded) {
    const month = months.get(order.month) ?? new Map<string, Cell[]>();
    months.set(order.month, month);
    month.set(order.id, order.cells);
  }
  return new Map([...months].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The rows that may stand for each line item id. */
export function itemRows(loaded: Iterable<LoadedOrder>): Map<string, Cell[][]> {
  const items = new Map<string, { run: number; rows: Cell[][] }>();
  for (const order of [...loaded].sort((a, b) => a.run - b.run)) {
    const own = new Set<string>();
    for (const row of order.items) {
      const id = row[0]!;
      // within one order the first of an id wins, there is nothing unsettled about it
      if (own.has(id)) continue;
      own.add(id);
      const known = items.get(id);
      if (known === undefined) items.set(id, { run: order.run, rows: [row] });
      else if (known.run === order.run) known.rows.push(row);
    }
  }
  return new Map([...items].map(([id, { rows }]) => [id, rows]));
}

/** Rows of `user_stats` by user id, in the order of USER_COLUMNS. */
export function userRows(loaded: Iterable<LoadedOrder>): Map<string, Cell[]> {
  const byUser = new Map<string, LoadedOrder[]>();
  for (const order of loaded) {
    if (order.userId === null) continue;
    const list = byUser.get(order.userId);
    if (list === undefined) byUser.set(order.userId, [order]);
    else list.push(order);
  }
  const users = new Map<string, Cell[]>();
  for (const [id, orders] of byUser) {
    orders.sort(byAge);
    const [oldest, newest] = [orders[0], orders[orders.length - 1]];
    const spend = orders.reduce((sum, o) => sum + toUnits(o.totalPrice), 0n);
    const days = (BigInt(newest.processedAt) - BigInt(oldest.processedAt)) / 86_400_000_000n + 1n;
    users.set(id, [id, ...newest.user, String(orders.length), fromUnits(spend), oldest.processedAt, newest.processedAt, String(days)]);
  }
  return users;
}

/** Oldest first, by (`processed_at`, `id`). */
function byAge(a: LoadedOrder, b: LoadedOrder): number {
  const at = BigInt(a.processedAt) - BigInt(b.processedAt);
  const d = at === 0n ? BigInt(a.id) - BigInt(b.id) : at;
  return d < 0n ? -1 : d > 0n ? 1 : 0;
}
