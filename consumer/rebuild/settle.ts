/** The last step of a rebuild, behind the lock on the positions: the differences found, and applied or only told. */
import type { TopicOffsets } from '../../shared/kafka.js';
import { Database } from '../load/database.js';
import type { Link } from '../load/link.js';
import { madeAnew, type Positions, readPositions } from '../load/positions.js';
import { foldStaged, lockMerges, noteMerge } from '../merge/merge-users.js';
import { MonthTables } from '../schema/month-table.js';
import { Tables } from '../schema/tables.js';
import { applyBatches, applyDifferences } from './apply.js';
import { COPY_TABLES, monthsOf } from './copy-schema.js';
import { findDifferences, LONG, type TableDifference } from './difference.js';
import { allRelations, type MonthPlace, monthRelations, type Relation } from './relations.js';

/** Topics other than this one whose orders are in the tables. */
export async function readOtherTopics(db: Database, live: Tables, topic: string): Promise<string[]> {
  const { rows } = await db.query(
    `SELECT DISTINCT topic FROM ${live.dropFiles} WHERE topic <> $1 AND file_no IN (SELECT file_no FROM ${live.books} WHERE loaded > 0) ORDER BY 1`,
    [topic],
  );
  return rows.map(r => r.topic);
}

/**
 * Keeps workers from moving on until the transaction ends. Merges and the sync of drops are kept out as well when something is to be changed.
 *
 * @throws TopicError when the positions belong to another incarnation of the topic
 */
export async function lockPositions(
  db: Database,
  live: Tables,
  topic: string,
  topicId: string,
  offsets: readonly TopicOffsets[],
  strength: 'SHARE' | 'UPDATE',
): Promise<Positions> {
  if (strength === 'UPDATE') {
    await lockMerges(db, live);
    await db.query(`INSERT INTO ${live.topics} (topic, topic_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`, [topic, topicId]);
    const { rows } = await db.query(`SELECT topic_id FROM ${live.topics} WHERE topic = $1 FOR UPDATE`, [topic]);
    if (rows[0]?.topic_id !== topicId) throw madeAnew(topic);
    // a row that is not there cannot be locked
    await db.query(
      `INSERT INTO ${live.positions} (topic, partition, next_offset) SELECT $1, *, 0 FROM unnest($2::int[]) ON CONFLICT DO NOTHING`,
      [topic, offsets.map(o => o.partition)],
    );
  }
  await db.query(`SELECT FROM ${live.positions} WHERE topic = $1 ORDER BY partition FOR ${strength}`, [topic]);
  return readPositions(db, live, topic);
}

/** Finds and applies the differences in the transaction that holds the positions, and commits. */
export async function applyLocked(
  db: Database,
  live: Tables,
  aside: Link,
  topic: string,
  month: string | undefined,
): Promise<TableDifference[]> {
  // outside of this transaction: made inside, a month table would be locked for all others until its end
  const wanted = month === undefined ? await monthsOf(db, COPY_TABLES) : [month];
  await aside.use(other => new MonthTables(live).ensure(other, wanted));
  await db.query('SET LOCAL row_security = off'); // rows that a policy hides must not be taken for missing ones
  if (month === undefined) {
    const folded = await foldStaged(db, live);
    if (folded.staged > 0) await noteMerge(db, live, folded);
  }
  const relations = await relationsOf(db, live, live, month);
  const found = await findDifferences(db, relations);
  await applyDifferences(db, relations, found);
  if (month === undefined) {
    await applyBatches(db, live, COPY_TABLES);
    await db.query(
      `UPDATE ${live.topics} t SET drops_next_offset = c.drops_next_offset FROM ${COPY_TABLES.topics} c WHERE t.topic = $1 AND c.topic = $1`,
      [topic],
    );
    const users = found.find(f => f.table === 'user_stats')!;
    if (users.added + users.removed + users.changed > 0)
      await noteMerge(db, live, { staged: 0, inserted: users.added, updated: users.changed + users.removed });
  }
  await db.query('COMMIT', undefined, LONG);
  return found;
}

/**
 * Finds the differences on a snapshot that is taken while the positions are locked, and lets go of the lock at once: however long the
 * comparison takes, workers wait only for the rest of the replay.
 */
export async function compareSnapshot(
  databaseUrl: string,
  guard: Database,
  live: Tables,
  topic: string,
  month: string | undefined,
): Promise<TableDifference[]> {
  const db = await Database.connect(databaseUrl, 'glossier rebuild');
  try {
    await db.query(
      `BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL row_security = off`,
    );
    await readPositions(db, live, topic); // the first statement takes the snapshot
    await guard.query('COMMIT');
    const users = await foldAside(db, live);
    const synced = await isSynced(db, live, topic);
    const relations = await relationsOf(db, live, users, month);
    // what the drops topic tells comes into the tables by itself, a little later than the orders
    const told = relations.filter(r => synced || (r.name !== live.drops && r.rows !== "kind = 'file'"));
    const found = await findDifferences(db, told);
    await db.query('ROLLBACK');
    return found;
  } finally {
    await db.end();
  }
}

async function isSynced(db: Database, live: Tables, topic: string): Promise<boolean> {
  const { rows } = await db.query(
    `SELECT l.drops_next_offset = c.drops_next_offset AS same FROM ${live.topics} l JOIN ${COPY_TABLES.topics} c USING (topic) WHERE topic = $1`,
    [topic],
  );
  return rows[0]?.same === 't';
}

/** user_stats as the next merge would leave it, in temporary tables. */
async function foldAside(db: Database, live: Tables): Promise<Tables> {
  const aside = new Tables('pg_temp', 'pg_temp');
  for (const [name, key] of [
    ['userStats', ', PRIMARY KEY (user_id)'],
    ['userNewest', ', PRIMARY KEY (user_id)'],
    ['userStaging', ''],
  ] as const) {
    await db.query(`CREATE TEMP TABLE ${aside[name]} (LIKE ${live[name]}${key}) ON COMMIT DROP`);
    await db.query(`INSERT INTO ${aside[name]} SELECT * FROM ${live[name]}`, undefined, LONG);
  }
  await foldStaged(db, aside);
  return aside;
}

async function relationsOf(db: Database, live: Tables, users: Tables, month: string | undefined): Promise<Relation[]> {
  const [inLive, inCopy] = [new Set(await monthsOf(db, live)), new Set(await monthsOf(db, COPY_TABLES))];
  const place = (m: string): MonthPlace => ({ month: m, inLive: inLive.has(m), inCopy: inCopy.has(m) });
  if (month !== undefined) return monthRelations(live, COPY_TABLES, place(month));
  return allRelations(live, COPY_TABLES, users, [...new Set([...inLive, ...inCopy])].sort().map(place));
}
