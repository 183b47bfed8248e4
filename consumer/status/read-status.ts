/** What status tells: drops with their books, partitions with lag, staging, rejects, tables. */
import { publishedOrders, refusedOf } from '../../shared/drop-record.js';
import { type Admin, dropsTopic, type Kafka, topicOffsets } from '../../shared/kafka.js';
import type { Database } from '../load/database.js';
import { readDrops } from '../load/drop-sync.js';
import { type RebuildState, readRebuildState } from '../rebuild/progress.js';
import { type RebuildDue, readRebuildDue } from '../schema/rebuild-due.js';
import { monthTable, type Tables } from '../schema/tables.js';
import { type Drift, readDrift } from './drift.js';
import { type MoneyNote, readNotes } from './money-notes.js';

export interface DropStatus {
  /** '' for messages that belong to no drop. */
  drop: string;
  name: string;
  /** `publishing`, `published`, or `other` for messages of no drop. */
  state: string;
  /** Files of the drop. */
  files: number;
  broken_files: number;
  /** Orders that were too large to be published; not in `published`. */
  oversize_orders: number;
  published: number;
  loaded: number;
  bypassed: number;
  rejected: number;
  line_items: number;
  /** Published and not in the tables yet. */
  waiting: number;
  /** Everything of it is accounted for. */
  complete: boolean;
  /** How the export has changed with it; null where it has not. */
  drift: Drift | null;
  /** What looks odd in the money of its orders; null until it is whole and was looked at. */
  notes: MoneyNote[] | null;
  started_at: string | null;
  finished_at: string | null;
}

export interface PartitionStatus {
  partition: number;
  position: number;
  end: number;
  lag: number;
}

export interface TableStatus {
  table: string;
  rows: number;
  /** True where counting would take long and `rows` is what Postgres holds it for. */
  estimated?: true;
}

export interface Status {
  topic: string;
  drops: DropStatus[];
  partitions: PartitionStatus[];
  lag: number;
  /** Rows of user_staging that wait for the next merge. */
  staging: number;
  rejects: { orders: number; files: number; by_reason: { code: string; path: string; count: number }[] };
  tables: TableStatus[];
  /** A rebuild that is running, or one that was killed and left its copy; null where there is none. */
  rebuild: RebuildState | null;
  /** Tables that a new version means otherwise than the one that filled them; `glossier rebuild` makes them right. */
  rebuild_due: RebuildDue[];
}

/** Reads the whole status: the drops and ends from Kafka, everything else from one snapshot of Postgres. */
export async function readStatus(db: Database, tables: Tables, kafka: Kafka, admin: Admin, topic: string): Promise<Status> {
  const topics = await admin.listTopics();
  const { drops } = topics.includes(dropsTopic(topic)) ? await readDrops(kafka, topic) : { drops: [] };
  const offsets = topics.includes(topic) ? await topicOffsets(admin, topic) : [];
  await db.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const books = new Map((await readBooks(db, tables, topic)).map(b => [b.drop_id as string, b]));
  const positions = await db.query(`SELECT partition, next_offset FROM ${tables.positions} WHERE topic = $1`, [topic]);
  const staging = Number((await db.query(`SELECT count(*) AS n FROM ${tables.userStaging}`)).rows[0].n);
  const rejects = await db.query(
    `SELECT kind, code, path, count(*) AS n FROM ${tables.rejects} WHERE topic = $1 AND settled IS NULL GROUP BY 1, 2, 3 ORDER BY n DESC, code, path`,
    [topic],
  );
  const counted = await tableRows(db, tables);
  const drift = await readDrift(db, tables, topic);
  const due = await readRebuildDue(db, tables);
  await db.query('COMMIT');
  const copy = await readRebuildState(db, tables);

  const at = new Map(positions.rows.map(r => [Number(r.partition), Number(r.next_offset)]));
  const partitions = offsets.map(({ partition, low, end }) => {
    const position = at.get(partition) ?? low;
    return { partition, position, end, lag: Math.max(0, end - position) };
  });
  const told: DropStatus[] = drops.map(state => {
    const m = state.manifest;
    const b = books.get(m.id);
    const refused = refusedOf(m.files);
    books.delete(m.id);
    const [loaded, bypassed, rejected] = [Number(b?.loaded ?? 0), Number(b?.bypassed ?? 0), Number(b?.rejected ?? 0)];
    const published = Math.max(publishedOrders(state), m.state === 'published' ? 0 : loaded + bypassed + rejected);
    const waiting = published - loaded - bypassed - rejected;
    return {
      drop: m.id,
      name: m.name,
      state: m.state,
      files: m.files.length,
      broken_files: refused.brokenFiles,
      oversize_orders: refused.oversizeOrders,
      published,
      loaded,
      bypassed,
      rejected,
      line_items: Number(b?.line_items ?? 0),
      waiting,
      complete: m.state === 'published' && waiting === 0,
      drift: drift.get(m.id) ?? null,
      notes: null,
      started_at: m.startedAt,
      finished_at: m.finishedAt,
    };
  });
  const notes = await readNotes(
    db,
    tables,
    topic,
    told.filter(d => d.complete).map(d => d.drop),
  );
  for (const d of told) d.notes = notes.get(d.drop) ?? null;
  for (const b of books.values()) {
    const [loaded, bypassed, rejected] = [Number(b.loaded), Number(b.bypassed), Number(b.rejected)];
    told.push({
      drop: b.drop_id,
      name: b.drop_id === '' ? '(other producers)' : '(unknown drop)',
      state: 'other',
      files: Number(b.files),
      broken_files: 0,
      oversize_orders: 0,
      published: loaded + bypassed + rejected,
      loaded,
      bypassed,
      rejected,
      line_items: Number(b.line_items),
      waiting: 0,
      complete: true,
      drift: null,
      notes: null,
      started_at: null,
      finished_at: null,
    });
  }
  const ofKind = (kind: string) => rejects.rows.filter(r => r.kind === kind).reduce((n, r) => n + Number(r.n), 0);
  return {
    topic,
    drops: told,
    partitions,
    lag: partitions.reduce((n, p) => n + p.lag, 0),
    staging,
    rejects: {
      orders: ofKind('order'),
      files: ofKind('file'),
      by_reason: rejects.rows.map(r => ({ code: r.code, path: r.path, count: Number(r.n) })),
    },
    tables: counted,
    rebuild: copy,
    rebuild_due: due,
  };
}

/** The books of each drop of a topic. */
export async function readBooks(db: Database, tables: Tables, topic: string): Promise<Record<string, string>[]> {
  const { rows } = await db.query(
    // by file first: of 400 drops that is half the time, as nothing is sorted
    `SELECT f.drop_id, count(*) AS files, sum(loaded) AS loaded, sum(bypassed) AS bypassed, sum(rejected) AS rejected, sum(line_items) AS line_items
       FROM (SELECT file_no, sum(loaded) AS loaded, sum(bypassed) AS bypassed, sum(rejected) AS rejected, sum(line_items) AS line_items
               FROM ${tables.books} GROUP BY file_no) b JOIN ${tables.dropFiles} f USING (file_no) WHERE f.topic = $1 GROUP BY f.drop_id`,
    [topic],
  );
  return rows;
}

/** Rows of each of the analysts' tables; month tables by the books, which are exact and cost nothing. */
async function tableRows(db: Database, tables: Tables): Promise<TableStatus[]> {
  const months = await db.query(
    `SELECT month, sum(loaded) AS n FROM ${tables.books} WHERE month <> '' AND loaded > 0 GROUP BY month ORDER BY month`,
  );
  const items = await db.query(`SELECT coalesce(sum(line_items), 0) AS n FROM ${tables.books}`);
  return [
    ...months.rows.map(r => ({ table: monthTable(r.month), rows: Number(r.n) })),
    { table: 'order_line_item_mapping', rows: Number(items.rows[0].n) },
    { table: 'user_stats', ...(await countUpTo(db, tables.userStats, MOST_COUNTED)) },
  ];
}

/** Rows that are counted one by one: in a tenth of a second, where 5 million took 1.8 s beside other work. */
const MOST_COUNTED = 1_000_000;

/** Rows of a table: counted up to `most` of them; beyond that as Postgres estimates them since it last looked (pg_class). */
export async function countUpTo(db: Database, relation: string, most: number): Promise<Omit<TableStatus, 'table'>> {
  const { rows } = await db.query(
    `SELECT (SELECT count(*) FROM (SELECT FROM ${relation} LIMIT $2 + 1) first) AS counted, reltuples::bigint AS estimate FROM pg_class WHERE oid = $1::regclass`,
    [relation, most],
  );
  const counted = Number(rows[0].counted);
  return counted <= most ? { rows: counted } : { rows: Math.max(counted, Number(rows[0].estimate)), estimated: true };
}
