/** An order without what says anything about its user: pure. */
import { JsonKind } from '../../shared/json-scan.js';
import { LINE_ITEM_FIELDS } from '../../shared/order.js';
import { type ForgottenUsers, keptOf, PERSONAL } from './forgotten.js';
import { ABSENT, FIELDS, LINE_ITEMS, type OrderScan } from './order-scan.js';

/** Of an order of which nothing is kept: what it takes to know it again, and no money. */
const LEAST: ReadonlySet<string> = new Set(['id', 'user_id', 'processed_at']);

/**
 * The JSON of the order that was scanned last: the fields that are no personal ones as they were delivered, and no unknown ones. It gives the very rows
 * that the order itself gives when its user is forgotten.
 */
export function redactOrder(scan: OrderScan, forgotten: ForgottenUsers): Buffer {
  const nothing = keptOf(scan, forgotten) === 'nothing';
  const parts: string[] = [];
  for (const [f, name] of FIELDS.entries()) {
    if (scan.kind[f] === ABSENT || f === LINE_ITEMS || PERSONAL[f]) continue;
    if (!nothing || LEAST.has(name)) parts.push(`"${name}":${raw(scan, scan.from[f], scan.to[f], scan.kind[f])}`);
  }
  if (nothing) parts.push('"total_price":"0"');
  const items = nothing ? [] : Array.from({ length: scan.itemCount }, (_, n) => lineItem(scan, n));
  parts.push(`"line_items":[${items.join(',')}]`);
  return Buffer.from(`{${parts.join(',')}}`, 'utf8');
}

function lineItem(scan: OrderScan, n: number): string {
  const fields = LINE_ITEM_FIELDS.flatMap((name, f) => {
    const kind = scan.itemKind(n, f);
    return kind === ABSENT ? [] : [`"${name}":${text(scan, scan.itemFrom(n, f), scan.itemTo(n, f))}`];
  });
  return `{${fields.join(',')}}`;
}

/** A string's place is that between its quotes. */
function raw(scan: OrderScan, from: number, to: number, kind: number): string {
  return kind === JsonKind.String ? `"${text(scan, from, to)}"` : text(scan, from, to);
}

function text({ bytes }: OrderScan, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('utf8');
}
