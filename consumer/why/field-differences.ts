/** Which fields of two contents differ, by their paths: pure. What differs in its layout alone, or in how a string is escaped, is no difference. */
import { JsonKind, kindOf, skipColon, skipSpace, skipString, skipValue } from '../../shared/json-scan.js';

/** Deep enough for any order that was loaded. */
const DEEPEST = 5000;
/** Objects and arrays within each other that are looked into; what lies deeper differs as a whole. */
const LOOKED_INTO = 20;

interface Value {
  bytes: Uint8Array;
  from: number;
  to: number;
}

/**
 * Paths such as `note` and `line_items[2].quantity`, in the order of the first content, those of the second alone last. Both must be JSON.
 *
 * @returns null where one of them is not
 */
export function fieldDifferences(first: Uint8Array, second: Uint8Array): string[] | null {
  const [a, b] = [whole(first), whole(second)];
  if (a === null || b === null) return null;
  const paths: string[] = [];
  compare(a, b, '', 0, paths);
  return paths;
}

function whole(bytes: Uint8Array): Value | null {
  const padded = Buffer.concat([bytes, Buffer.from(' ')]); // a number at the very end could go on
  const from = skipSpace(padded, 0, padded.length);
  const to = from === padded.length ? -1 : skipValue(padded, from, padded.length, DEEPEST);
  return to < 0 || skipSpace(padded, to, padded.length) !== padded.length ? null : { bytes: padded, from, to };
}

function compare(a: Value, b: Value, path: string, depth: number, paths: string[]): void {
  const kind = kindOf(a.bytes[a.from]);
  const both = kind === kindOf(b.bytes[b.from]) && (kind === JsonKind.Object || kind === JsonKind.Array);
  if (!both || depth === LOOKED_INTO) {
    if (compact(a) !== compact(b)) paths.push(path === '' ? '(the whole)' : path);
    return;
  }
  const [left, right] = kind === JsonKind.Object ? [members(a), members(b)] : [elements(a), elements(b)];
  for (const name of new Set([...left.keys(), ...right.keys()])) {
    const [one, other] = [left.get(name), right.get(name)];
    const at = kind === JsonKind.Array ? `${path}[${name}]` : path === '' ? name : `${path}.${name}`;
    if (one === undefined || other === undefined) paths.push(at);
    else compare(one, other, at, depth + 1, paths);
  }
}

/** Of several members of one name the last counts, as in the tables. */
function members({ bytes, from, to }: Value): Map<string, Value> {
  const found = new Map<string, Value>();
  let at = skipSpace(bytes, from + 1, to);
  while (bytes[at] !== 0x7d) {
    const key = at;
    at = skipString(bytes, at, to);
    const name = JSON.parse(Buffer.from(bytes.subarray(key, at)).toString()) as string;
    at = skipColon(bytes, at, to);
    const end = skipValue(bytes, at, to, DEEPEST);
    found.set(name, { bytes, from: at, to: end });
    at = skipSpace(bytes, end, to);
    if (bytes[at] === 0x2c) at = skipSpace(bytes, at + 1, to);
  }
  return found;
}

function elements({ bytes, from, to }: Value): Map<string, Value> {
  const found = new Map<string, Value>();
  let at = skipSpace(bytes, from + 1, to);
  while (bytes[at] !== 0x5d) {
    const end = skipValue(bytes, at, to, DEEPEST);
    found.set(String(found.size), { bytes, from: at, to: end });
    at = skipSpace(bytes, end, to);
    if (bytes[at] === 0x2c) at = skipSpace(bytes, at + 1, to);
  }
  return found;
}

/** Text without blanks between its tokens, its strings written in one way; digits stay as they are. */
function compact({ bytes, from, to }: Value): string {
  let text = '';
  for (let at = skipSpace(bytes, from, to); at < to; at = skipSpace(bytes, at, to)) {
    if (bytes[at] !== 0x22) text += String.fromCharCode(bytes[at++]);
    else {
      const end = skipString(bytes, at, to);
      text += JSON.stringify(JSON.parse(Buffer.from(bytes.subarray(at, end)).toString()));
      at = end;
    }
  }
  return text;
}
