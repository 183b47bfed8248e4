/** The rejects as people and programs look at them. */
import type { Database } from '../load/database.js';
import type { Tables } from '../schema/tables.js';

export interface RejectRow {
  id: number;
  kind: 'order' | 'file';
  drop: string;
  file: string;
  /** Index of the order in the file; for a broken file the number of whole orders before the fault; null for orders that are only counted. */
  index: number | null;
  partition: number | null;
  offset: number | null;
  /** In decimal, as it may be above 2^53. */
  order_id: string | null;
  code: string;
  path: string;
  reason: string;
  rejected_at: string;
  /** How often it was refused or, where it is settled, tried. */
  tries: number;
  /** Of the last retry. */
  tried_at: string | null;
  /** How a retry ended that put it into the tables or found it there; null while it is rejected. */
  settled: 'loaded' | 'bypassed' | null;
}

const COLUMNS =
  'id, kind, drop_id, file, order_index, partition, record_offset, order_id, code, path, reason, rejected_at, tries, tried_at, settled';

/** All conditions hold together. */
export interface RejectFilter {
  drop?: string;
  /** Rejection code. */
  reason?: string;
  /** Rejected then or later. */
  since?: Date;
  /** Also those that a retry has loaded or bypassed. */
  settledToo?: boolean;
}

export async function listRejects(db: Database, tables: Tables, topic: string, filter: RejectFilter = {}): Promise<RejectRow[]> {
  const { rows } = await db.query(
    `SELECT ${COLUMNS} FROM ${tables.rejects} WHERE topic = $1 AND ($2::text IS NULL OR drop_id = $2) AND ($3::text IS NULL OR code = $3)
       AND ($4::timestamptz IS NULL OR rejected_at >= $4) AND ($5 OR settled IS NULL) ORDER BY id`,
    [topic, filter.drop ?? null, filter.reason ?? null, filter.since?.toISOString() ?? null, filter.settledToo === true],
  );
  return rows.map(toRow);
}

/** A reject with its bytes as they were delivered, and as they were mended, where mended ones were loaded. */
export interface WholeReject extends RejectRow {
  value: Buffer | null;
  mended: Buffer | null;
}

/** One reject, settled or not; null when there is none of that id. */
export async function showReject(db: Database, tables: Tables, id: string): Promise<WholeReject | null> {
  const { rows } = await db.query(
    `SELECT ${COLUMNS}, encode(value, 'base64') AS value, encode(mended, 'base64') AS mended FROM ${tables.rejects} WHERE id = $1`,
    [id],
  );
  if (rows.length === 0) return null;
  const bytes = (base64: string | null) => (base64 === null ? null : Buffer.from(base64, 'base64'));
  return { ...toRow(rows[0]), value: bytes(rows[0].value), mended: bytes(rows[0].mended) };
}

// biome-ignore lint/suspicious/noExplicitAny: the shape is that of COLUMNS
function toRow(r: any): RejectRow {
  const number = (text: string | null) => (text === null ? null : Number(text));
  return {
    id: Number(r.id),
    kind: r.kind,
    drop: r.drop_id,
    file: r.file,
    index: number(r.order_index),
    partition: number(r.partition),
    offset: number(r.record_offset),
    order_id: r.order_id,
    code: r.code,
    path: r.path,
    reason: r.reason,
    rejected_at: r.rejected_at,
    tries: Number(r.tries),
    tried_at: r.tried_at,
    settled: r.settled,
  };
}
