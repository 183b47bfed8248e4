/** How an export has changed: fields of a drop that the tables do not know, and fields that all drops before it had and it has not. */
import { grouped } from '../../shared/number-text.js';
import { printable } from '../../shared/printable.js';
import type { Database } from '../load/database.js';
import type { Tables } from '../schema/tables.js';
import type { FieldCount } from '../transform/field-counts.js';
import { FIELDS } from '../transform/order-scan.js';

export interface Drift {
  /** Fields that went to `extra`. */
  unknown: { field: string; kinds: string[]; orders: number }[];
  /** Loaded orders with further unknown fields, which are too many to be kept by name. */
  more: number;
  /** Fields that the drops before had in some order each, and this one in none. */
  missing: string[];
}

/** By JsonKind, from 1. */
const KIND_NAMES = ['object', 'array', 'string', 'number', 'boolean', 'boolean', 'null'];

export interface DropFields {
  orders: number;
  more: number;
  fields: Map<string, FieldCount>;
}

/** The drift of each drop that has any, by drop; over the loaded orders of each. */
export async function readDrift(db: Database, tables: Tables, topic: string): Promise<Map<string, Drift>> {
  return driftOf(await readDropFields(db, tables, topic));
}

/** The fields of each drop's loaded orders, in the order in which the drops were published. */
export async function readDropFields(db: Database, tables: Tables, topic: string): Promise<Map<string, DropFields>> {
  const { rows } = await db.query(
    `SELECT f.drop_id, f.orders, f.more, f.fields FROM ${tables.dropFields} f LEFT JOIN ${tables.drops} d USING (topic, drop_id)
      WHERE f.topic = $1 ORDER BY d.started_at, f.drop_id`,
    [topic],
  );
  const drops = new Map<string, DropFields>();
  for (const r of rows) {
    const drop = drops.get(r.drop_id) ?? { orders: 0, more: 0, fields: new Map<string, FieldCount>() };
    drops.set(r.drop_id, drop);
    drop.orders += Number(r.orders);
    drop.more += Number(r.more);
    for (const [name, [orders, kinds]] of Object.entries(JSON.parse(r.fields) as Record<string, FieldCount>)) {
      const had = drop.fields.get(name) ?? [0, 0];
      drop.fields.set(name, [had[0] + orders, had[1] | kinds]);
    }
  }
  return drops;
}

/** Pure. @param drops in the order in which they were published */
export function driftOf(drops: ReadonlyMap<string, DropFields>): Map<string, Drift> {
  const drift = new Map<string, Drift>();
  const known = new Set(FIELDS);
  let always: Set<string> | null = null;
  for (const [id, { fields, more }] of drops) {
    const unknown = [...fields]
      .filter(([name]) => !known.has(name))
      .map(([field, [orders, kinds]]) => ({ field, kinds: kindNames(kinds), orders }));
    const missing: string[] = [...(always ?? [])].filter(name => !fields.has(name));
    if (unknown.length > 0 || more > 0 || missing.length > 0) drift.set(id, { unknown, more, missing });
    always = new Set([...(always ?? fields.keys())].filter(name => fields.has(name)));
  }
  return drift;
}

function kindNames(kinds: number): string[] {
  return [...new Set(KIND_NAMES.filter((_, i) => (kinds & (1 << i)) !== 0))];
}

/** Fields that are told in words; `status --json` has them all. */
const MOST_IN_WORDS = 8;

/** In words, for people and logs. */
export function driftWords({ unknown, more, missing }: Drift): string {
  const parts: string[] = [];
  if (unknown.length > 0) {
    const each = unknown.map(u => `${plain(u.field)} (${u.kinds.join(' or ')}, in ${grouped(u.orders)} order(s))`);
    parts.push(`new field(s), kept in extra: ${some(each, more > 0)}`);
  }
  if (missing.length > 0) parts.push(`no order has ${some(missing.map(plain))} any more`);
  return parts.join('; ');
}

function some(names: string[], evenMore = false): string {
  const left = names.length - MOST_IN_WORDS;
  if (left <= 0) return names.join(', ') + (evenMore ? ' and more' : '');
  return `${names.slice(0, MOST_IN_WORDS).join(', ')} and ${left}${evenMore ? ' or more' : ''} other(s), see glossier status --json`;
}

/**
 * The drift of each drop that has come whole into the tables since this was last asked: each is told once, whichever worker asks.
 */
export async function untoldDrift(db: Database, tables: Tables, topic: string): Promise<{ name: string; drop: string; drift: Drift }[]> {
  const { rows } = await db.query(
    `UPDATE ${tables.drops} d SET drift_told = true
      WHERE topic = $1 AND NOT drift_told AND state = 'published' AND orders <= (
        SELECT coalesce(sum(loaded + bypassed + rejected), 0) FROM ${tables.books} b JOIN ${tables.dropFiles} f USING (file_no)
         WHERE f.topic = d.topic AND f.drop_id = d.drop_id)
      RETURNING drop_id, name`,
    [topic],
  );
  if (rows.length === 0) return [];
  const drift = await readDrift(db, tables, topic);
  return rows.flatMap(r => (drift.has(r.drop_id) ? [{ name: r.name, drop: r.drop_id, drift: drift.get(r.drop_id)! }] : []));
}

/** A name is data from outside: one with more than letters, digits and signs of a path is written as JSON writes it. */
function plain(name: string): string {
  return /^[\w.[\]-]+$/.test(name) ? name : printable(JSON.stringify(name));
}
