/** What a publication was said to hold, against what the loading counted of it: the sums of every file. */
import { hashText } from '../../shared/content-hash.js';
import type { Database } from '../load/database.js';
import type { Tables } from '../schema/tables.js';
import type { Certificate } from './proof.js';

/** The publications of these ids that are known, in the order of their ids. */
export async function readCertificates(db: Database, tables: Tables, topic: string, drops: readonly string[]): Promise<Certificate[]> {
  const { rows } = await db.query(
    `WITH counted AS (
       SELECT f.drop_id, f.file, sum(b.loaded) AS loaded, sum(b.bypassed) AS bypassed, sum(b.rejected) AS rejected, sum(b.line_items) AS line_items,
              CASE WHEN bool_and(b.bytes IS NOT NULL) THEN sum(b.bytes) END AS bytes,
              CASE WHEN bool_and(b.content IS NOT NULL) THEN mod(sum(b.content), 18446744073709551616) END AS content
         FROM ${tables.books} b JOIN ${tables.dropFiles} f USING (file_no) WHERE f.topic = $1 AND f.drop_id = ANY($2) GROUP BY 1, 2),
     each AS (
       SELECT drop_id, file, p.orders, p.bytes AS p_bytes, p.line_items AS p_items, p.total_price, p.content AS p_content, loaded, bypassed, rejected, c.line_items, c.bytes, c.content,
              CASE WHEN p.content IS NULL OR (c.content IS NULL AND c.loaded IS NOT NULL) THEN NULL
                   ELSE (p.orders, p.bytes, p.content) IS NOT DISTINCT FROM (coalesce(c.loaded + c.bypassed + c.rejected, 0), coalesce(c.bytes, 0), coalesce(c.content, 0)) END AS same
         FROM (SELECT * FROM ${tables.publishedFiles} WHERE topic = $1 AND drop_id = ANY($2)) p
         FULL JOIN (SELECT drop_id, file, loaded, bypassed, rejected, line_items, bytes, content FROM counted) c USING (drop_id, file)),
     sums AS (
       SELECT drop_id, sum(p_bytes) AS p_bytes, sum(p_items) AS p_items, sum(total_price) AS price, mod(sum(p_content), 18446744073709551616) AS p_content,
              coalesce(sum(loaded), 0) AS loaded, coalesce(sum(bypassed), 0) AS bypassed, coalesce(sum(rejected), 0) AS rejected,
              coalesce(sum(line_items), 0) AS items, sum(bytes) AS bytes, mod(sum(content), 18446744073709551616) AS content,
              CASE WHEN bool_and(same IS NOT NULL) THEN bool_and(same) END AS same,
              (array_agg(file ORDER BY file) FILTER (WHERE NOT same))[1:20] AS files
         FROM each GROUP BY drop_id)
     SELECT coalesce(d.drop_id, s.drop_id) AS drop_id, d.name, d.state, d.orders, s.p_bytes, s.p_items, s.price, s.p_content, s.loaded, s.bypassed, s.rejected, s.items,
            s.bytes, s.content, s.same, to_json(s.files)::text AS files
       FROM (SELECT * FROM ${tables.drops} WHERE topic = $1 AND drop_id = ANY($2)) d FULL JOIN sums s USING (drop_id) ORDER BY 1`,
    [topic, drops],
  );
  return rows.map(r => {
    const [loaded, bypassed, rejected] = [Number(r.loaded ?? 0), Number(r.bypassed ?? 0), Number(r.rejected ?? 0)];
    const accounted = loaded + bypassed + rejected;
    const published = r.state === 'published' ? Number(r.orders) : null;
    return {
      drop: r.drop_id,
      name: r.name ?? '(unknown drop)',
      state: r.state ?? 'unknown',
      published:
        published === null || r.p_content === null
          ? null
          : {
              orders: published,
              bytes: Number(r.p_bytes),
              content: hash(r.p_content),
              line_items: Number(r.p_items),
              total_price: r.price,
            },
      counted: {
        orders: accounted,
        bytes: r.bytes === null ? null : Number(r.bytes),
        content: hash(r.content),
        line_items: Number(r.items ?? 0),
        total_price: null,
        loaded,
        bypassed,
        rejected,
      },
      same: published === null || r.same === null ? null : r.same === 't',
      waiting: published === null ? 0 : Math.max(0, published - accounted),
      files: JSON.parse(r.files ?? '[]') ?? [],
    };
  });
}

function hash(sum: string | null): string | null {
  return sum === null ? null : hashText(BigInt(sum));
}
