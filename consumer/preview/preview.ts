/**
 * What would become of a drop if it were loaded now: transformed and copied like any other, into temporary tables with the rules of the real ones,
 * in a transaction that is rolled back. The real tables are read alone, and no lock is taken that a worker or a reader waits for.
 */
import { asBigint } from '../../shared/content-hash.js';
import type { Rejection } from '../../shared/rejection.js';
import { type OrderMessage, Pieces } from '../intake/batch.js';
import type { Database } from '../load/database.js';
import { writeRows } from '../load/load-batch.js';
import { writePieces } from '../load/pieces.js';
import { reactionTo } from '../load/sqlstate.js';
import { monthsOf } from '../rebuild/copy-schema.js';
import { LONG } from '../rebuild/difference.js';
import { Tables } from '../schema/tables.js';
import { type Drift, driftOf, readDropFields } from '../status/drift.js';
import { type MoneyNote, moneyNotes } from '../status/money-notes.js';
import { type BatchRows, batchRows, type MessageOutcome } from '../transform/batch-rows.js';
import { DropFieldCounts } from '../transform/field-counts.js';
import type { OrderRules } from '../transform/forgotten.js';
import { fixed } from '../transform/id-layer.js';
import type { KnownIds } from '../transform/order-rows.js';

export interface PreviewedReject {
  code: string;
  path: string;
  count: number;
  /** The first of them. */
  file: string;
  index: number;
  order: string | null;
}

export interface Preview {
  orders: number;
  bytes: number;
  loads: number;
  line_items: number;
  /** Line items of these orders that others had first. */
  line_items_bypassed: number;
  months: { month: string; orders: number; total_price: string; is_new: boolean }[];
  users: { new: number; known: number };
  bypassed: { identical: number; conflicting: number; unknown: number; examples: { order: string; file: string; index: number }[] };
  rejected: PreviewedReject[];
  broken_files: { file: string; reason: string; byte: number; orders: number }[];
  drift: Drift | null;
  notes: MoneyNote[];
}

export type PreviewSource = AsyncIterable<{ messages: OrderMessage[]; broken?: Preview['broken_files'][number] }>;

const ORDERS_AT_ONCE = 4000;
const BYTES_AT_ONCE = 6_000_000;
const MOST_EXAMPLES = 20;
const NONE_REFUSED: ReadonlyMap<number, Rejection> = new Map();

export async function previewDrop(db: Database, live: Tables, topic: string, rules: OrderRules, orders: PreviewSource): Promise<Preview> {
  const trial = new Trial(db, live, rules);
  await db.query(
    `BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL row_security = off`,
  );
  try {
    await trial.open();
    const pieces = new Pieces(ORDERS_AT_ONCE, BYTES_AT_ONCE, held => trial.add(held));
    for await (const { messages, broken } of orders) {
      if (broken !== undefined) trial.preview.broken_files.push(broken);
      await pieces.add(messages);
    }
    await pieces.end();
    return await trial.result(topic);
  } finally {
    await db.rollback();
  }
}

class Trial {
  readonly preview: Preview = {
    orders: 0,
    bytes: 0,
    loads: 0,
    line_items: 0,
    line_items_bypassed: 0,
    months: [],
    users: { new: 0, known: 0 },
    bypassed: { identical: 0, conflicting: 0, unknown: 0, examples: [] },
    rejected: [],
    broken_files: [],
    drift: null,
    notes: [],
  };
  readonly #tables = new Tables('pg_temp', 'pg_temp');
  readonly #months = new Set<string>();
  #liveMonths = new Set<string>();
  readonly #rejects = new Map<string, PreviewedReject>();
  readonly #fields = new DropFieldCounts();

  constructor(
    readonly db: Database,
    readonly live: Tables,
    readonly rules: OrderRules,
  ) {}

  async open(): Promise<void> {
    const like = 'INCLUDING DEFAULTS INCLUDING CONSTRAINTS';
    const t = this.#tables;
    await this.db.query(`CREATE TEMP TABLE ${t.orders} (LIKE ${this.live.orders}) ON COMMIT DROP`);
    await this.db.query(
      `CREATE TEMP TABLE ${t.lineItems} (LIKE ${this.live.lineItems} ${like}, PRIMARY KEY (line_item_id)) ON COMMIT DROP`,
    );
    await this.db.query(`CREATE TEMP TABLE ${t.userStaging} (LIKE ${this.live.userStaging} ${like}) ON COMMIT DROP`);
    await this.db.query(`CREATE TEMP TABLE ${t.knownOrders} (LIKE ${this.live.knownOrders}, PRIMARY KEY (order_id)) ON COMMIT DROP`);
    this.#liveMonths = new Set(await monthsOf(this.db, this.live));
  }

  async add(messages: OrderMessage[]): Promise<void> {
    const { preview, db } = this;
    const batch = { messages, segments: [], bytes: 0, reason: 'orders' as const, generation: 0 };
    const make = (known: KnownIds | null) => batchRows(batch, () => 0, known, NONE_REFUSED, this.rules);
    const all = make(null);
    const first = await this.#first(all.outcomes);
    const lineItems = await this.#knownItems(all);
    const known = { orders: new Set(first.keys()), lineItems };
    await this.#makeMonths(make(fixed({ orders: new Set(known.orders), lineItems: new Set(lineItems) })));
    await db.query('SAVEPOINT piece_of_drop');
    let outcome: Pick<BatchRows, 'outcomes' | 'rejected' | 'fields'>;
    try {
      const made = make({ orders: new Set(known.orders), lineItems: new Set(lineItems) });
      await writeRows(db, this.#tables, made.rows);
      outcome = made;
      await db.query('RELEASE SAVEPOINT piece_of_drop');
    } catch (error) {
      if (reactionTo(error) !== 'data') throw error;
      await db.query('ROLLBACK TO SAVEPOINT piece_of_drop');
      outcome = await writePieces(db, this.#tables, {
        count: messages.length,
        known,
        make: (from, to, ids, refused) => batchRows({ ...batch, messages: messages.slice(from, to) }, () => 0, ids, refused, this.rules),
      });
    }
    for (const [at, o] of outcome.outcomes.entries()) {
      preview.orders++;
      preview.bytes += o.bytes;
      if (o.outcome === 'loaded') {
        preview.loads++;
        preview.line_items += o.lineItems;
        if (!first.has(o.orderId)) first.set(o.orderId, asBigint(o.content));
      } else if (o.outcome === 'bypassed') this.#bypassed(o, messages[at], first.get(o.orderId) ?? null);
    }
    for (const { message, rejection, orderId } of outcome.rejected) this.#rejected(message, rejection, orderId);
    this.#fields.add(outcome.fields);
  }

  /** The contents of the orders that are first with these ids: in the tables, or earlier in the drop. */
  async #first(outcomes: readonly MessageOutcome[]): Promise<Map<string, string | null>> {
    const ids = outcomes.map(o => o.orderId).filter(id => id !== '');
    const { rows } = await this.db.query(
      `SELECT order_id AS id, content FROM ${this.live.knownOrders} WHERE order_id = ANY($1::bigint[])
       UNION ALL SELECT order_id, content FROM ${this.#tables.knownOrders} WHERE order_id = ANY($1::bigint[])`,
      [ids],
    );
    return new Map(rows.map(r => [r.id, r.content]));
  }

  async #knownItems({ rows }: BatchRows): Promise<Set<string>> {
    const ids: string[] = [];
    for (const chunk of rows.lineItems.chunks())
      for (const row of chunk.toString('latin1').split('\n')) if (row !== '') ids.push(row.slice(0, row.indexOf('\t')));
    const known = await this.db.query(
      `SELECT line_item_id AS id FROM ${this.live.lineItems} WHERE line_item_id = ANY($1::bigint[])
       UNION SELECT line_item_id FROM ${this.#tables.lineItems} WHERE line_item_id = ANY($1::bigint[])`,
      [ids],
    );
    return new Set(known.rows.map(r => r.id));
  }

  /** Outside of the savepoints, so that they stay. A rule on one month alone refuses orders in the preview too. */
  async #makeMonths({ rows }: BatchRows): Promise<void> {
    for (const [month, text] of rows.months) {
      if (text.rows === 0 || this.#months.has(month)) continue;
      const like = this.#liveMonths.has(month) ? `LIKE ${this.live.month(month)} INCLUDING CONSTRAINTS, ` : '';
      await this.db.query(
        `CREATE TEMP TABLE ${this.#tables.month(month)} (${like}PRIMARY KEY (id)) INHERITS (${this.#tables.orders}) ON COMMIT DROP`,
      );
      this.#months.add(month);
    }
  }

  #bypassed(o: MessageOutcome, { place }: OrderMessage, first: string | null): void {
    const { bypassed } = this.preview;
    const kind = first === null ? 'unknown' : first === asBigint(o.content) ? 'identical' : 'conflicting';
    bypassed[kind]++;
    if (kind === 'conflicting' && bypassed.examples.length < MOST_EXAMPLES)
      bypassed.examples.push({ order: o.orderId, file: place!.file, index: place!.index });
  }

  #rejected({ place }: OrderMessage, { code, path }: Rejection, orderId: string): void {
    const plain = path.replace(/\[\d+\]/g, '[]');
    const key = `${code} ${plain}`;
    const had = this.#rejects.get(key);
    if (had !== undefined) had.count++;
    else
      this.#rejects.set(key, {
        code,
        path: plain,
        count: 1,
        file: place!.file,
        index: place!.index,
        order: orderId === '' ? null : orderId,
      });
  }

  async result(topic: string): Promise<Preview> {
    const { db, live, preview } = this;
    const t = this.#tables;
    for (const month of [...this.#months].sort()) {
      const { rows } = await db.query(
        `SELECT count(*) AS n, coalesce(sum(total_price), 0) AS price FROM ${t.month(month)}`,
        undefined,
        LONG,
      );
      if (rows[0].n !== '0')
        preview.months.push({ month, orders: Number(rows[0].n), total_price: rows[0].price, is_new: !this.#liveMonths.has(month) });
    }
    const totals = await db.query(
      `SELECT (SELECT coalesce(sum(line_item_total), 0) FROM ${t.orders}) AS items, count(*) AS users, count(s.user_id) AS known
         FROM (SELECT DISTINCT user_id FROM ${t.userStaging}) u LEFT JOIN ${live.userStats} s USING (user_id)`,
      undefined,
      LONG,
    );
    const { items, users, known } = totals.rows[0];
    preview.line_items_bypassed = Number(items) - preview.line_items;
    preview.users = { new: Number(users) - Number(known), known: Number(known) };
    preview.rejected = [...this.#rejects.values()].sort((a, b) => b.count - a.count);
    const fields = await readDropFields(db, live, topic);
    const [counts] = this.#fields.all();
    if (counts !== undefined) {
      fields.delete(PREVIEWED);
      fields.set(PREVIEWED, { orders: counts.orders, more: counts.more, fields: new Map(counts.entries()) });
      preview.drift = driftOf(fields).get(PREVIEWED) ?? null;
    }
    await db.query(`ANALYZE ${[t.lineItems, ...[...this.#months].map(m => t.month(m))].join(', ')}`, undefined, LONG);
    preview.notes = await moneyNotes(db, t.orders, t.lineItems);
    return preview;
  }
}

/** The drop's id among the others; no real one has it. */
export const PREVIEWED = '(previewed)';
