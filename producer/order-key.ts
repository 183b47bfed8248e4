/** Where one order ends, and where its id and money stand: the scan that every byte of a drop goes through, pure positions. */
import { hadEscapes, INCOMPLETE, JsonKind, kindOf, malformed, skipColon, skipSpace, skipString, skipValue } from '../shared/json-scan.js';

const MAX_ID = Buffer.from('9223372036854775807');

const PRICE = Buffer.from('"total_price"');
const LINE_ITEMS = Buffer.from('"line_items"');

/** What the order last skipped has: positions in its bytes, each `End` 0 where there is no such value. */
export const found = {
  /** The decimal text of its `id`, where that is a whole number in 1…2^63-1 in plain digits. */
  keyStart: 0,
  keyEnd: 0,
  /** The text of its `total_price`, without quotes. */
  priceStart: 0,
  priceEnd: 0,
  /** How many elements its `line_items` have. */
  items: 0,
};

/**
 * Skips one element of the `orders` array, as skipValue does, and finds on the way what is told of an order (of several fields of one name the
 * last counts).
 *
 * @param deepest nesting of any of its values at the most
 */
export function skipOrder(b: Buffer, at: number, end: number, deepest: number): number {
  found.keyEnd = 0;
  found.priceEnd = 0;
  found.items = 0;
  if (kindOf(b[at]) !== JsonKind.Object) return skipValue(b, at, end, deepest);
  let i = skipSpace(b, at + 1, end);
  if (i >= end) return INCOMPLETE;
  if (b[i] === 0x7d) return i + 1;
  for (;;) {
    if (b[i] !== 0x22) return malformed(i, 'a key is not a string');
    const key = i;
    i = skipString(b, i, end);
    if (i < 0) return i;
    const name = nameOf(b, key, i);
    i = skipColon(b, i, end);
    if (i < 0) return i;
    const value = i;
    const string = b[i] === 0x22;
    if (string) i = skipString(b, i, end);
    else i = name === Name.LineItems && b[i] === 0x5b ? skipItems(b, i, end, deepest) : skipValue(b, i, end, deepest);
    if (i < 0) return i;
    if (name === Name.Id) {
      found.keyStart = value;
      found.keyEnd = isPlainId(b, value, i) ? i : 0;
    } else if (name === Name.Price) {
      found.priceStart = string ? value + 1 : value;
      found.priceEnd = string ? i - 1 : i;
    } else if (name === Name.LineItems && b[value] !== 0x5b) found.items = 0;
    i = skipSpace(b, i, end);
    if (i >= end) return INCOMPLETE;
    if (b[i] === 0x7d) return i + 1;
    if (b[i] !== 0x2c) return malformed(i, 'a comma or the end of the object is missing');
    i = skipSpace(b, i + 1, end);
    if (i >= end) return INCOMPLETE;
  }
}

enum Name {
  Other,
  Id,
  Price,
  LineItems,
}

/** Which of the fields that are looked for has this key; hadEscapes() tells of it. */
function nameOf(b: Buffer, key: number, after: number): Name {
  const length = after - key;
  if (length === 4) return b[key + 1] === 0x69 && b[key + 2] === 0x64 ? Name.Id : Name.Other;
  if (length === PRICE.length) {
    if (b[key + 6] === 0x5f && PRICE.compare(b, key, after) === 0) return Name.Price;
  } else if (length === LINE_ITEMS.length && b[key + 5] === 0x5f && LINE_ITEMS.compare(b, key, after) === 0) return Name.LineItems;
  if (!hadEscapes()) return Name.Other;
  if (keyIs(b, key, after, 'id')) return Name.Id;
  if (keyIs(b, key, after, 'total_price')) return Name.Price;
  return keyIs(b, key, after, 'line_items') ? Name.LineItems : Name.Other;
}

/** Skips an array and counts its elements. */
function skipItems(b: Buffer, at: number, end: number, deepest: number): number {
  found.items = 0;
  let i = skipSpace(b, at + 1, end);
  if (i >= end) return INCOMPLETE;
  if (b[i] === 0x5d) return i + 1;
  for (;;) {
    i = skipValue(b, i, end, deepest - 1);
    if (i < 0) return i;
    found.items++;
    i = skipSpace(b, i, end);
    if (i >= end) return INCOMPLETE;
    if (b[i] === 0x5d) return i + 1;
    if (b[i] !== 0x2c) return malformed(i, 'a comma or the end of the array is missing');
    i = skipSpace(b, i + 1, end);
    if (i >= end) return INCOMPLETE;
  }
}

/** True for a whole number in 1…2^63-1 in plain digits. */
function isPlainId(b: Buffer, at: number, end: number): boolean {
  const length = end - at;
  if (length > MAX_ID.length || b[at] < 0x31) return false;
  for (let i = at; i < end; i++) if (b[i] < 0x30 || b[i] > 0x39) return false;
  return length < MAX_ID.length || MAX_ID.compare(b, at, end) >= 0;
}

/** Compares a key that may hold escapes; `at` is its opening quote. */
export function keyIs(b: Buffer, at: number, end: number, name: string): boolean {
  return JSON.parse(b.toString('utf8', at, end)) === name;
}
