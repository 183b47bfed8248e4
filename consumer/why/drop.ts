/** What became of a drop: its publication, its files by month, who loaded it when, what was turned away. */
import type { Database } from '../load/database.js';
import { readCertificates } from '../proof/certificate.js';
import type { Certificate } from '../proof/proof.js';
import type { Tables } from '../schema/tables.js';

export interface WhyDrop {
  drop: string;
  name: string;
  certificate: Certificate;
  started_at: string | null;
  finished_at: string | null;
  /** Where its loaded orders went. */
  months: { month: string; files: number; orders: number; line_items: number }[];
  /** The batches with its orders. */
  batches: { count: number; first: string | null; last: string | null; workers: number; versions: string[] };
  bypassed: { identical: number; conflicting: number; unknown: number };
  /** Which drops were first with the orders that conflict. */
  conflicts_with: { drop: string; name: string | null; orders: number }[];
  rejected: { code: string; path: string; kind: string; count: number }[];
}

export async function whyDrop(db: Database, t: Tables, topic: string, drop: string): Promise<WhyDrop | null> {
  const [certificate] = await readCertificates(db, t, topic, [drop]);
  if (certificate === undefined) return null;
  const one = (sql: string) => db.query(sql, [topic, drop]);
  const told = (await one(`SELECT started_at, finished_at FROM ${t.drops} WHERE topic = $1 AND drop_id = $2`)).rows[0];
  const files = `${t.dropFiles} f WHERE f.topic = $1 AND f.drop_id = $2`;
  const months = await one(
    `SELECT month, count(DISTINCT file_no) AS files, sum(loaded) AS orders, sum(line_items) AS line_items FROM ${t.books}
      WHERE loaded > 0 AND file_no IN (SELECT file_no FROM ${files}) GROUP BY month ORDER BY month`,
  );
  const kinds = await one(
    `SELECT coalesce(sum(identical), 0) AS identical, coalesce(sum(conflicting), 0) AS conflicting, coalesce(sum(bypassed), 0) AS bypassed
       FROM ${t.books} WHERE file_no IN (SELECT file_no FROM ${files})`,
  );
  const batches = await one(
    `SELECT count(*) AS n, min(loaded_at) AS first, max(loaded_at) AS last, count(DISTINCT worker) AS workers, to_json(array_agg(DISTINCT version))::text AS versions
       FROM ${t.batches} b JOIN (
         SELECT partition, min(record_offset) AS first_offset, max(record_offset) AS last_offset FROM ${t.knownOrders}
          WHERE file_no IN (SELECT file_no FROM ${files}) GROUP BY partition) p USING (partition)
      WHERE b.topic = $1 AND b.to_offset > p.first_offset AND b.from_offset <= p.last_offset`,
  );
  const conflicts = await one(
    `SELECT g.drop_id AS drop, d.name, count(*) AS orders FROM ${t.conflictingOrders} c JOIN ${t.dropFiles} g ON g.file_no = c.first_file_no
       LEFT JOIN ${t.drops} d ON d.topic = g.topic AND d.drop_id = g.drop_id WHERE c.file_no IN (SELECT file_no FROM ${files}) GROUP BY 1, 2 ORDER BY 3 DESC, 1`,
  );
  const rejected = await one(
    `SELECT kind, code, regexp_replace(path, '\\[\\d+\\]', '[]', 'g') AS path, count(*) AS n FROM ${t.rejects}
      WHERE topic = $1 AND drop_id = $2 AND settled IS NULL GROUP BY 1, 2, 3 ORDER BY n DESC, 2`,
  );
  const k = kinds.rows[0];
  const b = batches.rows[0];
  const [identical, conflicting] = [Number(k.identical), Number(k.conflicting)];
  return {
    drop,
    name: certificate.name,
    certificate,
    started_at: told?.started_at ?? null,
    finished_at: told?.finished_at ?? null,
    months: months.rows.map(r => ({ month: r.month, files: Number(r.files), orders: Number(r.orders), line_items: Number(r.line_items) })),
    batches: {
      count: Number(b.n),
      first: b.first,
      last: b.last,
      workers: Number(b.workers),
      versions: JSON.parse(b.versions ?? '[]') ?? [],
    },
    bypassed: { identical, conflicting, unknown: Number(k.bypassed) - identical - conflicting },
    conflicts_with: conflicts.rows.map(r => ({ drop: r.drop, name: r.name, orders: Number(r.orders) })),
    rejected: rejected.rows.map(r => ({ kind: r.kind, code: r.code, path: r.path, count: Number(r.n) })),
  };
}

export interface WhyLineItem {
  line_item: string;
  /** As text, by column; null where there is no such row. */
  row: Record<string, string | null> | null;
}

export async function whyLineItem(db: Database, t: Tables, id: string): Promise<WhyLineItem> {
  const { rows } = await db.query(`SELECT * FROM ${t.lineItems} WHERE line_item_id = $1`, [id]);
  return { line_item: id, row: rows[0] ?? null };
}
