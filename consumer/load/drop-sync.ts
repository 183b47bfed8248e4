/**
 * Brings what the drops topic says of each drop into Postgres, where SQL can ask for it; broken files, and orders that were too
 * large to be published, become rejects of kind `file`.
 */
import { hashOfText } from '../../shared/content-hash.js';
import { type DropFile, type DropManifest, type DropState, DropStates, type ForgetRecord, refusedOf } from '../../shared/drop-record.js';
import { dropsTopic, type Kafka, readPartition } from '../../shared/kafka.js';
import type { RejectionCode } from '../../shared/rejection.js';
import type { Tables } from '../schema/tables.js';
import type { Database } from './database.js';

/** Reads the drops topic from an offset on. @returns the drops that were told of, and where to go on */
export async function readDrops(kafka: Kafka, topic: string, from = 0): Promise<DropNews> {
  const states = new DropStates();
  const next = await readPartition(kafka, dropsTopic(topic), 0, from, r => states.add(r.key?.toString() ?? null, r.value));
  return { drops: [...states.drops.values()], forgets: [...states.forgets.values()], movedTo: states.movedTo, next };
}

export interface DropNews {
  drops: DropState[];
  /** Users who are to be forgotten; forget/ carries it out. */
  forgets: ForgetRecord[];
  /** Where the topic was moved to, if it was. */
  movedTo: string | null;
  /** Offset to go on from. */
  next: number;
}

/** Up to where the drops topic is in Postgres. */
export async function dropsOffset(db: Database, tables: Tables, topic: string): Promise<number> {
  const { rows } = await db.query(`SELECT drops_next_offset FROM ${tables.topics} WHERE topic = $1`, [topic]);
  return Number(rows[0]?.drops_next_offset ?? 0);
}

/**
 * Writes what the drops topic told. Several workers may do it at once: the later one finds nothing to do.
 *
 * @returns how many broken files and oversize orders were not known before
 */
export async function writeDrops(db: Database, tables: Tables, topic: string, { drops, next }: DropNews): Promise<number> {
  let news = 0;
  await db.query('BEGIN');
  try {
    const here = await db.query(`SELECT moved_to FROM ${tables.topics} WHERE topic = $1 FOR UPDATE`, [topic]);
    // what a producer that was slow to notice tells there is told, and published, once more where the topic was moved to
    if (here.rows[0]?.moved_to != null) {
      await db.query('ROLLBACK');
      return 0;
    }
    for (const { manifest: m } of drops) {
      await db.query(
        `INSERT INTO ${tables.drops} AS d (topic, drop_id, name, sha256, bytes, state, files, broken_files, orders, started_at, finished_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (topic, drop_id) DO UPDATE SET state = excluded.state, files = excluded.files, broken_files = excluded.broken_files,
           orders = excluded.orders, finished_at = excluded.finished_at WHERE d.state <> 'published'`,
        [
          topic,
          m.id,
          m.name,
          m.sha256,
          m.bytes,
          m.state,
          m.files.length,
          refusedOf(m.files).brokenFiles,
          m.orders,
          m.startedAt,
          m.finishedAt,
        ],
      );
      await writePublished(db, tables, topic, m);
      for (const f of m.files) {
        for (const { code, index, reason } of fileRejects(f, m)) {
          const { rowCount } = await db.query(
            `INSERT INTO ${tables.rejects} (kind, topic, drop_id, file, order_index, code, path, reason)
             VALUES ('file', $1, $2, $3, $4, $5, '', $6) ON CONFLICT DO NOTHING`,
            [topic, m.id, f.name, index, code, reason],
          );
          news += rowCount ?? 0;
        }
      }
    }
    await db.query(`UPDATE ${tables.topics} SET drops_next_offset = greatest(drops_next_offset, $2) WHERE topic = $1`, [topic, next]);
    await db.query('COMMIT');
    return news;
  } catch (error) {
    await db.rollback();
    throw error;
  }
}

/** What was published of each file; nothing where the producer did not add it up. */
async function writePublished(db: Database, tables: Tables, topic: string, { id, state, files }: DropManifest): Promise<void> {
  const told = files.flatMap(({ name, orders, sums }) => {
    const content = hashOfText(sums?.content ?? '');
    return state !== 'published' || sums === undefined || content === null ? [] : [{ name, orders, ...sums, content }];
  });
  if (told.length === 0) return;
  await db.query(
    `INSERT INTO ${tables.publishedFiles} (topic, drop_id, file, orders, bytes, line_items, total_price, content)
     SELECT $1, $2, * FROM unnest($3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::numeric[], $8::numeric[]) ON CONFLICT DO NOTHING`,
    [
      topic,
      id,
      told.map(f => f.name),
      told.map(f => f.orders),
      told.map(f => f.bytes),
      told.map(f => f.items),
      told.map(f => f.price),
      told.map(f => f.content.toString()),
    ],
  );
}

interface FileReject {
  code: RejectionCode;
  index: number | null;
  reason: string;
}

/** What of a file was not published, in words. */
function fileRejects({ fault, oversize }: DropFile, { maxOrderBytes }: DropManifest): FileReject[] {
  const rejects: FileReject[] = [];
  if (fault) {
    const { reason, byte, orders } = fault;
    rejects.push({ code: 'broken_file', index: orders, reason: `${reason} (byte ${byte}, behind ${orders} whole order(s))` });
  }
  if (oversize) {
    const limit = `more than MAX_ORDER_BYTES (${maxOrderBytes}): raise it, and max.message.bytes of the topic, then publish with --again`;
    for (const { index, byte, bytes } of oversize.first)
      rejects.push({
        code: 'too_large',
        index,
        reason: `order ${index} is ${megabytes(bytes)} (${bytes} bytes from byte ${byte} on), ${limit}`,
      });
    const others = oversize.count - oversize.first.length;
    if (others > 0) rejects.push({ code: 'too_large', index: null, reason: `${others} more order(s) of the file are each ${limit}` });
  }
  return rejects;
}

function megabytes(bytes: number): string {
  return bytes < 100_000 ? `${(bytes / 1000).toFixed(1)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
