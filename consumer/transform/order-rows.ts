/**
 * One order into its rows: a row of a month table, of the mapping for each line item, of the registry of known orders, and its
 * share in its user's figures. Every rule of what an order must be is here; nothing is written when one is broken.
 */
import { asBigint } from '../../shared/content-hash.js';
import { JsonKind } from '../../shared/json-scan.js';
import { LINE_ITEM_FIELDS, ORDER_FIELDS, USER_FIELDS } from '../../shared/order.js';
import type { Rejection } from '../../shared/rejection.js';
import * as values from '../../shared/values.js';
import { CopyText } from './copy-text.js';
import { checkScalar, latin1, refuse, writeExtra, writeItemId, writeItemInteger, writeScalar, wrongKind } from './fields.js';
import { type ForgottenUsers, type Keeps, keptOf, NOBODY, PERSONAL } from './forgotten.js';
import { ABSENT, FIELDS, KIND_WORDS, LINE_ITEMS, type OrderScan } from './order-scan.js';
import { UserDeltas } from './user-delta.js';

const ID = FIELDS.indexOf('id');
const USER_ID = FIELDS.indexOf('user_id');
const PROCESSED_AT = FIELDS.indexOf('processed_at');
const TOTAL_PRICE = FIELDS.indexOf('total_price');
const ORDER_FIELD_COUNT = ORDER_FIELDS.length;
const FIRST_USER_FIELD = ORDER_FIELD_COUNT;
const USER_FIELD_COUNT = USER_FIELDS.length;

/** Where an order's message stands, as the registry keeps it. */
export interface MessagePlace {
  /** Number of (topic, drop, file) in glossier.drop_files. */
  fileNo: number;
  /** Index in the file; -1 for messages of no drop. */
  index: number;
  partition: number;
  offset: number;
  /** `YYYY_MM` by the file's name, or null. */
  month: string | null;
  /** Hash of the message's bytes. */
  content: bigint;
}

/** Ids that are not to be loaded again. Each set also takes what the batch itself loads, so the first of two equal ids wins. */
export interface KnownIds {
  orders: Set<string>;
  lineItems: Set<string>;
  /** Where the ids were guessed: each message's by its position in the batch, and the content's hash of the known ones, as Postgres' bigint has it. */
  guessed?: { ids: readonly (string | null)[]; contents: ReadonlyMap<string, string> };
}

export type Outcome = 'loaded' | 'bypassed' | Rejection;

/** The rows of one batch. */
export class RowSet {
  readonly months = new Map<string, CopyText>();
  readonly lineItems = new CopyText();
  readonly registry = new CopyText();
  readonly users = new UserDeltas();
  /** Of the registry, with `forgotten` behind: orders of which there is no other row, as nothing is kept of their users. */
  readonly forgotten = new CopyText();
  /** Of the order last added. */
  orderId = '';
  month = '';
  /** It has a row in its month table, as every order that is loaded, but for those of users of whom nothing is kept. */
  hasRow = false;
  newLineItems = 0;
  /** Its id stands in the message as it is written in decimal, which is so but for `1e3` and the like. */
  #idAsDelivered = false;
  readonly #scratch = new CopyText();
  /** Line item ids that the order being added put into `known`; taken back when it is refused. */
  readonly #itemsOfOrder: string[] = [];

  /** Of the order being added: what is kept where its user was forgotten. */
  #keeps: Keeps | 'all' = 'all';

  /**
   * @param known null on the optimistic way: ids are not looked at, and a repeated one ends in a unique violation of Postgres
   */
  constructor(
    readonly known: KnownIds | null,
    readonly toForget: ForgottenUsers = NOBODY,
  ) {}

  /** Whether the order last added is one of a user who is to be forgotten. */
  get redacted(): boolean {
    return this.#keeps !== 'all';
  }

  /**
   * Adds the order that `scan` holds.
   *
   * @param refused why Postgres refused it before, if it did: then its id is read and nothing is added
   */
  add(scan: OrderScan, place: MessagePlace, refused?: Rejection): Outcome {
    this.orderId = '';
    this.newLineItems = 0;
    this.hasRow = false;
    this.#itemsOfOrder.length = 0; // here, as an order may be refused before its line items are looked at
    const rejection = this.#readKeyFields(scan, place) ?? refused ?? null;
    if (rejection !== null) return rejection;
    const seconds = values.instantSeconds;
    const micros = values.instantMicros;
    const known = this.known;
    if (known?.orders.has(this.orderId)) return this.#check(scan) ?? 'bypassed';

    this.#keeps = this.toForget.size === 0 ? 'all' : keptOf(scan, this.toForget);
    const { length } = scan;
    let out = this.months.get(this.month);
    if (out === undefined) {
      out = new CopyText();
      this.months.set(this.month, out);
    }
    out.reserve(2 * length + 4 * FIELDS.length);
    const start = out.at;
    const items = this.lineItems;
    items.reserve(2 * length + 128 * (scan.itemCount + 1));
    const itemsStart = items.at;
    const itemRows = items.rows;

    const fault = this.#writeOrder(scan, out) ?? this.#writeLineItems(scan, items, known);
    if (fault !== null || this.#keeps === 'nothing') {
      out.at = start;
      items.at = itemsStart;
      items.rows = itemRows;
      for (const id of this.#itemsOfOrder) known?.lineItems.delete(id);
      if (fault !== null) return fault;
      known?.orders.add(this.orderId);
      this.#writeRegistry(scan, place, this.forgotten);
      return 'loaded';
    }
    known?.orders.add(this.orderId);
    this.hasRow = true;
    out.endRow();
    this.newLineItems = items.rows - itemRows;
    this.#writeRegistry(scan, place, this.registry);
    this.#addToUser(scan, seconds, micros);
    return 'loaded';
  }

  /** Id, required fields and the month, which decide where the order goes. Leaves processed_at in values.instant…. */
  #readKeyFields(scan: OrderScan, place: MessagePlace): Rejection | null {
    const b = scan.bytes;
    if (scan.kind[ID] === ABSENT || scan.kind[ID] === JsonKind.Null) return refuse('bad_id', 'id', `id is ${KIND_WORDS[scan.kind[ID]]}`);
    if (scan.kind[ID] !== JsonKind.Number) return wrongKind('bad_id', 'id', scan.kind[ID], 'a whole number in 1…9223372036854775807');
    if (!values.parseBigint(b, scan.from[ID], scan.to[ID]))
      return refuse('bad_id', 'id', 'id is not a whole number in 1…9223372036854775807');
    const id = values.normalText ?? latin1(b, scan.from[ID], scan.to[ID]);
    if (id === '0' || id.startsWith('-')) return refuse('bad_id', 'id', 'id is not a whole number in 1…9223372036854775807');
    this.orderId = id;
    this.#idAsDelivered = values.normalText === null;
    for (const f of [TOTAL_PRICE, PROCESSED_AT]) {
      const kind = scan.kind[f];
      if (kind === ABSENT || kind === JsonKind.Null) return refuse('missing_field', FIELDS[f], `${FIELDS[f]} is ${KIND_WORDS[kind]}`);
    }
    const fault = checkScalar(scan, PROCESSED_AT);
    if (fault !== null) return fault;
    if (scan.kind[LINE_ITEMS] !== JsonKind.Array) return wrongKind('bad_line_items', 'line_items', scan.kind[LINE_ITEMS], 'an array');
    this.month = place.month ?? values.monthOf(values.instantSeconds);
    return null;
  }

  /** A known order is refused where a new one would be, and nothing of it is written. */
  #check(scan: OrderScan): Rejection | null {
    for (let f = 0; f < FIRST_USER_FIELD + USER_FIELD_COUNT; f++) {
      const fault = checkScalar(scan, f);
      if (fault !== null) return fault;
    }
    const out = this.#scratch;
    out.at = 0;
    out.reserve(2 * scan.bytes.length + 128 * (scan.itemCount + 1));
    return writeExtra(scan.bytes, scan.extra, out, '') ?? this.#writeLineItems(scan, out, this.known);
  }

  #writeOrder(scan: OrderScan, out: CopyText): Rejection | null {
    const kept = this.#keeps === 'all'; // as nearly every order is: its fields take the shorter way
    for (let f = 0; f < ORDER_FIELD_COUNT; f++) {
      if (f > 0) out.tab();
      const fault = kept ? writeScalar(scan, f, out) : this.#writeOwn(scan, f, out);
      if (fault !== null) return fault;
    }
    for (let f = FIRST_USER_FIELD; f < FIRST_USER_FIELD + USER_FIELD_COUNT; f++) {
      const fault = checkScalar(scan, f);
      if (fault !== null) return fault;
    }
    out.tab();
    out.integer(scan.itemCount);
    out.tab();
    return kept ? writeExtra(scan.bytes, scan.extra, out, '') : this.#writeUnknown(scan, scan.extra, out, '');
  }

  /** A scalar field; null where it is personal and the user was forgotten. */
  #writeOwn(scan: OrderScan, f: number, out: CopyText): Rejection | null {
    if (!PERSONAL[f]) return writeScalar(scan, f, out);
    const fault = checkScalar(scan, f);
    if (fault === null) out.null();
    return fault;
  }

  /** Unknown fields, which may say anything. */
  #writeUnknown(scan: OrderScan, extra: number[], out: CopyText, path: string): Rejection | null {
    const start = out.at;
    const fault = writeExtra(scan.bytes, extra, out, path);
    if (fault === null) {
      out.at = start;
      out.null();
    }
    return fault;
  }

  #writeLineItems(scan: OrderScan, out: CopyText, known: KnownIds | null): Rejection | null {
    if (scan.itemNotObject >= 0) {
      return refuse('bad_line_items', `line_items[${scan.itemNotObject}]`, `line_items[${scan.itemNotObject}] is not an object`);
    }
    const b = scan.bytes;
    const kept = this.#keeps === 'all';
    const bypassed = known?.orders.has(this.orderId) ?? false;
    for (let n = 0; n < scan.itemCount; n++) {
      const start = out.at;
      const bad = writeItemId(scan, n, out);
      if (bad !== null) return bad;
      // a text of it only where it is compared with others: one for each of 324,180 was 1 % of a worker
      const id = known === null ? '' : latin1(out.buf, start, out.at);
      out.tab();
      this.#writeOrderId(scan, out);
      for (let f = 1; f < LINE_ITEM_FIELDS.length; f++) {
        out.tab();
        const fault = writeItemInteger(scan, n, f, out);
        if (fault !== null) return fault;
      }
      out.tab();
      if (scan.hasItemExtra) {
        const path = `line_items[${n}]`;
        const fault = kept ? writeExtra(b, scan.itemExtra(n), out, path) : this.#writeUnknown(scan, scan.itemExtra(n), out, path);
        if (fault !== null) return fault;
      } else out.null();
      // of two line items with one id the first wins, as with orders
      if (known !== null && (bypassed || known.lineItems.has(id))) out.at = start;
      else {
        if (known !== null) {
          known.lineItems.add(id);
          this.#itemsOfOrder.push(id);
        }
        out.endRow();
      }
    }
    return null;
  }

  /** The id in decimal, from the message's own bytes where they are that. */
  #writeOrderId(scan: OrderScan, out: CopyText): void {
    if (this.#idAsDelivered) out.raw(scan.bytes, scan.from[ID], scan.to[ID]);
    else out.ascii(this.orderId);
  }

  #writeRegistry(scan: OrderScan, place: MessagePlace, out: CopyText): void {
    out.reserve(128);
    this.#writeOrderId(scan, out);
    out.tab();
    if (this.month !== this.#lastMonth) {
      this.#lastMonth = this.month;
      this.#monthNumber = Number(this.month.replace('_', ''));
    }
    out.integer(this.#monthNumber);
    out.tab();
    out.integer(place.fileNo);
    out.tab();
    if (place.index < 0) out.null();
    else out.integer(place.index);
    out.tab();
    out.integer(place.partition);
    out.tab();
    out.integer(place.offset);
    out.tab();
    out.ascii(asBigint(place.content));
    if (out === this.forgotten) {
      out.tab();
      out.ascii('t');
    }
    out.endRow();
  }

  #lastMonth = '';
  #monthNumber = 0;

  #addToUser(scan: OrderScan, seconds: number, micros: number): void {
    if (scan.kind[USER_ID] !== JsonKind.Number) return;
    values.parseBigint(scan.bytes, scan.from[USER_ID], scan.to[USER_ID]);
    const user = values.normalText ?? latin1(scan.bytes, scan.from[USER_ID], scan.to[USER_ID]);
    checkScalar(scan, TOTAL_PRICE);
    this.users.add(user, this.orderId, seconds, micros, values.moneyUnits, values.moneyBig, () => this.#userFields(scan));
  }

  #userFields(scan: OrderScan): string {
    const out = this.#scratch;
    out.at = 0;
    out.reserve(2 * scan.length + 16);
    const from = out.at;
    for (let f = FIRST_USER_FIELD; f < FIRST_USER_FIELD + USER_FIELD_COUNT; f++) {
      if (f > FIRST_USER_FIELD) out.tab();
      if (this.#keeps === 'all') writeScalar(scan, f, out);
      else out.null();
    }
    return out.buf.toString('latin1', from, out.at);
  }
}
