/** Where an order in the tables came from, which others of its id were turned away, and whether its rows are what its message says. */
import { messageOf, type OrderMessage } from '../intake/batch.js';
import type { Database } from '../load/database.js';
import { compareRows } from '../proof/compare-tables.js';
import { Expected } from '../proof/expected.js';
import { emptyProof } from '../proof/hold-drop.js';
import type { Difference } from '../proof/proof.js';
import type { Tables } from '../schema/tables.js';
import { batchRows } from '../transform/batch-rows.js';
import type { Keeps, OrderRules } from '../transform/forgotten.js';

export interface Place {
  drop: string;
  /** Of the drop; null for messages of no drop. */
  name: string | null;
  file: string;
  index: number | null;
  topic: string;
  partition: number;
  offset: number;
}

export interface OtherCopy extends Place {
  why: string;
  at: string;
  /** 16 hex digits; null where it is not kept. */
  content: string | null;
}

export interface WhyOrder {
  order: string;
  /** Null where it is not known to have been loaded. */
  from: Place | null;
  /** Month tables that it stands in. */
  tables: string[];
  content: string | null;
  batch: { from_offset: number; to_offset: number; messages: number; loaded_at: string; worker: string; version: string } | null;
  /** The reject that a retry has loaded it by, and whether that was mended by hand. */
  retried: { reject: number; tried_at: string; mended: boolean } | null;
  user: string | null;
  /** What is kept of the order, where its user was forgotten. */
  forgotten: Keeps | null;
  line_items: string[];
  line_item_total: number | null;
  /** Other messages of this id: bypassed with another content, or rejected. Those of equal content are only counted, by drop. */
  others: OtherCopy[];
  /** Held against its message: null where that cannot be had. */
  differing: Difference[] | null;
  /** Rows that are missing or too many, in words. */
  rows: string[];
  /** Line items that another order had first, in words. */
  shared: string[];
}

export const PLACE = `f.drop_id AS drop, d.name, f.file, f.topic`;

export function toPlace(r: Record<string, string | null>): Place {
  return {
    drop: r.drop ?? '',
    name: r.name,
    file: r.file ?? '',
    index: r.order_index === null ? null : Number(r.order_index),
    topic: r.topic ?? '',
    partition: Number(r.partition),
    offset: Number(r.record_offset),
  };
}

/** @returns null when nothing is known of an order of this id */
export async function whyOrder(db: Database, t: Tables, id: string): Promise<WhyOrder | null> {
  const known = await db.query(
    `SELECT ${PLACE}, k.order_index, k.partition, k.record_offset, lpad(to_hex(k.content), 16, '0') AS content, k.forgotten,
            b.from_offset, b.to_offset, b.messages, b.loaded_at, b.worker, b.version
       FROM ${t.knownOrders} k JOIN ${t.dropFiles} f USING (file_no) LEFT JOIN ${t.drops} d ON d.topic = f.topic AND d.drop_id = f.drop_id
       LEFT JOIN LATERAL (SELECT * FROM ${t.batches} x WHERE x.topic = f.topic AND x.partition = k.partition AND x.from_offset <= k.record_offset
                           ORDER BY x.from_offset DESC LIMIT 1) b ON b.to_offset > k.record_offset
      WHERE k.order_id = $1`,
    [id],
  );
  const rows = await db.query(
    `SELECT c.relname, o.user_id, o.line_item_total FROM ${t.orders} o JOIN pg_class c ON c.oid = o.tableoid WHERE o.id = $1`,
    [id],
  );
  const items = await db.query(`SELECT line_item_id AS id FROM ${t.lineItems} WHERE order_id = $1 ORDER BY 1`, [id]);
  const conflicts = await db.query(
    `SELECT ${PLACE}, c.order_index, c.partition, c.record_offset, lpad(to_hex(c.content), 16, '0') AS content, c.bypassed_at AS at
       FROM ${t.conflictingOrders} c JOIN ${t.dropFiles} f USING (file_no) LEFT JOIN ${t.drops} d ON d.topic = f.topic AND d.drop_id = f.drop_id
      WHERE c.order_id = $1 ORDER BY c.bypassed_at, c.partition, c.record_offset`,
    [id],
  );
  const rejects = await db.query(
    `SELECT r.id, r.topic, r.drop_id AS drop, d.name, r.file, r.order_index, r.partition, r.record_offset, r.code, r.path, r.settled, r.rejected_at AS at, r.tried_at,
            r.mended IS NOT NULL AS mended FROM ${t.rejects} r LEFT JOIN ${t.drops} d ON d.topic = r.topic AND d.drop_id = r.drop_id
      WHERE r.order_id = $1 AND r.kind = 'order' ORDER BY r.id`,
    [id],
  );
  const user = rows.rows[0]?.user_id ?? null;
  const forgotten = await db.query(`SELECT keeps FROM ${t.forgottenUsers} WHERE user_id = $1`, [user]);
  if (known.rows.length + rows.rows.length + rejects.rows.length + items.rows.length === 0) return null;
  const k = known.rows[0];
  const from = k === undefined ? null : toPlace(k);
  const own = rejects.rows.find(
    r => from !== null && r.settled === 'loaded' && Number(r.partition) === from.partition && Number(r.record_offset) === from.offset,
  );
  const others: OtherCopy[] = [
    ...conflicts.rows.map(r => ({
      ...toPlace(r),
      why: 'bypassed: its content differs, and the other was first',
      at: r.at,
      content: r.content,
    })),
    ...rejects.rows
      .filter(r => r !== own)
      .map(r => ({
        ...toPlace(r),
        why: `${r.settled ?? 'rejected'}: ${r.code}${r.path === '' ? '' : ` at ${r.path}`} (reject ${r.id})`,
        at: r.at,
        content: null,
      })),
  ];
  const { from_offset, to_offset, messages, loaded_at, worker, version } = k ?? {};
  return {
    order: id,
    from,
    tables: rows.rows.map(r => r.relname),
    content: k?.content ?? null,
    batch:
      from_offset == null
        ? null
        : { from_offset: Number(from_offset), to_offset: Number(to_offset), messages: Number(messages), loaded_at, worker, version },
    retried: own === undefined ? null : { reject: Number(own.id), tried_at: own.tried_at, mended: own.mended === 't' },
    user,
    forgotten: k?.forgotten === 't' ? 'nothing' : (forgotten.rows[0]?.keeps ?? null),
    line_items: items.rows.map(r => r.id),
    line_item_total: rows.rows[0]?.line_item_total == null ? null : Number(rows.rows[0].line_item_total),
    others,
    differing: null,
    rows: [],
    shared: [],
  };
}

/** Holds the rows of an order against its message. */
export async function holdOrder(db: Database, t: Tables, why: WhyOrder, message: OrderMessage, rules: OrderRules): Promise<void> {
  const mended = why.retried?.mended ? await mendedBytes(db, t, why.retried.reject) : null;
  const value = mended ?? message.value;
  const expected = await Expected.begin(db, t);
  try {
    const batch = {
      messages: [messageOf(message.partition, message.offset, value, message.place, mended === null ? message.redacted : null)],
      segments: [],
      bytes: 0,
      reason: 'orders' as const,
      generation: 0,
    };
    await expected.add(batchRows(batch, () => 0, null, new Map(), rules).rows);
    const proof = emptyProof({ drops: [], name: '', source: 'topic' });
    await compareRows({ db, live: t, expected, proof, topic: message.place === null ? '' : why.from!.topic, drops: [] });
    why.differing = proof.differing.list;
    why.rows = [
      ...proof.missing.list.map(m => `its row is missing${m.elsewhere === null ? '' : `; it stands in ${m.elsewhere}`}`),
      ...proof.missing_rows.list.map(r => `line item ${r.id} is missing`),
      ...proof.extra.list.map(r => `${r.table} ${r.id}: ${r.why}`),
    ];
    why.shared = proof.shared_items.list.map(r => `line item ${r.id} ${r.why}`);
  } finally {
    await db.rollback();
  }
}

async function mendedBytes(db: Database, t: Tables, reject: number): Promise<Buffer | null> {
  const { rows } = await db.query(`SELECT encode(mended, 'base64') AS mended FROM ${t.rejects} WHERE id = $1`, [reject]);
  return rows[0]?.mended == null ? null : Buffer.from(rows[0].mended, 'base64');
}
