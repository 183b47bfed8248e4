/** Where one order ends and where its `id` stands: the scan that every byte of a drop goes through, pure positions. */
import { hadEscapes, INCOMPLETE, JsonKind, kindOf, malformed, skipColon, skipSpace, skipString, skipValue } from '../shared/json-scan.js';

const MAX_ID = Buffer.from('9223372036854775807');

let start = 0;
let stop = 0;

/** Where the key of the order last skipped starts: the decimal text of its `id`. */
export function keyStart(): number {
  return start;
}

/** Where that key ends; 0 where the order has no `id` that is a whole number in 1…2^63-1 in plain digits. */
export function keyEnd(): number {
  return stop;
}

/**
 * Skips one element of the `orders` array, as skipValue does, and finds its `id` on the way (the last of several counts).
 *
 * @param deepest nesting of any of its values at the most
 */
export function skipOrder(b: Buffer, at: number, end: number, deepest: number): number {
  stop = 0;
  if (kindOf(b[at]) !== JsonKind.Object) return skipValue(b, at, end, deepest);
  let i = skipSpace(b, at + 1, end);
  if (i >= end) return INCOMPLETE;
  if (b[i] === 0x7d) return i + 1;
  for (;;) {
    if (b[i] !== 0x22) return malformed(i, 'a key is not a string');
    const key = i;
    i = skipString(b, i, end);
    if (i < 0) return i;
    const isId = i - key === 4 ? b[key + 1] === 0x69 && b[key + 2] === 0x64 : hadEscapes() && keyIs(b, key, i, 'id');
    i = skipColon(b, i, end);
    if (i < 0) return i;
    const value = i;
    i = b[i] === 0x22 ? skipString(b, i, end) : skipValue(b, i, end, deepest);
    if (i < 0) return i;
    if (isId) {
      start = value;
      stop = isPlainId(b, value, i) ? i : 0;
    }
    i = skipSpace(b, i, end);
    if (i >= end) return INCOMPLETE;
    if (b[i] === 0x7d) return i + 1;
    if (b[i] !== 0x2c) return malformed(i, 'a comma or the end of the object is missing');
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
