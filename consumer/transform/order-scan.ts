/**
 * Finds the fields of an order in its JSON bytes, in one pass that also checks the JSON, and without making a string or an object.
 *
 * What a field is called and where its value stands goes into number arrays that are used again for the next order. Keys are guessed (keys.ts):
 * an export writes the same fields in the same order and with the same blanks. On the real drop every guess is right but those of the first order.
 */
import { isUtf8 } from 'node:buffer';
import {
  faultReason,
  forgetBeyondAscii,
  hadEscapes,
  INCOMPLETE,
  JsonKind,
  kindOf,
  malformed,
  sawBeyondAscii,
  skipColon,
  skipNumber,
  skipSpace,
  skipString,
  skipValue,
} from '../../shared/json-scan.js';
import { LINE_ITEM_FIELDS, ORDER_FIELDS, USER_FIELDS } from '../../shared/order.js';
import type { Rejection } from '../../shared/rejection.js';
import { Keys } from './keys.js';

/** Names by field number: the order's own, the user's, and `line_items` as the last. */
export const FIELDS: readonly string[] = [...ORDER_FIELDS, ...USER_FIELDS, 'line_items'];
export const LINE_ITEMS = FIELDS.length - 1;
/** What `kind` says of a field that the order lacks. */
export const ABSENT = 0;

const ITEM_FIELDS = LINE_ITEM_FIELDS.length;
/** Numbers kept per field of a line item: kind, from, to. */
const ITEM_STRIDE = ITEM_FIELDS * 3 + 2;

/** The fields of one order. One instance serves any number of orders, one after the other. */
export class OrderScan {
  /** JsonKind by field number, ABSENT where the order has no such field. A field that stands twice counts as its last one. */
  readonly kind = new Uint8Array(FIELDS.length);
  /** First byte of a field's value; for strings the one after the quote. */
  readonly from = new Int32Array(FIELDS.length);
  /** Byte after a field's value; for strings the closing quote. */
  readonly to = new Int32Array(FIELDS.length);
  /** 1 where a string holds escapes. */
  readonly escaped = new Uint8Array(FIELDS.length);
  /** Unknown fields: key from, key to (with quotes), value from, value to. */
  readonly extra: number[] = [];
  /** Line items; see the `item…` readers. */
  itemCount = 0;
  /** Index of the first line item that is not an object, or -1. */
  itemNotObject = -1;
  /** What the order lies in, perhaps among others; all positions are places in it. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Bytes of the order. */
  length = 0;
  /** Of the same bytes; a new one for each order was 0.2 µs of it. */
  #view = new DataView(this.bytes.buffer);
  #items = new Int32Array(16 * ITEM_STRIDE);
  readonly #itemExtra: number[] = [];
  readonly #keys = new Keys(FIELDS);
  readonly #itemKeys = new Keys(LINE_ITEM_FIELDS);

  constructor(readonly maxDepth: number) {}

  /**
   * @param b one order's JSON; blanks around it are allowed
   * @param from where in the bytes it begins
   * @param end the byte behind it
   * @returns null, or why this is not an object of JSON
   */
  scan(b: Uint8Array, from = 0, end = b.length): Rejection | null {
    if (b !== this.bytes) {
      this.bytes = b;
      this.#view = new DataView(b.buffer, b.byteOffset, b.length);
    }
    this.length = end - from;
    this.kind.fill(ABSENT);
    if (this.extra.length > 0) this.extra.length = 0;
    this.itemCount = 0;
    this.itemNotObject = -1;
    if (this.#itemExtra.length > 0) this.#itemExtra.length = 0;
    forgetBeyondAscii();
    if (end === from) return { code: 'empty_value', path: '', reason: 'the message is empty' };
    let at = skipSpace(b, from, end);
    if (at === end) return { code: 'not_json', path: '', reason: 'the message is blank' };
    if (b[at] !== 0x7b) return this.#notAnObject(at, end);
    at = this.#object(at, end);
    if (at >= 0 && skipSpace(b, at, end) !== end) at = malformed(at, 'more follows behind the order');
    if (at < 0) return notJson(at);
    if (sawBeyondAscii() && !isUtf8(from === 0 && end === b.length ? b : b.subarray(from, end)))
      return { code: 'bad_text', path: '', reason: 'the bytes are not UTF-8' };
    return null;
  }

  #notAnObject(at: number, end: number): Rejection {
    const b = this.bytes;
    let after = kindOf(b[at]) === JsonKind.Number ? skipNumberAtEnd(b, at, end) : skipValue(b, at, end, this.maxDepth);
    if (after >= 0 && skipSpace(b, after, end) !== end) after = malformed(after, 'more follows behind the value');
    if (after < 0) return notJson(after);
    return {
      code: 'not_an_object',
      path: '',
      reason: `the order is ${KIND_WORDS[kindOf(b[at])]}, an object was expected`,
    };
  }

  #object(at: number, end: number): number {
    const b = this.bytes;
    const keys = this.#keys;
    keys.start();
    for (at++; ; ) {
      at = this.#next(keys, at, end);
      if (at < 0 || keys.ended) return at;
      const { field } = keys;
      const kind = kindOf(b[at]);
      const valueFrom = at;
      if (kind === JsonKind.String) at = skipString(b, at, end);
      else if (kind === JsonKind.Number) at = skipNumber(b, at, end);
      else if (field === LINE_ITEMS && kind === JsonKind.Array) at = this.#lineItems(at, end);
      else at = this.#other(kind, at, end, this.maxDepth - 1);
      if (at < 0) return at;
      if (field >= 0) {
        const string = kind === JsonKind.String ? 1 : 0;
        this.kind[field] = kind;
        this.from[field] = valueFrom + string;
        this.to[field] = at - string;
        this.escaped[field] = string === 1 && hadEscapes() ? 1 : 0;
      } else this.extra.push(keys.keyFrom, keys.keyTo, valueFrom, at);
    }
  }

  /**
   * Goes on to the next value of an object, or to its end.
   *
   * @param at behind the brace that opens it, or behind a value
   * @returns position of the value, or behind the object where `keys.ended`; negative ones as those of json-scan.ts
   */
  #next(keys: Keys, at: number, end: number): number {
    const value = keys.follow(this.#view, at, end);
    return value >= 0 ? value : this.#readOn(keys, at, end);
  }

  /** The same, byte by byte. */
  #readOn(keys: Keys, before: number, end: number): number {
    const b = this.bytes;
    let at = skipSpace(b, before, end);
    if (at >= end) return INCOMPLETE;
    if (b[at] === 0x7d) {
      keys.ended = true;
      return at + 1;
    }
    if (!keys.first) {
      if (b[at] !== 0x2c) return malformed(at, 'a comma or the end of the object is missing');
      at = skipSpace(b, at + 1, end);
      if (at >= end) return INCOMPLETE;
    }
    at = keys.read(b, at, end);
    if (at >= 0) at = skipColon(b, at, end);
    if (at >= 0) keys.learn(this.#view, before, at);
    return at;
  }

  /** Skips a value that is no string and no number. */
  #other(kind: JsonKind, at: number, end: number, maxDepth: number): number {
    const view = this.#view;
    if (kind === JsonKind.Null && at + 4 <= end && view.getInt32(at, true) === NULL) return at + 4;
    if (kind === JsonKind.False && at + 5 <= end && view.getInt32(at + 1, true) === ALSE) return at + 5;
    if (kind === JsonKind.True && at + 4 <= end && view.getInt32(at, true) === TRUE) return at + 4;
    return skipValue(this.bytes, at, end, maxDepth);
  }

  #lineItems(at: number, end: number): number {
    const b = this.bytes;
    this.itemCount = 0;
    this.itemNotObject = -1;
    if (this.#itemExtra.length > 0) this.#itemExtra.length = 0;
    at = skipSpace(b, at + 1, end);
    if (at < end && b[at] === 0x5d) return at + 1;
    for (;;) {
      if (at >= end) return INCOMPLETE;
      const n = this.itemCount++;
      if ((n + 1) * ITEM_STRIDE > this.#items.length) {
        const more = new Int32Array(this.#items.length * 2);
        more.set(this.#items);
        this.#items = more;
      }
      if (b[at] === 0x7b) at = this.#lineItem(n, at, end);
      else {
        if (this.itemNotObject < 0) this.itemNotObject = n;
        at = skipValue(b, at, end, this.maxDepth - 2);
      }
      if (at < 0) return at;
      at = skipSpace(b, at, end);
      if (at >= end) return INCOMPLETE;
      if (b[at] === 0x5d) return at + 1;
      if (b[at] !== 0x2c) return malformed(at, 'a comma or the end of the array is missing');
      at = skipSpace(b, at + 1, end);
    }
  }

  #lineItem(n: number, at: number, end: number): number {
    const b = this.bytes;
    const keys = this.#itemKeys;
    const items = this.#items;
    const base = n * ITEM_STRIDE;
    items.fill(0, base, base + ITEM_STRIDE);
    items[base + ITEM_FIELDS * 3] = this.#itemExtra.length;
    items[base + ITEM_FIELDS * 3 + 1] = this.#itemExtra.length;
    keys.start();
    for (at++; ; ) {
      at = this.#next(keys, at, end);
      if (at < 0 || keys.ended) return at;
      const { field } = keys;
      const kind = kindOf(b[at]);
      const valueFrom = at;
      at = kind === JsonKind.Number ? skipNumber(b, at, end) : this.#other(kind, at, end, this.maxDepth - 3);
      if (at < 0) return at;
      if (field >= 0) {
        items[base + field * 3] = kind;
        items[base + field * 3 + 1] = valueFrom;
        items[base + field * 3 + 2] = at;
      } else {
        this.#itemExtra.push(keys.keyFrom, keys.keyTo, valueFrom, at);
        items[base + ITEM_FIELDS * 3 + 1] = this.#itemExtra.length;
      }
    }
  }

  itemKind(item: number, field: number): JsonKind {
    return this.#items[item * ITEM_STRIDE + field * 3];
  }

  itemFrom(item: number, field: number): number {
    return this.#items[item * ITEM_STRIDE + field * 3 + 1];
  }

  itemTo(item: number, field: number): number {
    return this.#items[item * ITEM_STRIDE + field * 3 + 2];
  }

  /** Has any line item an unknown field? */
  get hasItemExtra(): boolean {
    return this.#itemExtra.length > 0;
  }

  /** Kind of the value at a byte. */
  kindAt(at: number): JsonKind {
    return kindOf(this.bytes[at]);
  }

  /** Unknown fields of a line item: key from, key to (with quotes), value from, value to. */
  itemExtra(item: number): number[] {
    const base = item * ITEM_STRIDE + ITEM_FIELDS * 3;
    const [from, to] = [this.#items[base], this.#items[base + 1]];
    return from === to ? NONE : this.#itemExtra.slice(from, to);
  }
}

const NONE: number[] = [];

/** Four letters as one word: null, (f)alse, true. */
const NULL = 0x6c6c756e;
const ALSE = 0x65736c61;
const TRUE = 0x65757274;

/** Kinds as a sentence about a value names them. */
export const KIND_WORDS = ['missing', 'an object', 'an array', 'a string', 'a number', 'true', 'false', 'null'];

function notJson(at: number): Rejection {
  const reason = at === INCOMPLETE ? 'the JSON ends in the middle' : faultReason();
  return { code: reason.includes('deeper') ? 'too_deep' : 'not_json', path: '', reason };
}

/** A number that ends where the bytes end is whole there, as nothing can follow in a message. */
function skipNumberAtEnd(b: Uint8Array, at: number, end: number): number {
  const padded = new Uint8Array(end - at + 1);
  padded.set(b.subarray(at, end));
  padded[end - at] = 0x20;
  const after = skipNumber(padded, 0, padded.length);
  return after < 0 ? after : at + after;
}
