/** The single fields of an order and of its line items: checked against the kind that their column has, and written as COPY text. */
import { JsonKind } from '../../shared/json-scan.js';
import { type FieldKind, fieldKind, LINE_ITEM_FIELDS } from '../../shared/order.js';
import type { Rejection, RejectionCode } from '../../shared/rejection.js';
import * as values from '../../shared/values.js';
import { type CopyText, hasUnstorableEscape } from './copy-text.js';
import { ABSENT, FIELDS, KIND_WORDS, type OrderScan } from './order-scan.js';

const KINDS: readonly FieldKind[] = FIELDS.map(fieldKind);
const QUANTITY = LINE_ITEM_FIELDS.indexOf('quantity');
const MAX_INTEGER = 2147483647;

const EXPECTED: Record<FieldKind, string> = {
  bigint: 'a whole number',
  money: 'a decimal as text or number',
  instant: 'an instant as text',
  boolean: 'true or false',
  text: 'a string',
};

const RANGE = { bigint: 'does not fit bigint', money: 'does not fit numeric(19,4)' } as const;

/** Where the bytes of the last checked scalar stand: in the message, or decoded where it was written with escapes. */
let source: Uint8Array;
let from = 0;
let to = 0;

export function refuse(code: RejectionCode, path: string, reason: string): Rejection {
  return { code, path, reason };
}

export function wrongKind(code: RejectionCode, path: string, kind: number, expected: string): Rejection {
  return refuse(code, path, `${path} is ${KIND_WORDS[kind]}, ${expected} was expected`);
}

/** Bytes of ASCII as text, without a view of them made first. */
export function latin1(b: Uint8Array, start: number, end: number): string {
  return latin1Slice.call(b as Buffer, start, end);
}

const { latin1Slice } = Buffer.prototype;

/** A number as a reason may quote it. */
function quoted(b: Uint8Array, start: number, end: number): string {
  return end - start > 40 ? `${latin1(b, start, start + 40)}…` : latin1(b, start, end);
}

/** Checks a scalar field of an order against its column. Absent and null are fine here. */
export function checkScalar(scan: OrderScan, f: number): Rejection | null {
  const kind = scan.kind[f];
  if (kind === ABSENT || kind === JsonKind.Null) return null;
  const column = KINDS[f];
  source = scan.bytes;
  from = scan.from[f];
  to = scan.to[f];
  switch (column) {
    case 'text':
      if (kind !== JsonKind.String) break;
      if (scan.escaped[f] === 1 && hasUnstorableEscape(source, from, to)) return unstorable(FIELDS[f]);
      return null;
    case 'boolean':
      if (kind !== JsonKind.True && kind !== JsonKind.False) break;
      return null;
    case 'bigint':
      if (kind !== JsonKind.Number) break;
      if (values.parseBigint(source, from, to)) return null;
      return badNumber(FIELDS[f], column);
    case 'money':
      if (kind !== JsonKind.String && kind !== JsonKind.Number) break;
      if (scan.escaped[f] === 1) decodeEscapes();
      if (values.parseMoney(source, from, to)) return null;
      return badNumber(FIELDS[f], column);
    case 'instant':
      if (kind !== JsonKind.String) break;
      if (scan.escaped[f] === 1) decodeEscapes();
      if (values.parseInstant(source, from, to)) return null;
      return refuse('bad_instant', FIELDS[f], `${FIELDS[f]} is not a real date and time with an offset (like 2017-10-31T19:49:53-04:00)`);
  }
  return wrongKind('bad_type', FIELDS[f], kind, EXPECTED[column]);
}

/** Checks a scalar field and writes it. On a rejection what was written is to be rolled back. */
export function writeScalar(scan: OrderScan, f: number, out: CopyText): Rejection | null {
  const kind = scan.kind[f];
  if (kind === ABSENT || kind === JsonKind.Null) {
    out.null();
    return null;
  }
  // what half of the fields are; a JSON string without escapes has nothing that COPY would have to escape
  if (kind === JsonKind.String && scan.escaped[f] === 0 && KINDS[f] === 'text') {
    out.raw(scan.bytes, scan.from[f], scan.to[f]);
    return null;
  }
  const fault = checkScalar(scan, f);
  if (fault !== null) return fault;
  if (kind === JsonKind.True) out.ascii('t');
  else if (kind === JsonKind.False) out.ascii('f');
  else if (KINDS[f] === 'text') out.jsonString(source, from, to);
  else if (values.normalText !== null) out.ascii(values.normalText);
  else out.raw(source, from, to);
  return null;
}

function badNumber(path: string, column: 'bigint' | 'money'): Rejection {
  if (values.failure === 'range') return refuse('out_of_range', path, `${path}: ${quoted(source, from, to)} ${RANGE[column]}`);
  return refuse('bad_number', path, `${path} is not ${EXPECTED[column]}`);
}

function unstorable(path: string): Rejection {
  return refuse('bad_text', path, `${path} holds NUL or an unpaired surrogate, which Postgres cannot store`);
}

/** Decodes the escapes of money or an instant (`"12\u002e5"`): legal, and never seen. */
function decodeEscapes(): void {
  const text: string = JSON.parse(`"${Buffer.from(source.buffer, source.byteOffset + from, to - from).toString('utf8')}"`);
  source = Buffer.from(text, 'utf8');
  from = 0;
  to = source.length;
}

/**
 * Writes unknown fields as one object of JSON, as they were delivered; null where there are none.
 *
 * @param extra key from, key to, value from, value to of each
 * @param path of the object that has them
 */
export function writeExtra(b: Uint8Array, extra: number[], out: CopyText, path: string): Rejection | null {
  if (extra.length === 0) {
    out.null();
    return null;
  }
  for (let i = 0; i < extra.length; i += 4) {
    if (hasUnstorableEscape(b, extra[i], extra[i + 1]) || hasUnstorableEscape(b, extra[i + 2], extra[i + 3])) {
      return unstorable(unknownField(path));
    }
    if (hasUnstorableNumber(b, extra[i + 2], extra[i + 3])) {
      return refuse('out_of_range', unknownField(path), `${unknownField(path)} holds a number that does not fit jsonb`);
    }
    out.ascii(i === 0 ? '{' : ',');
    out.escaped(b, extra[i], extra[i + 1]);
    out.ascii(':');
    out.escaped(b, extra[i + 2], extra[i + 3]);
  }
  out.ascii('}');
  return null;
}

function unknownField(path: string): string {
  return path === '' ? 'an unknown field' : `an unknown field of ${path}`;
}

/** Numbers of fewer characters without an exponent fit jsonb whatever they are. */
const SHORT_NUMBER = 16_000;

/**
 * True when JSON holds, outside of its strings, a number that jsonb cannot. Postgres would refuse the row as well, but one row a try: a batch
 * with thousands of them would take longer than a worker may stand still.
 */
function hasUnstorableNumber(b: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const c = b[i];
    if (c === 0x22) {
      for (i++; b[i] !== 0x22; i++) if (b[i] === 0x5c) i++;
    } else if (c >= 0x30 && c <= 0x39) {
      const first = i;
      let exponent = false;
      for (
        ;
        i < end && ((b[i] >= 0x30 && b[i] <= 0x39) || b[i] === 0x2e || b[i] === 0x2b || b[i] === 0x2d || (b[i] | 0x20) === 0x65);
        i++
      ) {
        if ((b[i] | 0x20) === 0x65) exponent = true;
      }
      if ((exponent || i - first > SHORT_NUMBER) && !values.fitsJsonb(b, first, i)) return true;
    }
  }
  return false;
}

/** Writes a line item's id in decimal. */
export function writeItemId(scan: OrderScan, item: number, out: CopyText): Rejection | null {
  const kind = scan.itemKind(item, 0);
  if (kind !== JsonKind.Number) return wrongKind('bad_line_items', itemPath(item, 0), kind, 'a whole number');
  const b = scan.bytes;
  const start = scan.itemFrom(item, 0);
  const end = scan.itemTo(item, 0);
  const at = out.at;
  if (values.parseBigint(b, start, end)) {
    if (values.normalText !== null) out.ascii(values.normalText);
    else out.raw(b, start, end);
    const first = out.buf[at];
    if (first !== 0x2d && !(first === 0x30 && out.at === at + 1)) return null;
    out.at = at;
  }
  return refuse('bad_line_items', itemPath(item, 0), `${itemPath(item, 0)} is not a whole number in 1…9223372036854775807`);
}

/** Writes one of a line item's whole numbers other than its id. */
export function writeItemInteger(scan: OrderScan, item: number, field: number, out: CopyText): Rejection | null {
  const kind = scan.itemKind(item, field);
  if (kind === ABSENT || kind === JsonKind.Null) {
    out.null();
    return null;
  }
  const b = scan.bytes;
  const start = scan.itemFrom(item, field);
  const end = scan.itemTo(item, field);
  if (kind !== JsonKind.Number) return wrongKind('bad_type', itemPath(item, field), kind, 'a whole number');
  if (!values.parseBigint(b, start, end)) {
    if (values.failure === 'form') return refuse('bad_number', itemPath(item, field), `${itemPath(item, field)} is not a whole number`);
    return tooLarge(item, field, b, start, end, field === QUANTITY ? 'integer' : 'bigint');
  }
  if (field === QUANTITY && (end - start > 9 || values.normalText !== null)) {
    const value = Number(values.normalText ?? latin1(b, start, end));
    if (value > MAX_INTEGER || value < -MAX_INTEGER - 1) return tooLarge(item, field, b, start, end, 'integer');
  }
  if (values.normalText !== null) out.ascii(values.normalText);
  else out.raw(b, start, end);
  return null;
}

function itemPath(item: number, field: number): string {
  return `line_items[${item}].${LINE_ITEM_FIELDS[field]}`;
}

function tooLarge(item: number, field: number, b: Uint8Array, start: number, end: number, type: string): Rejection {
  return refuse('out_of_range', itemPath(item, field), `${itemPath(item, field)}: ${quoted(b, start, end)} does not fit ${type}`);
}
