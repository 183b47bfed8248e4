/**
 * The oracle's own reading of one order: a delivered value -> the row, items and user data that the contract demands, or why it is
 * rejected (Meaning 5). The names and types are written out here from the contract and from the export, not taken from the program.
 */
import { LosslessNumber } from 'lossless-json';
import {
  type Cell,
  type ColumnType,
  canonicalJson,
  instant,
  money,
  refuseUnstorableNumbers,
  refuseUnstorableText,
  Unfit,
  whole,
} from './oracle-values.js';
import type { Element } from './oracle-zip.js';

export type Column = readonly [name: string, type: ColumnType];

const INT8 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };
const INT4 = { min: -(2n ** 31n), max: 2n ** 31n - 1n };
const ID = { min: 1n, max: 2n ** 63n - 1n };

const TYPES: Record<string, ColumnType> = {};
for (const n of 'id number order_number user_id location_id device_id app_id checkout_id total_weight'.split(' ')) TYPES[n] = 'bigint';
for (const n of 'total_price subtotal_price total_tax total_discounts total_line_items_price total_price_usd total_discount'.split(' ')) {
  TYPES[n] = 'numeric(19,4)';
}
for (const n of 'created_at processed_at updated_at closed_at cancelled_at'.split(' ')) TYPES[n] = 'timestamptz';
for (const n of 'test taxes_included confirmed buyer_accepts_marketing'.split(' ')) TYPES[n] = 'boolean';

const columns = (names: string): Column[] => names.split(/\s+/).map(n => [n, TYPES[n] ?? 'text'] as const);

/** The fields that are kept with an order. */
const FIELDS = columns(
  `id email closed_at created_at updated_at number note token gateway test total_price subtotal_price total_weight total_tax
  taxes_included currency financial_status confirmed total_discounts total_line_items_price cart_token name referring_site
  landing_site cancelled_at cancel_reason total_price_usd checkout_token reference user_id location_id source_identifier source_url
  processed_at device_id app_id browser_ip landing_site_ref order_number processing_method checkout_id source_name
  fulfillment_status tags order_status_url total_discount`,
);

/** The fields that go to the user tables, in the order of `user_stats`. */
const USER = columns('customer_locale buyer_accepts_marketing contact_email phone');

export const ORDER_COLUMNS: Column[] = [...FIELDS, ['line_item_total', 'integer'], ['extra', 'jsonb']];

export const ITEM_COLUMNS: Column[] = [
  ['line_item_id', 'bigint'],
  ['order_id', 'bigint'],
  ['product_id', 'bigint'],
  ['variant_id', 'bigint'],
  ['quantity', 'integer'],
  ['extra', 'jsonb'],
];

export const USER_COLUMNS: Column[] = [
  ['user_id', 'bigint'],
  ...USER,
  ['total_orders', 'bigint'],
  ['total_spend', 'numeric'],
  ['min_processed_at', 'timestamptz'],
  ['max_processed_at', 'timestamptz'],
  ['total_days', 'integer'],
];

const KNOWN = new Set([...FIELDS, ...USER].map(([n]) => n).concat('line_items'));
const ITEM_KNOWN = new Set(['id', 'product_id', 'variant_id', 'quantity']);

export interface ReadOrder {
  id: string;
  /** In the order of ORDER_COLUMNS. */
  cells: Cell[];
  /** In the order of ITEM_COLUMNS, as delivered; an id may stand twice. */
  items: Cell[][];
  userId: Cell;
  /** The four user fields in the order of USER_COLUMNS. */
  user: Cell[];
  processedAt: string;
  totalPrice: string;
}

export interface Refused {
  /** The id where it can be told. */
  orderId: string | null;
  reason: string;
}

type Fields = Record<string, unknown>;

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof LosslessNumber);
}

/** An own field, or null where it is missing: `constructor` is no field of every order. */
function field(fields: Fields, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : null;
}

function cell(value: unknown, type: ColumnType, name: string): Cell {
  if (value === null) return null;
  return named(name, () => {
    if (type === 'bigint') return whole(value, INT8.min, INT8.max);
    if (type === 'integer') return whole(value, INT4.min, INT4.max);
    if (type === 'numeric(19,4)') return money(value);
    if (type === 'timestamptz') return instant(value);
    if (type === 'boolean') {
      if (typeof value !== 'boolean') throw new Unfit('is neither true nor false');
      return String(value);
    }
    if (typeof value !== 'string') throw new Unfit('is not text');
    return value;
  });
}

function extra(fields: Fields, known: Set<string>): Cell {
  const rest = Object.entries(fields).filter(([k]) => !known.has(k));
  if (rest.length === 0) return null;
  for (const [, value] of rest) refuseUnstorableNumbers(value);
  return `{${rest
    .map(([k, v]) => `${JSON.stringify(k)}:${canonicalJson(v)}`)
    .sort()
    .join(',')}}`;
}

export function readOrder(element: Element): ReadOrder | Refused {
  const { order, orderId, faults } = readAll(element);
  return order !== null && faults.length === 0 ? order : { orderId, reason: faults[0] };
}

/** Everything that is wrong with an order; empty where it loads. */
export function faultsOf(element: Element): string[] {
  return readAll(element).faults;
}

function readAll(element: Element): { order: ReadOrder | null; orderId: string | null; faults: string[] } {
  const faults: string[] = [];
  const attempt = <T>(read: () => T): T | null => {
    try {
      return read();
    } catch (e) {
      if (!(e instanceof Unfit)) throw e;
      faults.push(e.message);
      return null;
    }
  };
  const order = element.value;
  if (element.deep) faults.push('nested deeper than 512');
  else if (!element.utf8) faults.push('the bytes are not UTF-8');
  else if (!isObject(order)) faults.push('not an object');
  if (faults.length > 0 || !isObject(order)) return { order: null, orderId: null, faults };
  const orderId = attempt(() => named('id', () => whole(field(order, 'id'), ID.min, ID.max)));
  attempt(() => refuseUnstorableText(order));
  for (const name of ['processed_at', 'total_price']) if (field(order, name) === null) faults.push(`${name} is missing or null`);
  const cells = FIELDS.map(([name, type]) => (name === 'id' ? orderId : attempt(() => cell(field(order, name), type, name))));
  const user = USER.map(([name, type]) => attempt(() => cell(field(order, name), type, name)));
  const list = field(order, 'line_items');
  if (!Array.isArray(list)) faults.push('line_items is not an array');
  const items = Array.isArray(list) ? list.map((item, i) => attempt(() => readItem(item, orderId!, `line_items[${i}]`))) : [];
  const unknown = attempt(() => extra(order, KNOWN));
  if (faults.length > 0) return { order: null, orderId, faults };
  const at = (name: string): Cell => cells[FIELDS.findIndex(([n]) => n === name)];
  const read: ReadOrder = {
    id: orderId!,
    cells: [...cells, String(items.length), unknown],
    items: items as Cell[][],
    userId: at('user_id'),
    user,
    processedAt: at('processed_at')!,
    totalPrice: at('total_price')!,
  };
  return { order: read, orderId, faults };
}

/** What is wrong, with the field's name before it. */
function named<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (e) {
    throw e instanceof Unfit ? new Unfit(`${name} ${e.message}`) : e;
  }
}

function readItem(item: unknown, orderId: string, path: string): Cell[] {
  if (!isObject(item)) throw new Unfit(`${path} is not an object`);
  const id = named(`${path}.id`, () => whole(field(item, 'id'), ID.min, ID.max));
  const known = ITEM_COLUMNS.slice(2, 5).map(([name, type]) => cell(field(item, name), type, `${path}.${name}`));
  return [id, orderId, ...known, extra(item, ITEM_KNOWN)];
}
