/** The last step of a rebuild, behind the lock on the positions: the differences found, and applied or only told. */
import type { TopicOffsets } from '../../shared/kafka.js';
import { Database } from '../load/database.js';
import type { Link } from '../load/link.js';
import { madeAnew, type Positions, readPositions } from '../load/positions.js';
import { foldStaged, lockMerges, noteMerge } from '../merge/merge-users.js';
import { MonthTables } from '../schema/month-table.js';
import { clearRebuildDue, type RebuildDue } from '../schema/rebuild-due.js';
import { monthOfTable, quote, STAGING_COLUMNS, Tables, USER_COLUMNS } from '../schema/tables.js';
import { applyBatches, applyDifferences } from './apply.js';
import { monthsOf } from './copy-schema.js';
import { findDifferences, LONG, type TableDifference } from './difference.js';
import type { RebuildStep } from './progress.js';
import { allRelations, type MonthPlace, monthRelations, type Relation, USER_NEWEST_COLUMNS } from './relations.js';
import { countDoubled, type Fault, finishFaults, mendFaults, readable, withFaults } from './structure.js';

/** Told how many relations of how many a step is through with. */
export type StepDone = (step: RebuildStep, done: number, total: number) => Promise<void>;

/** Topics other than this one whose orders are in the tables. */
export async function readOtherTopics(db: Database, live: Tables, topic: string): Promise<string[]> {
  const { rows } = await db.query(
    `SELECT DISTINCT topic FROM ${live.dropFiles} WHERE topic <> $1 AND file_no IN (SELECT file_no FROM ${live.books} WHERE loaded > 0) ORDER BY 1`,
    [topic],
  );
  return rows.map(r => r.topic);
}

/**
 * Keeps workers from moving on until the transaction ends; those of another topic or incarnation, where that is accepted, end. Merges and the sync of drops are kept out as well when something is to be changed.
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
  acceptTopic: boolean,
): Promise<Positions> {
  if (strength === 'UPDATE') {
    await lockMerges(db, live);
    if (acceptTopic) {
      await db.query(`DELETE FROM ${live.topics} WHERE topic <> $1`, [topic]);
      await db.query(`UPDATE ${live.topics} SET topic_id = $2, drops_next_offset = 0 WHERE topic = $1 AND topic_id <> $2`, [
        topic,
        topicId,
      ]);
    }
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
  faults: readonly Fault[],
  due: readonly RebuildDue[],
  told: StepDone,
): Promise<TableDifference[]> {
  // outside of this transaction: made inside, a month table would be locked for all others until its end
  const wanted = month === undefined ? await monthsOf(db, live.copy) : [month];
  await aside.use(other => new MonthTables(live).ensure(other, wanted));
  await db.query('SET LOCAL row_security = off'); // rows that a policy hides must not be taken for missing ones
  const doubled = await countDoubled(db, faults);
  await mendFaults(db, faults);
  if (month === undefined) {
    const folded = await foldStaged(db, live);
    if (folded.staged > 0) await noteMerge(db, live, folded);
  }
  const relations = await relationsOf(db, live, live, month, []);
  const found = await findDifferences(db, relations, (done, total) => told('comparing', done, total));
  await applyDifferences(db, relations, found, (done, total) => told('applying', done, total));
  await finishFaults(db, faults);
  if (month === undefined) {
    await applyBatches(db, live, live.copy);
    await clearRebuildDue(db, live, due);
    await db.query(
      `UPDATE ${live.topics} t SET drops_next_offset = c.drops_next_offset FROM ${live.copy.topics} c WHERE t.topic = $1 AND c.topic = $1`,
      [topic],
    );
    const users = found.find(f => f.table === 'user_stats')!;
    if (users.added + users.removed + users.changed > 0)
      await noteMerge(db, live, { staged: 0, inserted: users.added, updated: users.changed + users.removed });
  }
  for (const [at, { removed, added, changed }] of found.entries()) {
    const name = found[at].table;
    if (removed > 0 && added + changed === 0 && monthOfTable(name) !== null)
      await dropEmptied(db, live.month(monthOfTable(name)!), live.orders);
  }
  await db.query('COMMIT', undefined, LONG);
  return withFaults(found, faults, doubled);
}

/** As migration 0008 comments every month table. */
const MONTH_COMMENT = "Orders of this month, by the date in their file's name; without one, by processed_at in UTC. One row an order.";

/** A month of which nothing is left would not be there; where anybody has added anything to it that orders has not, it stays, empty. */
async function dropEmptied(db: Database, month: string, orders: string): Promise<void> {
  const { rows } = await db.query(
    `SELECT EXISTS (SELECT FROM ${month}) OR relrowsecurity OR EXISTS (
         SELECT grantee, privilege_type FROM aclexplode(c.relacl) WHERE grantee <> c.relowner
         EXCEPT SELECT grantee, privilege_type FROM pg_class o, aclexplode(o.relacl) WHERE o.oid = to_regclass($3)) OR relhastriggers OR coalesce(obj_description(oid, 'pg_class'), $2) <> $2
       OR (SELECT count(*) FROM pg_index WHERE indrelid = c.oid) > 1 AS kept FROM pg_class c WHERE oid = to_regclass($1)`,
    [month, MONTH_COMMENT, orders],
  );
  if (rows[0].kept === 't') return;
  await db.query('SAVEPOINT emptied');
  await db.query(`DROP TABLE ${month}`).catch(() => db.query('ROLLBACK TO SAVEPOINT emptied'));
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
  faults: readonly Fault[],
  told: StepDone,
): Promise<TableDifference[]> {
  const db = await Database.connect(databaseUrl, 'glossier rebuild');
  try {
    await db.query(
      `BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL row_security = off`,
    );
    await readPositions(db, live, topic); // the first statement takes the snapshot
    await guard.query('COMMIT');
    const users = await foldAside(db, live, faults);
    const synced = await isSynced(db, live, topic);
    const relations = await relationsOf(db, live, users, month, faults);
    // what the drops topic tells comes into the tables by itself, a little later than the orders
    const known = relations.filter(r => synced || (r.name !== live.drops && r.rows !== "kind = 'file'"));
    const found = await findDifferences(db, known, (done, total) => told('comparing', done, total));
    const doubled = await countDoubled(db, faults);
    await db.query('ROLLBACK');
    return withFaults(found, faults, doubled);
  } finally {
    await db.end();
  }
}

async function isSynced(db: Database, live: Tables, topic: string): Promise<boolean> {
  const { rows } = await db.query(
    `SELECT l.drops_next_offset = c.drops_next_offset AS same FROM ${live.topics} l JOIN ${live.copy.topics} c USING (topic) WHERE topic = $1`,
    [topic],
  );
  return rows[0]?.same === 't';
}

/** user_stats as the next merge would leave it, in temporary tables. */
async function foldAside(db: Database, live: Tables, faults: readonly Fault[]): Promise<Tables> {
  const aside = new Tables('pg_temp', 'pg_temp');
  for (const [name, columns, keyed] of [
    ['userStats', USER_COLUMNS, true],
    ['userNewest', USER_NEWEST_COLUMNS, true],
    ['userStaging', STAGING_COLUMNS, false],
  ] as const) {
    const from = readable(live[name], live.copy[name], columns, faults);
    await db.query(
      `CREATE TEMP TABLE ${aside[name]} ON COMMIT DROP AS SELECT ${columns.map(quote).join(', ')} FROM ${from}`,
      undefined,
      LONG,
    );
    if (keyed) await db.query(`ALTER TABLE ${aside[name]} ADD PRIMARY KEY (user_id)`, undefined, LONG);
  }
  await foldStaged(db, aside);
  return aside;
}

/** @param faults what cannot be compared as it stands, where nothing is mended */
async function relationsOf(
  db: Database,
  live: Tables,
  users: Tables,
  month: string | undefined,
  faults: readonly Fault[],
): Promise<Relation[]> {
  const [inLive, inCopy] = [new Set(await monthsOf(db, live)), new Set(await monthsOf(db, live.copy))];
  const place = (m: string): MonthPlace => ({ month: m, inLive: inLive.has(m), inCopy: inCopy.has(m) });
  if (month !== undefined) return monthRelations(live, live.copy, place(month));
  const all = allRelations(live, live.copy, users, [...new Set([...inLive, ...inCopy])].sort().map(place));
  if (faults.length === 0) return all;
  return all.map(r => (r.live === null ? r : { ...r, live: readable(r.live, r.copy!, [...r.key, ...r.columns], faults) }));
}
