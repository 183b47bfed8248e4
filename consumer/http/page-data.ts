/**
 * What the page and the metrics ask Postgres, each question bounded: by a limit of rows, by the statement timeout of the reader, and by
 * how often it is asked (cached.ts).
 */
import type { Database } from '../load/database.js';
import { type RebuildState, readRebuildState } from '../rebuild/progress.js';
import type { Tables } from '../schema/tables.js';
import { readBooks } from '../status/read-status.js';

/** Rejects that are looked at, from the newest on: 0.1 s where each has a kilobyte. */
const MOST_REJECTS = 100_000;
/** Groups of them that are told: a path is data from outside, and each may be another. */
const MOST_GROUPS = 120;
/** Rows of user_staging that are counted. */
const MOST_STAGED = 1_000_000;
/** Rows of the batches of the last hour that are added up, from the newest on: an hour of 8 partitions at full speed is 130,000. */
const MOST_BATCHES = 200_000;
/** Characters of a name or reason that are handed out: it is data from outside, and may be as long as its writer liked. */
const MOST_CHARACTERS = 300;
/** Bytes of a rejected order that are shown. */
const MOST_BYTES = 16 * 1024;

export interface RejectGroup {
  kind: string;
  code: string;
  /** With `[]` for any index. */
  path: string;
  count: number;
  /** The newest one. */
  id: string;
}

/** What is small and asked for often. */
export interface Facts {
  /** Rows of user_staging. */
  staging: number;
  /** When user_staging was last folded with something in it. */
  mergedAt: string | null;
  /** By kind and code alone; their path is null. */
  byCode: { kind: string; code: string; count: number }[];
  rejects: RejectGroup[];
  /** The rejects are more than were looked at. */
  rejectsCut: boolean;
  rebuild: RebuildState | null;
}

export async function readFacts(db: Database, t: Tables, topic: string): Promise<Facts> {
  const staged = await db.query(`SELECT count(*) AS n FROM (SELECT FROM ${t.userStaging} LIMIT ${MOST_STAGED}) s`);
  const merged = await db.query(`SELECT merged_at FROM ${t.merges} ORDER BY id DESC LIMIT 1`);
  const { rows } = await db.query(
    `SELECT kind, code, path, grouping(path) AS whole, count(*) AS n, max(id) AS id FROM (
       SELECT kind, code, left(regexp_replace(path, '\\[\\d+\\]', '[]', 'g'), ${MOST_CHARACTERS}) AS path, id FROM ${t.rejects}
        WHERE topic = $1 AND settled IS NULL ORDER BY id DESC LIMIT ${MOST_REJECTS}) r
      GROUP BY GROUPING SETS ((kind, code), (kind, code, path)) ORDER BY whole DESC, n DESC, code, path LIMIT ${MOST_GROUPS}`,
    [topic],
  );
  const groups = (whole: string) =>
    rows.filter(r => r.whole === whole).map(r => ({ kind: r.kind, code: r.code, path: r.path, count: Number(r.n), id: r.id }));
  const byCode = groups('1');
  return {
    staging: Number(staged.rows[0].n),
    mergedAt: merged.rows[0]?.merged_at ?? null,
    byCode,
    rejects: groups('0'),
    rejectsCut: byCode.reduce((n, g) => n + g.count, 0) >= MOST_REJECTS,
    rebuild: await readRebuildState(db, t),
  };
}

export interface PageDrop {
  /** '' for the messages that belong to no drop. */
  drop: string;
  name: string;
  state: string;
  files: number;
  broken_files: number;
  /** Null while it is being published. */
  published: number | null;
  loaded: number;
  bypassed: number;
  rejected: number;
  line_items: number;
  started_at: string | null;
  finished_at: string | null;
  /** Published, and each of its orders is loaded, bypassed or rejected. */
  whole: boolean;
}

/** All drops with their books, the newest first; messages of no drop last. */
export async function readDropBooks(db: Database, t: Tables, topic: string): Promise<PageDrop[]> {
  const books = new Map((await readBooks(db, t, topic)).map(b => [b.drop_id, b]));
  const { rows } = await db.query(
    `SELECT drop_id, left(name, ${MOST_CHARACTERS}) AS name, state, files, broken_files, orders, started_at, finished_at FROM ${t.drops}
      WHERE topic = $1 ORDER BY started_at DESC, drop_id`,
    [topic],
  );
  const counted = (drop: string) => {
    const b = books.get(drop);
    books.delete(drop);
    const [loaded, bypassed, rejected] = [Number(b?.loaded ?? 0), Number(b?.bypassed ?? 0), Number(b?.rejected ?? 0)];
    return { loaded, bypassed, rejected, line_items: Number(b?.line_items ?? 0), accounted: loaded + bypassed + rejected };
  };
  const drops: PageDrop[] = rows.map(r => {
    const { accounted, ...counts } = counted(r.drop_id);
    const published = r.orders === null ? null : Number(r.orders);
    return {
      drop: r.drop_id,
      name: r.name,
      state: r.state,
      files: Number(r.files),
      broken_files: Number(r.broken_files),
      published,
      ...counts,
      started_at: r.started_at,
      finished_at: r.finished_at,
      whole: r.state === 'published' && accounted === published,
    };
  });
  for (const [drop, b] of [...books]) {
    const { accounted, ...counts } = counted(drop);
    const name = drop === '' ? 'Messages of other producers' : 'A drop that is not known yet';
    const nothing = { broken_files: 0, started_at: null, finished_at: null, whole: false };
    drops.push({ drop, name, state: 'other', files: Number(b.files), published: accounted, ...counts, ...nothing });
  }
  return drops;
}

export interface Rates {
  /** Minutes of the last hour in which something was loaded: seconds of the clock at its start, and messages. */
  minutes: [second: number, messages: number][];
  /** Where the rows that were added up begin, where they are not the whole hour. */
  since: number | null;
}

/** From the table, and so the same from every worker and after every restart. */
export async function readRates(db: Database, t: Tables, topic: string): Promise<Rates> {
  const { rows } = await db.query(
    `SELECT floor(extract(epoch FROM loaded_at) / 60)::bigint * 60 AS second, sum(messages) AS n, count(*) AS rows FROM (
       SELECT loaded_at, messages FROM ${t.batches} WHERE topic = $1 AND loaded_at > now() - interval '1 hour' ORDER BY loaded_at DESC LIMIT ${MOST_BATCHES}) b
      GROUP BY 1 ORDER BY 1`,
    [topic],
  );
  const read = rows.reduce((n, r) => n + Number(r.rows), 0);
  const minutes = rows.map((r): [number, number] => [Number(r.second), Number(r.n)]);
  return { minutes, since: read >= MOST_BATCHES ? minutes[0][0] : null };
}

export interface PageReject {
  id: string;
  kind: string;
  drop: string;
  drop_name: string;
  file: string;
  index: string | null;
  partition: string | null;
  offset: string | null;
  order_id: string | null;
  code: string;
  path: string;
  reason: string;
  rejected_at: string;
  tries: string;
  settled: string | null;
  /** Of the order as it was delivered; null for a broken file. */
  bytes: number | null;
  /** The first of them as text. */
  text: string | null;
  /** The next older one with this reason, of those that are rejected. */
  older: string | null;
}

/** One reject with the beginning of its bytes; null where there is none of that id. */
export async function readReject(db: Database, t: Tables, topic: string, id: string): Promise<PageReject | null> {
  const short = (column: string) => `left(${column}, ${MOST_CHARACTERS})`;
  const { rows } = await db.query(
    `SELECT r.id, r.kind, r.drop_id AS drop, ${short("coalesce(d.name, '')")} AS drop_name, ${short('r.file')} AS file, r.order_index AS index, r.partition,
       r.record_offset AS offset, r.order_id, r.code, ${short('r.path')} AS path, ${short('r.reason')} AS reason, r.rejected_at, r.tries, r.settled,
       octet_length(r.value) AS bytes, encode(substring(r.value FROM 1 FOR ${MOST_BYTES}), 'base64') AS base64,
       (SELECT max(o.id) FROM ${t.rejects} o WHERE o.id < r.id AND o.topic = $1 AND o.kind = r.kind AND o.code = r.code AND o.settled IS NULL) AS older
       FROM ${t.rejects} r LEFT JOIN ${t.drops} d ON d.topic = r.topic AND d.drop_id = r.drop_id WHERE r.id = $2 AND r.topic = $1`,
    [topic, id],
  );
  if (rows.length === 0) return null;
  const { base64, bytes, ...rest } = rows[0];
  const text = base64 === null ? null : Buffer.from(base64, 'base64').toString('utf8');
  return { ...(rest as unknown as PageReject), bytes: bytes === null ? null : Number(bytes), text };
}
