/** Orders that were bypassed with another content than the one that was first. */
import { grouped } from '../../shared/number-text.js';
import { printable } from '../../shared/printable.js';
import type { Database } from '../load/database.js';
import type { Tables } from '../schema/tables.js';
import { table, trimLines } from '../status/text-table.js';

export interface ConflictPlace {
  drop: string;
  name: string | null;
  file: string;
  index: number | null;
  partition: number;
  offset: number;
  /** 16 hex digits. */
  content: string;
}

export interface Conflict {
  order: string;
  /** Which was loaded. */
  first: ConflictPlace;
  /** Which was bypassed. */
  bypassed: ConflictPlace;
  bypassed_at: string;
}

export async function listConflicts(
  db: Database,
  { conflicts }: Tables,
  topic: string,
  filter: { drop?: string; order?: string },
): Promise<Conflict[]> {
  const { rows } = await db.query(
    `SELECT *, lpad(to_hex(content), 16, '0') AS hash, lpad(to_hex(first_content), 16, '0') AS first_hash FROM ${conflicts}
      WHERE topic = $1 AND ($2::text IS NULL OR drop_id = $2 OR name = $2) AND ($3::bigint IS NULL OR order_id = $3)
      ORDER BY bypassed_at, partition, record_offset`,
    [topic, filter.drop ?? null, filter.order ?? null],
  );
  const place = (
    drop: string,
    name: string | null,
    file: string,
    index: string | null,
    partition: string,
    offset: string,
    content: string,
  ) => ({
    drop,
    name,
    file,
    index: index === null ? null : Number(index),
    partition: Number(partition),
    offset: Number(offset),
    content,
  });
  return rows.map(r => ({
    order: r.order_id,
    first: place(r.first_drop_id, r.first_name, r.first_file, r.first_index, r.first_partition, r.first_offset, r.first_hash),
    bypassed: place(r.drop_id, r.name, r.file, r.order_index, r.partition, r.record_offset, r.hash),
    bypassed_at: r.bypassed_at,
  }));
}

/** Conflicts that are shown one by one; --json has all. */
const MOST_LISTED = 50;

/** @param some a drop was asked for */
export function renderConflicts(rows: readonly Conflict[], some = false): string {
  if (rows.length === 0) return `No bypassed order${some ? ' of that drop' : ''} differs from the one that was first.`;
  const out = table(['order', 'bypassed from', 'loaded from']);
  for (const { order, bypassed, first } of rows.slice(0, MOST_LISTED)) out.push([order, shortly(bypassed), shortly(first)]);
  const more = rows.length > MOST_LISTED ? `\n… and ${grouped(rows.length - MOST_LISTED)} more; --json has all` : '';
  return trimLines(`${out.toString()}${more}\n${grouped(rows.length)} conflict(s); glossier conflicts show ORDER names the fields`);
}

/** The last part of the file says enough in a table. */
function shortly({ drop, file, index, partition, offset }: ConflictPlace): string {
  return drop === '' ? `message ${partition}:${offset}` : `${printable(file).split('/').at(-1)}:${index} of ${drop.slice(0, 8)}`;
}

/** @param fields paths that differ; null where a message is not at hand */
export function renderConflict({ order, first, bypassed, bypassed_at }: Conflict, fields: string[] | null): string {
  const place = (p: ConflictPlace) =>
    `${p.drop === '' ? 'of no drop' : `${printable(p.name ?? 'unknown drop')} (${p.drop}), ${printable(p.file)}, index ${p.index}`}\n            partition ${p.partition}, offset ${p.offset}, content ${p.content}`;
  const told =
    fields === null
      ? 'not known: a message is not at hand'
      : fields.length === 0
        ? 'none: the layout alone'
        : fields.map(printable).join(', ');
  return [
    `Order ${order}`,
    `  loaded    ${place(first)}`,
    `  bypassed  ${place(bypassed)}`,
    `            ${bypassed_at}`,
    `  fields that differ: ${told}`,
  ].join('\n');
}
