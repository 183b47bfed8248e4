/** Moves positions, books and places from a topic to a copy of it, in one transaction: from its COMMIT on workers load from the copy alone. */
import { ServiceError } from '../../shared/errors.js';
import type { Database } from '../load/database.js';
import { checkMoved, madeAnew } from '../load/positions.js';
import { lockMerges } from '../merge/merge-users.js';
import type { Tables } from '../schema/tables.js';

export interface MoveOptions {
  from: { topic: string; topicId: string };
  to: { topic: string; topicId: string };
  /** Completes the copy, while nobody can load: throws when the two do not end at the same offsets. */
  complete: () => Promise<void>;
}

/** Milliseconds: every row of the books names the topic. */
const LONG = 60 * 60_000;

/** @throws TopicError when it was moved before, or is another topic; ServiceError when orders of the copy are loaded already */
export async function moveTopic(db: Database, t: Tables, { from, to, complete }: MoveOptions): Promise<void> {
  await db.query(
    "BEGIN; SET LOCAL lock_timeout = '30s'; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0",
  );
  try {
    await lockMerges(db, t);
    await checkMoved(db, t, from.topic);
    const { rows } = await db.query(`SELECT topic_id FROM ${t.topics} WHERE topic = $1 FOR UPDATE`, [from.topic]);
    if (rows.length > 0 && rows[0].topic_id !== from.topicId) throw madeAnew(from.topic);
    const other = await db.query(`SELECT FROM ${t.positions} WHERE topic = $1 AND next_offset > 0`, [to.topic]);
    if (other.rows.length > 0)
      throw new ServiceError(`orders of "${to.topic}" are in the tables already`, { hint: 'copy the topic to one that nobody loads from' });
    await db.query(`SELECT FROM ${t.positions} WHERE topic = $1 ORDER BY partition FOR UPDATE`, [from.topic]);
    await complete();
    await db.query(`DELETE FROM ${t.topics} WHERE topic = $1`, [to.topic]);
    await db.query(`INSERT INTO ${t.topics} (topic, topic_id) VALUES ($1, $2)`, [to.topic, to.topicId]);
    await db.query(
      `INSERT INTO ${t.topics} AS o (topic, topic_id, moved_to) VALUES ($1, $2, $3) ON CONFLICT (topic) DO UPDATE SET moved_to = excluded.moved_to`,
      [from.topic, from.topicId, to.topic],
    );
    for (const table of [t.positions, t.batches, t.dropFiles, t.drops, t.publishedFiles, t.dropFields, t.rejects])
      await db.query(`UPDATE ${table} SET topic = $2 WHERE topic = $1`, [from.topic, to.topic], LONG);
    await db.query('COMMIT', undefined, LONG);
  } catch (error) {
    await db.rollback();
    throw error;
  }
}
