/** Brings what the drops topic says of each drop into Postgres, where SQL can ask for it; broken files become rejects of kind `file`. */
import { type DropState, DropStates } from '../../shared/drop-record.js';
import { dropsTopic, type Kafka, readPartition } from '../../shared/kafka.js';
import type { Tables } from '../schema/tables.js';
import type { Database } from './database.js';

/** Reads the drops topic from an offset on. @returns the drops that were told of, and where to go on */
export async function readDrops(kafka: Kafka, topic: string, from = 0): Promise<DropNews> {
  const states = new DropStates();
  const next = await readPartition(kafka, dropsTopic(topic), 0, from, r => states.add(r.key?.toString() ?? null, r.value));
  return { drops: [...states.drops.values()], next };
}

export interface DropNews {
  drops: DropState[];
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
 * @returns how many broken files were not known before
 */
export async function writeDrops(db: Database, tables: Tables, topic: string, { drops, next }: DropNews): Promise<number> {
  let brokenFiles = 0;
  await db.query('BEGIN');
  try {
    await db.query(`SELECT FROM ${tables.topics} WHERE topic = $1 FOR UPDATE`, [topic]);
    for (const { manifest: m } of drops) {
      const broken = m.files.filter(f => f.fault);
      await db.query(
        `INSERT INTO ${tables.drops} AS d (topic, drop_id, name, sha256, bytes, state, files, broken_files, orders, started_at, finished_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (topic, drop_id) DO UPDATE SET state = excluded.state, files = excluded.files, broken_files = excluded.broken_files,
           orders = excluded.orders, finished_at = excluded.finished_at WHERE d.state <> 'published'`,
        [topic, m.id, m.name, m.sha256, m.bytes, m.state, m.files.length, broken.length, m.orders, m.startedAt, m.finishedAt],
      );
      for (const f of broken) {
        const { rowCount } = await db.query(
          `INSERT INTO ${tables.rejects} (kind, topic, drop_id, file, order_index, code, path, reason)
           VALUES ('file', $1, $2, $3, $4, 'broken_file', '', $5) ON CONFLICT DO NOTHING`,
          [topic, m.id, f.name, f.fault!.orders, `${f.fault!.reason} (byte ${f.fault!.byte}, behind ${f.fault!.orders} whole order(s))`],
        );
        brokenFiles += rowCount ?? 0;
      }
    }
    await db.query(`UPDATE ${tables.topics} SET drops_next_offset = greatest(drops_next_offset, $2) WHERE topic = $1`, [topic, next]);
    await db.query('COMMIT');
    return brokenFiles;
  } catch (error) {
    await db.rollback();
    throw error;
  }
}
