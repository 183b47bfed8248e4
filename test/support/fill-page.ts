/** Fills the own tables of a database by SQL, so that the page has much to show: drops, books, batches of the last hour, rejects. */
import pg from 'pg';

/** Text as an enemy would write it into an order, a name of a file or a field: markup, quotes, marks of direction, controls, great length. */
export const HOSTILE: readonly string[] = [
  '<script>window.pwned = 1</script>',
  '"><img src=x onerror="window.pwned = 1">',
  "'; DROP TABLE orders; --",
  '</td></tr></table><h1>gone</h1>',
  '\u202egnp.exe\u202c \u2066left\u2069 \u200f\u200e',
  'javascript:window.pwned=1// {{constructor.constructor(1)()}} #{7*7} <%= 7*7 %>',
  'tab\tnewline\nreturn\rbell\u0007escape\u001b[31m del\u007f',
  '\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd',
  `long ${'x'.repeat(5000)}`,
  `zalgo ${'e\u0301\u0302\u0303\u0304'.repeat(50)}`,
  '&lt;b&gt;&#x3c;script&#x3e; %3Cscript%3E \\u003cscript\\u003e',
  '\u{1f468}\u200d\u{1f469}\u200d\u{1f467} \u{e0041}\u{e0042}',
];

export interface Filling {
  drops: number;
  /** Of each drop. */
  files: number;
  /** Rejects of each hostile text. */
  rejects: number;
}

/** @param topic that the worker of the page loads */
export async function fillPage(url: string, topic: string, { drops, files, rejects }: Filling): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    // every eleventh drop lacks an order, every seventh has rejects, the newest is being published; each file has orders in 8 partitions
    await client.query(
      `WITH made AS (
         INSERT INTO glossier.drops (topic, drop_id, name, sha256, bytes, state, files, broken_files, orders, started_at, finished_at)
         SELECT $1, lpad(to_hex(i * 7919), 16, 'c'), 'orders-' || to_char(now() - i * interval '1 day', 'YYYY-MM-DD') || '.zip', '', 1400000,
                CASE WHEN i = 0 THEN 'publishing' ELSE 'published' END, $3, (i % 50 = 3)::int, CASE WHEN i > 0 THEN $3 * 8 * 53 END,
                now() - i * interval '1 day' - interval '5 min', CASE WHEN i > 0 THEN now() - i * interval '1 day' END
           FROM generate_series(0, $2 - 1) AS i RETURNING topic, drop_id),
       files AS (
         INSERT INTO glossier.drop_files (topic, drop_id, file) SELECT topic, drop_id, f || '.json' FROM made, generate_series(1, $3) AS f RETURNING file_no, drop_id, file)
       INSERT INTO glossier.books (file_no, partition, month, last_index, loaded, bypassed, rejected, repeated, line_items)
       SELECT file_no, p, '2017_11', 52, 50 - (n % 11 = 5 AND file = '1.json' AND p = 0)::int, 2 + (n % 7 <> 2)::int, (n % 7 = 2)::int, 0, 122
         FROM (SELECT *, dense_rank() OVER (ORDER BY drop_id) AS n FROM files) f, generate_series(0, 7) AS p`,
      [topic, drops, files],
    );
    if (drops > 0)
      await client.query(
        `INSERT INTO glossier.batches (topic, partition, from_offset, to_offset, messages, loaded_at, worker, version)
         SELECT $1, 900, i, i + 1, (400 + 300 * sin(i / 9.0) + (i % 7) * 40)::int, now() - (59 - i) * interval '1 minute', 'filled', ''
           FROM generate_series(4, 59) AS i WHERE i NOT BETWEEN 21 AND 24`,
        [topic],
      );
    let offset = 0;
    for (const [at, text] of HOSTILE.entries()) {
      for (let i = 0; i < rejects; i++)
        await client.query(
          `INSERT INTO glossier.rejects (kind, topic, drop_id, file, order_index, partition, record_offset, order_id, code, path, reason, value)
           VALUES ('order', $1, $2, $3, $4, 900, $5, 17, $6, $3, $7, $8)`,
          [
            topic,
            'f'.repeat(16),
            text,
            i,
            offset++,
            ['bad_type', 'bad_text', 'missing_field'][at % 3],
            `is ${text}`,
            Buffer.from(`{"id":17,"note":${JSON.stringify(text)},"raw":"${text}"}`),
          ],
        );
      await client.query(
        `INSERT INTO glossier.drops (topic, drop_id, name, sha256, bytes, state, files, broken_files, orders, started_at, finished_at)
         SELECT $1, $2, $3, '', 1, 'published', 1, 0, 0, now() - interval '3 minutes', now() - interval '2 minutes' WHERE $4 > 0`,
        [topic, `e${String(at).padStart(15, '0')}`, text, rejects],
      );
    }
  } finally {
    await client.end();
  }
}
