/**
 * Holds a database against the oracle: every row and column of every table, in one snapshot, and nothing beyond.
 *
 * Rows are read through cursors with every type as text, so memory does not grow with the tables (what is expected is in memory anyway).
 */
import pg from 'pg';
import { compareSchema } from './compare-schema.js';
import type { Oracle } from './oracle.js';
import { type Column, ITEM_COLUMNS, ORDER_COLUMNS, USER_COLUMNS } from './oracle-order.js';
import type { LoadedOrder } from './oracle-tables.js';
import { type Cell, type ColumnType, canonicalJson, canonicalNumber, micros } from './oracle-values.js';
import { parseJson } from './oracle-zip.js';

const CHUNK = 2000;

export interface CompareOptions {
  /** Relations in the analysts' schema that are not the program's. */
  ignore?: readonly string[];
  /** Users are folded: `user_staging` is empty and `user_stats` complete. False leaves both unread. */
  merged?: boolean;
  /** How many differences are told. */
  limit?: number;
}

/** @returns differences in words; empty where the database holds exactly what it must */
export async function compare(url: string, schema: string, oracle: Oracle, options: CompareOptions = {}): Promise<string[]> {
  const { ignore = [], merged = true, limit = 20 } = options;
  // every value as text: the driver's own reading of numbers and dates would hide differences
  const client = new pg.Client({ connectionString: url, types: { getTypeParser: () => (text: string) => text } as never });
  await client.connect();
  try {
    await client.query('begin transaction isolation level repeatable read read only');
    await client.query(`set local timezone to 'UTC'; set local datestyle to 'ISO'; set local search_path to pg_catalog`);
    const unsettled = [...oracle.variants.values()].filter(v => v.length > 1);
    await settle(client, schema, oracle, unsettled);
    const rows = oracle.months();
    const { differences, readable } = await compareSchema(client, schema, rows.keys(), ignore);
    const found = new Differences(limit, differences);
    const tables: [string, Column[], Map<string, Cell[] | Cell[][]>][] = [...rows].map(([m, r]) => [`orders__${m}`, ORDER_COLUMNS, r]);
    tables.push(['orders', ORDER_COLUMNS, new Map([...rows.values()].flatMap(r => [...r]))]);
    tables.push(['order_line_item_mapping', ITEM_COLUMNS, oracle.items()]);
    if (merged) tables.push(['user_stats', USER_COLUMNS, oracle.users()], ['user_staging', USER_COLUMNS, new Map()]);
    for (const [table, columns, expected] of tables) {
      if (readable.has(table)) await compareTable(client, schema, table, columns, expected, found);
    }
    await client.query('rollback');
    return found.told();
  } finally {
    await client.end();
  }
}

/** The first differences, and a count of the others. */
class Differences {
  readonly #told: string[];
  #more: number;

  constructor(
    readonly limit: number,
    first: string[],
  ) {
    this.#told = first.slice(0, limit);
    this.#more = first.length - this.#told.length;
  }

  add(text: string): void {
    if (this.#told.length < this.limit) this.#told.push(text);
    else this.#more++;
  }

  told(): string[] {
    return this.#more === 0 ? this.#told : [...this.#told, `and ${this.#more} more difference(s)`];
  }
}

async function* readRows(client: pg.Client, schema: string, table: string, columns: Column[], where = ''): AsyncGenerator<Cell[]> {
  const list = columns.map(([name]) => pg.escapeIdentifier(name)).join(', ');
  const from = `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table)}`;
  await client.query(`declare compared no scroll cursor for select ${list} from ${from} ${where}`);
  for (;;) {
    const { rows } = await client.query<Cell[]>({ text: `fetch ${CHUNK} from compared`, rowMode: 'array' });
    for (const row of rows) yield row.map((value, i) => normal(value, columns[i][1]));
    if (rows.length < CHUNK) break;
  }
  await client.query('close compared');
}

async function compareTable(
  client: pg.Client,
  schema: string,
  table: string,
  columns: Column[],
  expected: Map<string, Cell[] | Cell[][]>,
  found: Differences,
): Promise<void> {
  const seen = new Set<string>();
  for await (const row of readRows(client, schema, table, columns)) {
    const key = String(row[0]);
    const wanted = expected.get(key);
    if (seen.has(key)) found.add(`${table} ${key}: the row stands there twice`);
    else if (wanted === undefined) found.add(`${table} ${key}: this row is not expected`);
    else compareRow(row, (Array.isArray(wanted[0]) ? wanted : [wanted]) as Cell[][], `${table} ${key}`);
    seen.add(key);
  }
  for (const key of expected.keys()) if (!seen.has(key)) found.add(`${table} ${key}: the row is missing`);

  function compareRow(row: Cell[], allowed: Cell[][], name: string): void {
    const wrong = allowed.map(wanted =>
      columns.flatMap(([column, type], i) => (equal(row[i], wanted[i], type) ? [] : [{ column, i, type }])),
    );
    const best = wrong.reduce((a, b) => (b.length < a.length ? b : a));
    const wanted = allowed[wrong.indexOf(best)];
    const also = allowed.length > 1 ? ` (or one of ${allowed.length - 1} other row(s))` : '';
    for (const { column, i, type } of best) {
      found.add(`${name} ${column}: expected ${show(wanted[i], row[i], type)}, got ${show(row[i], wanted[i], type)}${also}`);
    }
  }
}

/** Finds out which of several rows that may stand for an id was loaded, so that all that follows from it can be told. */
async function settle(client: pg.Client, schema: string, oracle: Oracle, unsettled: LoadedOrder[][]): Promise<void> {
  for (const variants of unsettled) {
    for (const variant of variants) {
      const table = `orders__${variant.month}`;
      const { rows } = await client.query('select to_regclass($1) as found', [
        `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table)}`,
      ]);
      if (rows[0].found === null) continue;
      for await (const row of readRows(client, schema, table, ORDER_COLUMNS, `where id = ${variant.id}`)) {
        if (ORDER_COLUMNS.every(([, type], i) => equal(row[i], variant.cells[i], type))) oracle.choose(variant.id, variant);
      }
    }
  }
}

/** A value as Postgres writes it, in the oracle's normal form. */
function normal(value: Cell, type: ColumnType): Cell {
  if (value === null) return null;
  if (type === 'boolean') return value === 't' ? 'true' : value === 'f' ? 'false' : value;
  if (type === 'jsonb') return canonicalJson(parseJson(value));
  if (type !== 'timestamptz') return value;
  const m = /^(\d{4,})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?\+00( BC)?$/.exec(value);
  // infinity stays as it is and so differs from what is expected
  if (m === null) return value;
  const [year, mo, d, h, mi, s] = m.slice(1, 7).map(Number);
  // 1 BC is the year 0
  return String(micros(m[8] === undefined ? year : 1 - year, mo, d, h, mi, s)! + BigInt((m[7] ?? '').padEnd(6, '0')));
}

function equal(a: Cell, b: Cell, type: ColumnType): boolean {
  if (type === 'numeric' && a !== null && b !== null) return canonicalNumber(a) === canonicalNumber(b);
  return a === b;
}

/** A value for a person, cut around the first place where it differs. */
function show(value: Cell, other: Cell, type: ColumnType): string {
  if (value === null) return 'null';
  if (type === 'timestamptz' && /^-?\d+$/.test(value)) {
    return `${new Date(Number(BigInt(value) / 1000n)).toISOString()} (${value} µs)`;
  }
  let from = 0;
  if (other !== null) while (from < value.length && value[from] === other[from]) from++;
  from = value.length <= 100 ? 0 : Math.max(0, from - 30);
  const part = value.slice(from, from + 100);
  return `${from > 0 ? '…' : ''}${type === 'text' || type === 'jsonb' ? JSON.stringify(part) : part}${from + 100 < value.length ? '…' : ''}`;
}
