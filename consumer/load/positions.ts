/** The place in the topic up to which everything is in the tables. Postgres holds it; the group's committed offsets are for display. */
import { TopicError } from '../../shared/errors.js';
import type { TopicOffsets } from '../../shared/kafka.js';
import { pause } from '../../shared/outage.js';
import type { Segment } from '../intake/batch.js';
import type { Tables } from '../schema/tables.js';
import type { Database } from './database.js';

/** Next offset by partition. */
export type Positions = Map<number, number>;

export async function readPositions(db: Database, tables: Tables, topic: string): Promise<Positions> {
  const { rows } = await db.query(`SELECT partition, next_offset FROM ${tables.positions} WHERE topic = $1`, [topic]);
  return new Map(rows.map(r => [Number(r.partition), Number(r.next_offset)]));
}

/** Milliseconds of untilSettled between two looks, and in all: what takes longer may hang. */
const SETTLE_WAIT = 10;
const SETTLE_DEADLINE = 500;

/**
 * Waits, not for long, while transactions that move these positions are under way. Whoever takes partitions over in the middle of the batches of
 * their last owner would fetch these once more, make their rows and learn by the fence that it was for nothing: 0.6 s of a second worker's start.
 */
export async function untilSettled(
  db: Database,
  tables: Tables,
  topic: string,
  partitions: readonly number[],
  signal: AbortSignal,
): Promise<void> {
  const began = performance.now();
  while (partitions.length > 0 && !signal.aborted && performance.now() - began < SETTLE_DEADLINE) {
    const { rowCount } = await db.query(
      `SELECT FROM ${tables.positions} WHERE topic = $1 AND partition = ANY ($2::int[]) FOR SHARE SKIP LOCKED`,
      [topic, partitions],
    );
    if (rowCount === partitions.length) return;
    await pause(SETTLE_WAIT, signal);
  }
}

/**
 * Ties the positions to the present incarnation of the topic, and gives partitions that have no position yet their first one.
 *
 * @param offsets what the broker holds
 * @param before the positions as they were before the broker was asked: by now other workers may have loaded beyond the end that it told of
 * @throws TopicError when the positions belong to another incarnation, or when offsets that were never loaded are gone
 */
export async function claimTopic(
  db: Database,
  tables: Tables,
  topic: string,
  topicId: string,
  offsets: TopicOffsets[],
  before: Positions,
  acceptGap = false,
): Promise<void> {
  await db.query(`INSERT INTO ${tables.topics} (topic, topic_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`, [topic, topicId]);
  const { rows } = await db.query(`SELECT topic_id, moved_to FROM ${tables.topics} WHERE topic = $1`, [topic]);
  if (rows[0].moved_to !== null) throw moved(topic, rows[0].moved_to);
  if (rows[0].topic_id !== topicId) throw madeAnew(topic);
  const positions = await readPositions(db, tables, topic);
  const fresh = offsets.filter(o => !positions.has(o.partition));
  if (fresh.length > 0) {
    await db.query(
      `INSERT INTO ${tables.positions} (topic, partition, next_offset) SELECT $1, * FROM unnest($2::int[], $3::bigint[]) ON CONFLICT DO NOTHING`,
      [topic, fresh.map(o => o.partition), fresh.map(() => 0)],
    );
    for (const o of fresh) positions.set(o.partition, 0);
  }
  if (acceptGap) await passGaps(db, tables, topic, positions, offsets);
  for (const { partition, low, end } of offsets) {
    checkPosition(topic, partition, positions.get(partition)!, low, Infinity);
    checkPosition(topic, partition, before.get(partition) ?? 0, 0, end);
  }
  await checkAgainstBatches(db, tables, topic);
  const missing = [...positions.keys()].filter(p => !offsets.some(o => o.partition === p));
  if (missing.length > 0)
    throw new TopicError(`the topic "${topic}" has no partition ${missing.join(', ')}, to which positions in Postgres belong`, {
      hint: 'is this the right topic and broker?',
    });
}

/**
 * A position moves in the transaction that writes its batch, so both agree, unless somebody has set the position by hand: behind its batches
 * messages would be counted twice, before them some would be left out.
 */
async function checkAgainstBatches(db: Database, tables: Tables, topic: string): Promise<void> {
  const { rows } = await db.query(
    `SELECT p.partition, p.next_offset, b.to_offset FROM ${tables.positions} p CROSS JOIN LATERAL (
       SELECT to_offset FROM ${tables.batches} b WHERE b.topic = p.topic AND b.partition = p.partition ORDER BY from_offset DESC LIMIT 1) b
      WHERE p.topic = $1 AND p.next_offset <> b.to_offset ORDER BY p.partition LIMIT 1`,
    [topic],
  );
  if (rows.length === 0) return;
  const [{ partition, next_offset, to_offset }] = rows;
  throw new TopicError(
    `partition ${partition} of "${topic}" stands at offset ${next_offset}, and its batches go up to ${to_offset}: the position was set by hand`,
    { hint: '`glossier rebuild` sets it right' },
  );
}

/** @throws TopicError when the topic's positions were moved to a copy of it */
export async function checkMoved(db: Database, tables: Tables, topic: string): Promise<void> {
  const { rows } = await db.query(`SELECT moved_to FROM ${tables.topics} WHERE topic = $1`, [topic]);
  if (rows.length > 0 && rows[0].moved_to !== null) throw moved(topic, rows[0].moved_to);
}

/** What to say where the topic itself tells so, and the positions here were not moved with it: another database loads from it, too. */
export function movedOn(topic: string, to: string): TopicError {
  return new TopicError(`the topic "${topic}" was moved to "${to}", and the positions of this database were not`, {
    hint: `glossier copy-topic ${to} --move takes them there`,
  });
}

function moved(topic: string, to: string): TopicError {
  return new TopicError(`the topic "${topic}" was moved to "${to}"`, {
    hint: `start with ORDERS_TOPIC=${to}; nothing is lost or loaded twice`,
  });
}

/** What to say of a topic that is not the one whose positions are here. */
export function madeAnew(topic: string, more = ''): TopicError {
  return new TopicError(`the topic "${topic}" was deleted and made anew: its positions in Postgres belong to the old one`, {
    hint: more || 'load the new topic into an empty database, set ORDERS_TOPIC to another one, or glossier rebuild --accept-topic',
  });
}

/** Was this batch committed by this worker? */
export async function wasLoadedBy(db: Database, tables: Tables, topic: string, worker: string, segments: Segment[]): Promise<boolean> {
  const { rows } = await db.query(
    `SELECT count(*) AS n FROM ${tables.batches} JOIN unnest($3::int[], $4::bigint[], $5::bigint[]) AS s (partition, from_offset, to_offset)
      USING (partition, from_offset, to_offset) WHERE topic = $1 AND worker = $2`,
    [topic, worker, segments.map(s => s.partition), segments.map(s => s.from), segments.map(s => s.to)],
  );
  return Number(rows[0].n) === segments.length;
}

/** Moves positions over messages that are gone, on a person's word; the batches table keeps that it was so. */
async function passGaps(db: Database, tables: Tables, topic: string, positions: Positions, offsets: TopicOffsets[]): Promise<void> {
  for (const { partition, low } of offsets) {
    const position = positions.get(partition)!;
    if (position >= low) continue;
    await db.query(
      `WITH moved AS (UPDATE ${tables.positions} SET next_offset = $4, updated_at = now() WHERE topic = $1 AND partition = $2 AND next_offset = $3 RETURNING 1)
       INSERT INTO ${tables.batches} (topic, partition, from_offset, to_offset, messages, worker, version) SELECT $1, $2, $3, $4, 0, 'accepted gap', '' FROM moved`,
      [topic, partition, position, low],
    );
    positions.set(partition, low);
  }
}

/** A position must lie within what the broker has; kafkajs would silently go to the beginning or the end otherwise. */
export function checkPosition(topic: string, partition: number, position: number, low: number, end: number): void {
  if (position < low) {
    throw new TopicError(
      `partition ${partition} of "${topic}" begins at offset ${low}, and the tables hold it only up to ${position}: ${low - position} message(s) are gone`,
      {
        hint: 'restore them, or go on without them with --accept-gap',
      },
    );
  }
  if (position > end) {
    throw new TopicError(
      `partition ${partition} of "${topic}" ends at offset ${end}, and the tables hold it up to ${position}: the broker has lost messages or it is another topic`,
      {
        hint: 'is this the right broker? then glossier rebuild brings the tables to what the topic holds',
      },
    );
  }
}

/**
 * Compare and set: moves the positions of all segments, if and only if each is still where its segment begins. Locks the rows to the
 * transaction's end, which fences every other owner.
 *
 * @returns false when another owner was here
 */
export async function movePositions(db: Database, tables: Tables, topic: string, topicId: string, segments: Segment[]): Promise<boolean> {
  const { rowCount } = await db.query(
    `UPDATE ${tables.positions} p SET next_offset = n.to_offset, updated_at = now()
       FROM unnest($3::int[], $4::bigint[], $5::bigint[]) AS n (partition, from_offset, to_offset), ${tables.topics} t
      WHERE p.topic = $1 AND p.partition = n.partition AND p.next_offset = n.from_offset AND t.topic = $1 AND t.topic_id = $2`,
    [topic, topicId, segments.map(s => s.partition), segments.map(s => s.from), segments.map(s => s.to)],
  );
  return rowCount === segments.length;
}
