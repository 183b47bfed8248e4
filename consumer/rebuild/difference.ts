/** Which rows of a relation differ from the copy's: kept in a temporary table for the transaction, and told by counts and ids. */
import type { Database } from '../load/database.js';
import { quote } from '../schema/tables.js';
import type { Relation } from './relations.js';

/** Milliseconds: whole tables are read. */
export const LONG = 6 * 60 * 60_000;

export interface TableDifference {
  table: string;
  /** Rows that are missing now and are added. */
  added: number;
  /** Rows that must not be there. */
  removed: number;
  changed: number;
  /** How many rows differ in it, by column. */
  columns: Record<string, number>;
  /** Keys of up to five rows, no other values. */
  examples: string[];
  /** What is wrong with the table itself, in words. */
  structure?: string[];
}

/** Is there any difference in it? */
export function isDifferent(d: TableDifference): boolean {
  return d.added + d.removed + d.changed > 0 || (d.structure ?? []).length > 0;
}

/** Told how many relations of how many are done. */
export type PartDone = (done: number, total: number) => Promise<void>;

/** Name of the temporary table of the relation with this number. */
export function differing(at: number): string {
  return quote(`differing_${at}`);
}

/** Finds the differing rows of each relation, within the caller's transaction. @returns one a relation, in their order */
export async function findDifferences(
  db: Database,
  relations: readonly Relation[],
  told: PartDone = async () => {},
): Promise<TableDifference[]> {
  const found: TableDifference[] = [];
  await told(0, relations.length);
  for (const [at, relation] of relations.entries()) {
    await db.query(compareStatement(relation, at), undefined, LONG);
    found.push(await tell(db, relation, at));
    await told(at + 1, relations.length);
  }
  return found;
}

/** Null is a value in a key that may hold it; Postgres joins by nothing but equality. */
function sameKey({ key, nullable = {} }: Relation, a: string, b: string): string {
  const value = (row: string, k: string) => (k in nullable ? `coalesce(${row}.${quote(k)}, ${nullable[k]})` : `${row}.${quote(k)}`);
  return key.map(k => `${value(a, k)} = ${value(b, k)}`).join(' AND ');
}

function compareStatement(relation: Relation, at: number): string {
  const { live, copy, key, columns, rows, pairs } = relation;
  const side = (table: string | null) =>
    table === null
      ? `(SELECT * FROM ${live ?? copy} WHERE false)`
      : `(SELECT * FROM ${table}${rows === undefined ? '' : ` WHERE ${rows}`})`;
  const list = (row: string) => columns.map(c => `${row}.${quote(c)}`).join(', ');
  const first = quote(key[0]);
  return `CREATE TEMP TABLE ${differing(at)} ON COMMIT DROP AS
    SELECT ${key.map(k => `coalesce(l.${quote(k)}, c.${quote(k)}) AS ${quote(k)}`).join(', ')},
           CASE WHEN c.${first} IS NULL THEN 'removed' WHEN l.${first} IS NULL THEN 'added' ELSE 'changed' END AS what,
           CASE WHEN c.${first} IS NOT NULL AND l.${first} IS NOT NULL
             THEN array_remove(ARRAY[${columns.map(c => `CASE WHEN l.${quote(c)} IS DISTINCT FROM c.${quote(c)} THEN '${c}' END`).join(', ')}], NULL) END AS in_columns
      FROM ${side(live)} l FULL JOIN ${side(copy)} c ON ${sameKey(relation, 'l', 'c')}
     WHERE (l.${first} IS NULL OR c.${first} IS NULL OR (${list('l')}) IS DISTINCT FROM (${list('c')}))${pairs === undefined ? '' : ` AND ${pairs}`}`;
}

async function tell(db: Database, { name, key }: Relation, at: number): Promise<TableDifference> {
  const counts = await db.query(`SELECT what, count(*) AS n FROM ${differing(at)} GROUP BY what`);
  const count = (what: string) => Number(counts.rows.find(r => r.what === what)?.n ?? 0);
  const columns = await db.query(
    `SELECT name, count(*) AS n FROM ${differing(at)}, unnest(in_columns) AS name GROUP BY name ORDER BY n DESC, name`,
  );
  const keys = key.map(quote).join(', ');
  const examples = await db.query(
    `SELECT concat_ws('/', ${keys}) AS id FROM (SELECT ${keys} FROM ${differing(at)} ORDER BY ${keys} LIMIT 5) e`,
  );
  return {
    table: name,
    added: count('added'),
    removed: count('removed'),
    changed: count('changed'),
    columns: Object.fromEntries(columns.rows.map(r => [r.name, Number(r.n)])),
    examples: examples.rows.map(r => r.id),
  };
}

/** @returns the statements that bring the relation to the copy's state by what findDifferences kept */
export function applyStatements(relation: Relation, at: number): { remove: string; change: string; add: string } {
  const { live, copy, key, columns } = relation;
  const on = (a: string, b: string) => sameKey(relation, a, b);
  const rows = relation.rows === undefined ? '' : ` AND c.${relation.rows}`;
  const all = [...key, ...columns];
  const from = copy ?? live; // where the copy has no such table nothing is added nor changed
  return {
    remove: `DELETE FROM ${live} l USING ${differing(at)} d WHERE d.what = 'removed' AND ${on('l', 'd')}`,
    change: `UPDATE ${live} l SET ${columns.map(c => `${quote(c)} = c.${quote(c)}`).join(', ')}
      FROM ${from} c, ${differing(at)} d WHERE d.what = 'changed' AND ${on('l', 'd')} AND ${on('c', 'd')}${rows}`,
    add: `INSERT INTO ${live} (${all.map(quote).join(', ')}) SELECT ${all.map(c => `c.${quote(c)}`).join(', ')}
      FROM ${from} c JOIN ${differing(at)} d ON ${on('c', 'd')} WHERE d.what = 'added'${rows} ORDER BY ${key.map(k => `c.${quote(k)}`).join(', ')}`,
  };
}
