/**
 * Whether the tables are built as this version builds them: tables, columns, types, keys and rules that somebody has dropped or changed,
 * and what mends them. How they must be is read from tables that the migrations make in a schema of their own, which the same transaction drops.
 */
import { ServiceError } from '../../shared/errors.js';
import type { Database } from '../load/database.js';
import { migrationSql, migrations } from '../schema/migrate.js';
import { monthOfTable, quote, type Tables } from '../schema/tables.js';
import { LONG, type TableDifference } from './difference.js';

interface Shape {
  columns: { name: string; type: string; notNull: boolean; preset: string | null }[];
  /** Keys, checks and foreign keys, as Postgres writes them, without schemas. */
  rules: string[];
  /** Indexes that belong to no rule. */
  indexes: string[];
  unlogged: boolean;
  /** From orders. */
  inherits: boolean;
}

/** One thing that is not as it must be. */
export interface Fault {
  /** As people are told of it. */
  table: string;
  /** The table's own name, and as statements call it. */
  name: string;
  at: string;
  words: string;
  /** The table, or this column of it, holds nothing that can be compared. */
  lost?: { column?: string; type?: string };
  /** SQL of the rows that stand there more than once where a key is gone: their ctid. */
  doubled?: string;
  /** Before the differences are looked for. */
  mend: string[];
  /** When they are applied. */
  finish?: string;
}

/** Makes empty tables as the migrations make them, for as long as the transaction goes on or until dropShape. */
export async function makeShape(db: Database, { shapeSchema }: Tables): Promise<void> {
  await db.query(`CREATE SCHEMA ${shapeSchema}; SET LOCAL search_path = ${shapeSchema}`);
  for (const name of migrations()) {
    await db.query(migrationSql(name, shapeSchema), undefined, LONG);
  }
  await db.query('RESET search_path');
}

export async function dropShape(db: Database, { shapeSchema }: Tables): Promise<void> {
  await db.query(`SET LOCAL client_min_messages = warning; DROP SCHEMA ${shapeSchema} CASCADE`);
}

/**
 * What is not as it must be, before a rebuild begins.
 *
 * @param repair tables that are missing are made at once, empty: nobody can be reading them
 * @throws ServiceError when they may not be made, and there is nothing to compare with
 */
export async function examine(db: Database, live: Tables, repair: boolean): Promise<Fault[]> {
  await db.query('BEGIN');
  try {
    await makeShape(db, live);
    const faults = await findFaults(db, live);
    for (const { mend } of faults.filter(f => repair && isMissing(f))) for (const sql of mend) await db.query(sql);
    await dropShape(db, live);
    await db.query('COMMIT');
    const missing = faults.filter(f => isMissing(f) && f.at.startsWith(`${live.home}.`));
    if (missing.length > 0 && !repair)
      throw new ServiceError(`the table(s) ${missing.map(f => f.at).join(', ')} are missing`, { hint: 'glossier rebuild makes them anew' });
    return faults;
  } catch (error) {
    await db.rollback();
    throw error;
  }
}

/** Is one of these tables, or a column of it, gone? */
export function isLost(faults: readonly Fault[], ...names: string[]): boolean {
  return faults.some(f => f.lost !== undefined && names.includes(f.name));
}

/** Is the whole table gone? */
export function isMissing({ lost }: Fault): boolean {
  return lost !== undefined && lost.column === undefined;
}

/** Within the transaction that has made the shape. */
export async function findFaults(db: Database, live: Tables): Promise<Fault[]> {
  const wanted = await readShapes(db, live.shapeSchema);
  const analysts = await readShapes(db, live.analysts);
  const own = await readShapes(db, live.home);
  const faults: Fault[] = [];
  const orders = wanted.get('orders')!;
  for (const [name, shape] of wanted) {
    const ofAnalysts = [live.orders, live.lineItems, live.userStats, live.userStaging].includes(`${live.schema}.${name}`);
    const at = ofAnalysts ? `${live.schema}.${name}` : `${live.home}.${name}`;
    const has = (ofAnalysts ? analysts : own).get(name);
    faults.push(...compareShapes(live, ofAnalysts ? name : at, name, at, shape, has));
  }
  const inherited = new Set(faults.filter(f => f.name === 'orders').map(f => f.words));
  for (const [name, shape] of analysts) {
    if (monthOfTable(name) === null) continue;
    const at = `${live.schema}.${name}`;
    const own = { ...orders, rules: ['PRIMARY KEY (id)'], indexes: [] };
    // what is mended in the parent is mended in its children
    faults.push(...compareShapes(live, name, name, at, own, shape).filter(f => !shape.inherits || !inherited.has(f.words)));
    if (!shape.inherits)
      faults.push({ table: name, name, at, words: 'is no part of orders', mend: [`ALTER TABLE ${at} INHERIT ${live.orders}`] });
  }
  const children = await db.query(
    'SELECT inhrelid::regclass AS at, relname, nspname FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid JOIN pg_namespace n ON n.oid = relnamespace WHERE inhparent = to_regclass($1)',
    [live.orders],
  );
  for (const { at, relname, nspname } of children.rows) {
    if (nspname === live.analysts && monthOfTable(relname) !== null) continue;
    faults.push({
      table: at,
      name: relname,
      at,
      words: 'is a part of orders and no month',
      mend: [`ALTER TABLE ${at} NO INHERIT ${live.orders}`],
    });
  }
  return faults;
}

/** Pure. @param has undefined where there is no such table */
export function compareShapes(live: Tables, table: string, name: string, at: string, wanted: Shape, has: Shape | undefined): Fault[] {
  const fault = (words: string, mend: string[], more: Partial<Fault> = {}): Fault => ({ table, name, at, words, mend, ...more });
  const addRule = (rule: string) => `ALTER TABLE ${at} ADD ${rule.replace(/ REFERENCES (\w+)/, ` REFERENCES ${live.home}.$1`)}`;
  if (has === undefined) {
    const make = `CREATE TABLE ${at} (LIKE ${live.shapeSchema}.${name} INCLUDING ALL)`;
    const foreign = wanted.rules.filter(r => r.startsWith('FOREIGN KEY')).map(addRule); // which LIKE leaves out
    return [fault('is missing', [make], { lost: {}, finish: foreign.length > 0 ? foreign.join('; ') : undefined })];
  }
  const faults: Fault[] = [];
  for (const { name: column, type, notNull, preset } of wanted.columns) {
    const value = preset ?? 'NULL';
    const [there, col] = [has.columns.find(c => c.name === column), quote(column)];
    const finish = notNull ? `ALTER TABLE ${at} ALTER ${col} SET NOT NULL` : undefined;
    const lost = { column, type };
    if (there === undefined)
      faults.push(fault(`the column ${column} is missing`, [`ALTER TABLE ${at} ADD ${col} ${type} DEFAULT ${value}`], { lost, finish }));
    else if (there.type !== type) {
      const free = notNull ? [`ALTER TABLE ${at} ALTER ${col} DROP NOT NULL`] : [];
      // what it holds may not fit its type; it is filled again
      const retype = `ALTER TABLE ${at} ALTER ${col} DROP DEFAULT, ALTER ${col} TYPE ${type} USING ${value}, ALTER ${col} SET DEFAULT ${value}`;
      faults.push(fault(`the column ${column} is ${there.type} and not ${type}`, [...free, retype], { lost, finish }));
    } else if (notNull && !there.notNull) faults.push(fault(`the column ${column} may be null`, [], { finish }));
  }
  for (const rule of wanted.rules.filter(r => !has.rules.includes(r))) {
    const key = /^(?:PRIMARY KEY|UNIQUE) \((.+)\)$/.exec(rule)?.[1];
    const doubled = key === undefined ? undefined : doubledRows(at, key);
    const add = addRule(rule);
    if (doubled === undefined) faults.push(fault(`has no ${rule}`, [], { finish: add }));
    else faults.push(fault(`has no ${rule}`, [`DELETE FROM ONLY ${at} WHERE ctid IN (${doubled})`, add], { doubled }));
  }
  for (const index of wanted.indexes.filter(i => !has.indexes.includes(i))) {
    const [words, make] = [`has no ${index.replace(/^CREATE | ON .*$/g, '')}`, index.replace(/ ON (\S+) /, ` ON ${at} `)];
    const unique = /^CREATE UNIQUE .* USING btree \((.+?)\)(?: WHERE (.+))?$/.exec(index);
    const doubled = unique === null ? undefined : doubledRows(at, unique[1], unique[2]);
    const mend = doubled === undefined ? [make] : [`DELETE FROM ONLY ${at} WHERE ctid IN (${doubled})`, make];
    faults.push(fault(words, mend, { doubled }));
  }
  if (has.unlogged) faults.push(fault('is unlogged: a crash would empty it', [], { finish: `ALTER TABLE ${at} SET LOGGED` }));
  return faults;
}

/** Rows that stand more than once by a key, but for one of each, and those without a key. */
function doubledRows(at: string, keys: string, where?: string): string {
  return `SELECT ctid FROM (SELECT ctid, row_number() OVER (PARTITION BY ${keys} ORDER BY ctid) AS n FROM ONLY ${at}${where === undefined ? '' : ` WHERE ${where}`}) d WHERE n > 1`;
}

/** Mends what must be mended before the differences are looked for. The statements take locks that readers of these tables wait for. */
export async function mendFaults(db: Database, faults: readonly Fault[]): Promise<void> {
  // what is to become a part of orders must have its columns
  const rank = (f: Fault) => (f.lost !== undefined ? 0 : f.words.startsWith('is no part') ? 2 : 1);
  const left = faults.filter(f => !isMissing(f)); // those were made at the start
  for (const { mend } of left.sort((a, b) => rank(a) - rank(b))) for (const sql of mend) await db.query(sql, undefined, LONG);
}

/** What can be mended only when the rows are right. */
export async function finishFaults(db: Database, faults: readonly Fault[]): Promise<void> {
  for (const { finish } of faults) if (finish !== undefined) await db.query(finish, undefined, LONG);
}

/** Adds to the differences what is wrong with the tables themselves. @param doubled by countDoubled */
export function withFaults(
  found: readonly TableDifference[],
  faults: readonly Fault[],
  doubled: ReadonlyMap<string, number>,
): TableDifference[] {
  const all = found.map(d => ({ ...d }));
  for (const { table, words } of faults) {
    let entry = all.find(d => d.table === table);
    if (entry === undefined) {
      entry = { table, added: 0, removed: 0, changed: 0, columns: {}, examples: [] };
      all.push(entry);
    }
    if (entry.structure === undefined) entry.removed += doubled.get(table) ?? 0;
    entry.structure = [...(entry.structure ?? []), words];
  }
  return all;
}

/** Rows that stand more than once, by the table as people are told of it. */
export async function countDoubled(db: Database, faults: readonly Fault[]): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const { table, doubled } of faults) {
    if (doubled === undefined) continue;
    const { rows } = await db.query(`SELECT count(*) AS n FROM (${doubled}) d`, undefined, LONG);
    counts.set(table, Math.max(counts.get(table) ?? 0, Number(rows[0].n)));
  }
  return counts;
}

/**
 * The present table as something to read from that has the columns which it must have, where nothing may be mended.
 *
 * @param relation as statements call it
 * @param copy the copy's table of this name
 */
export function readable(relation: string, copy: string, columns: readonly string[], faults: readonly Fault[]): string {
  const at = relation.replace(/^ONLY /, '');
  const [whole, isMonth] = [faults.filter(f => f.at === at), monthOfTable(at.replace(/^.*\./, '').replaceAll('"', '')) !== null];
  if (whole.some(isMissing)) return `(SELECT * FROM ${copy} WHERE false) present`;
  // a column that is gone from orders is gone from its months
  const lost = new Map(
    faults
      .filter(f => f.at === at || (isMonth && f.name === 'orders'))
      .flatMap(f => (f.lost?.column === undefined ? [] : [[f.lost.column, f.lost.type!] as const])),
  );
  const doubled = whole.find(f => f.doubled !== undefined)?.doubled;
  if (lost.size === 0 && doubled === undefined) return relation;
  const list = columns.map(c => (lost.has(c) ? `NULL::${lost.get(c)} AS ${quote(c)}` : quote(c)));
  return `(SELECT ${list.join(', ')} FROM ONLY ${at}${doubled === undefined ? '' : ` WHERE ctid NOT IN (${doubled})`}) present`;
}

async function readShapes(db: Database, schema: string): Promise<Map<string, Shape>> {
  const { rows } = await db.query(
    `SELECT c.relname AS name, c.relpersistence = 'u' AS unlogged,
       (SELECT coalesce(json_agg(json_build_object('name', attname, 'type', format_type(atttypid, atttypmod), 'notNull', attnotnull, 'preset',
          (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = attrelid AND adnum = attnum)) ORDER BY attnum), '[]')
          FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) AS columns,
       (SELECT coalesce(json_agg(pg_get_constraintdef(oid)), '[]') FROM pg_constraint WHERE conrelid = c.oid AND contype IN ('p', 'u', 'c', 'f')) AS rules,
       (SELECT coalesce(json_agg(pg_get_indexdef(indexrelid)), '[]') FROM pg_index i WHERE indrelid = c.oid
          AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND conrelid = c.oid)) AS indexes,
       EXISTS (SELECT FROM pg_inherits WHERE inhrelid = c.oid AND inhparent = to_regclass($1 || '.orders')) AS inherits
      FROM pg_class c WHERE relnamespace = to_regnamespace($1) AND relkind = 'r' ORDER BY 1`,
    [quote(schema)],
  );
  const plain = (text: string) =>
    (JSON.parse(text) as string[]).map(d => d.replaceAll(`${schema}.`, '').replaceAll(`${quote(schema)}.`, ''));
  return new Map(
    rows.map(r => [
      r.name,
      {
        columns: JSON.parse(r.columns),
        rules: plain(r.rules),
        indexes: plain(r.indexes),
        unlogged: r.unlogged === 't',
        inherits: r.inherits === 't',
      },
    ]),
  );
}
