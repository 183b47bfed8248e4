/** Moves positions, books and places from a topic to a copy of it, in one transaction: from its COMMIT on workers load from the copy alone. */

import type { ForgetRecord } from '../../shared/drop-record.js';
import { ServiceError } from '../../shared/errors.js';
import type { Database } from '../load/database.js';
import { readForgotten } from '../load/forgotten-users.js';
import { checkMoved, madeAnew } from '../load/positions.js';
import { lockMerges } from '../merge/merge-users.js';
import type { Tables } from '../schema/tables.js';
import type { ForgottenUsers } from '../transform/forgotten.js';

export interface MoveOptions {
  from: { topic: string; topicId: string };
  to: { topic: string; topicId: string };
  /**
   * Completes the copy, while nobody can load: throws when the two do not end at the same offsets, or when the copy has what is to be forgotten.
   * After it nothing is left that could fail but the COMMIT, as it tells producers that the topic was moved.
   */
  complete: (forgotten: ForgottenUsers, requests: ForgetRecord[]) => Promise<void>;
}

/** Milliseconds: every row of the books names the topic. */
const LONG = 60 * 60_000;

function tablesOf(t: Tables): string[] {
  return [t.positions, t.batches, t.dropFiles, t.drops, t.publishedFiles, t.dropFields, t.rejects];
}

/** Asks before hours of copying. @throws ServiceError where this user may not move a topic */
export async function checkMayMove(db: Database, t: Tables): Promise<void> {
  const { rows } = await db.query(
    `SELECT bool_and(has_table_privilege(name, 'UPDATE')) AND has_table_privilege($2, 'DELETE') AND has_table_privilege($3, 'DELETE') AND has_table_privilege($2, 'INSERT') AS may
       FROM unnest($1::text[]) AS name`,
    [[...tablesOf(t), t.topics, t.forgottenUsers], t.topics, t.positions],
  );
  if (rows[0].may !== 't')
    throw new ServiceError('this user of Postgres may not move a topic', {
      hint: 'run it as the owner of the tables, see "Roles" in the README',
    });
}

/** @throws TopicError when it was moved before, or is another topic; ServiceError when orders of the copy are loaded already */
export async function moveTopic(db: Database, t: Tables, { from, to, complete }: MoveOptions): Promise<void> {
  await db.query(
    "BEGIN; SET LOCAL lock_timeout = '30s'; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0",
  );
  try {
    await lockMerges(db, t);
    // a user who is forgotten from here on is so behind the COMMIT, in a database that is with the copy
    await db.query(`LOCK TABLE ${t.forgottenUsers} IN EXCLUSIVE MODE`);
    await checkMoved(db, t, from.topic);
    const { rows } = await db.query(`SELECT topic_id FROM ${t.topics} WHERE topic = $1 FOR UPDATE`, [from.topic]);
    if (rows.length > 0 && rows[0].topic_id !== from.topicId) throw madeAnew(from.topic);
    const other = await db.query(`SELECT FROM ${t.positions} WHERE topic = $1 AND next_offset > 0`, [to.topic]);
    if (other.rows.length > 0)
      throw new ServiceError(`orders of "${to.topic}" are in the tables already`, { hint: 'copy the topic to one that nobody loads from' });
    await db.query(`SELECT FROM ${t.positions} WHERE topic = $1 ORDER BY partition FOR UPDATE`, [from.topic]);
    // of a worker that was started too early
    for (const table of [t.positions, t.topics]) await db.query(`DELETE FROM ${table} WHERE topic = $1`, [to.topic]);
    await db.query(`INSERT INTO ${t.topics} (topic, topic_id) VALUES ($1, $2)`, [to.topic, to.topicId]);
    await db.query(
      `INSERT INTO ${t.topics} AS o (topic, topic_id, moved_to) VALUES ($1, $2, $3) ON CONFLICT (topic) DO UPDATE SET moved_to = excluded.moved_to`,
      [from.topic, from.topicId, to.topic],
    );
    for (const table of tablesOf(t)) await db.query(`UPDATE ${table} SET topic = $2 WHERE topic = $1`, [from.topic, to.topic], LONG);
    await complete((await readForgotten(db, t)).users, await readRequests(db, t));
    await db.query('COMMIT', undefined, LONG);
  } catch (error) {
    await db.rollback();
    throw error;
  }
}

async function readRequests(db: Database, { forgottenUsers }: Tables): Promise<ForgetRecord[]> {
  const { rows } = await db.query(
    `SELECT user_id, keeps, reason, to_char(requested_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at FROM ${forgottenUsers} ORDER BY no`,
  );
  return rows.map(r => ({ user: r.user_id, keeps: r.keeps, reason: r.reason, at: r.at }));
}
