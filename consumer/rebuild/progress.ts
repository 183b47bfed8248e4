/** How far a rebuild is: kept in the copy, where `status` finds it from elsewhere. */
import { errorCode } from '../../shared/errors.js';
import { grouped } from '../../shared/number-text.js';
import type { Database } from '../load/database.js';
import type { Tables } from '../schema/tables.js';
import { isLocked } from './copy-schema.js';

export type RebuildStep = 'replaying' | 'comparing' | 'applying';

/** `running`, or `abandoned`: its process has ended without dropping the copy. */
export interface RebuildState {
  state: 'running' | 'abandoned';
  /** Null while it begins. */
  step: RebuildStep | null;
  /** Of this step, in its unit. */
  done: number;
  of: number;
  unit: 'messages' | 'tables';
  /** Of a running one; null while nothing can be said. */
  per_second: number | null;
  seconds_left: number | null;
}

const PROGRESS_TABLE = 'rebuild_progress';
const progressOf = (live: Tables) => `${live.copySchema}.${PROGRESS_TABLE}`;

/** Within the transaction that makes the copy. Who may read the positions may read how far it is. */
export async function makeProgress(db: Database, live: Tables): Promise<void> {
  await db.query(`CREATE UNLOGGED TABLE ${progressOf(live)} (step text, since timestamptz, done bigint, total bigint, replayed_from bigint);
    INSERT INTO ${progressOf(live)} VALUES (NULL, now(), 0, 0, 0)`);
  const { rows } = await db.query(
    `SELECT DISTINCT CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END AS who
       FROM pg_class, aclexplode(relacl) WHERE oid = to_regclass($1) AND privilege_type = 'SELECT' AND grantee <> relowner`,
    [live.positions],
  );
  for (const { who } of rows)
    await db.query(
      `GRANT USAGE ON SCHEMA ${live.copySchema} TO ${who}; GRANT SELECT ON ${progressOf(live)}, ${live.copy.positions} TO ${who}`,
    );
}

/** Says that a step is so far; a step that is new begins now. How far the replay is stands in the copy's positions. */
export async function noteProgress(db: Database, live: Tables, step: RebuildStep, done: number, total: number): Promise<void> {
  await db.query(
    `UPDATE ${progressOf(live)} SET since = CASE WHEN step IS DISTINCT FROM $1 THEN now() ELSE since END, step = $1, done = $2, total = $3,
       replayed_from = CASE WHEN step IS NULL THEN (SELECT coalesce(sum(next_offset), 0) FROM ${live.copy.positions}) ELSE replayed_from END`,
    [step, done, total],
  );
}

/** What a rebuild of this database does now, or one has left behind; null where there is none. */
export async function readRebuildState(db: Database, live: Tables): Promise<RebuildState | null> {
  const { rows } = await db.query(
    'SELECT count(*) > 0 AS there FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid WHERE nspname = $1 AND relname = $2',
    [live.copySchema, PROGRESS_TABLE],
  );
  const locked = await isLocked(db, live);
  const begins: RebuildState = { state: 'running', step: null, done: 0, of: 0, unit: 'messages', per_second: null, seconds_left: null };
  if (rows[0].there !== 't') return locked ? begins : null;
  // it may be dropped at this moment
  const read = await db
    .query(
      `SELECT step, total, CASE WHEN step = 'replaying' THEN (SELECT coalesce(sum(next_offset), 0) FROM ${live.copy.positions}) - replayed_from ELSE done END AS done,
         extract(epoch FROM clock_timestamp() - since) AS seconds FROM ${progressOf(live)}`,
    )
    .catch(error => {
      if (errorCode(error) === '42P01') return null;
      if (errorCode(error) === '42501') return { rows: [] }; // somebody's who looks with fewer rights than there were when it began
      throw error;
    });
  if (read === null) return null;
  const [row] = read.rows;
  if (row === undefined) return { ...begins, state: locked ? 'running' : 'abandoned' }; // emptied by a crash of the server
  return stateOf(row.step, Number(row.done), Number(row.total), locked ? Number(row.seconds) : null);
}

/** Pure. @param seconds since the step began; null of one that was abandoned */
export function stateOf(step: RebuildStep | null, done: number, of: number, seconds: number | null): RebuildState {
  const rate = seconds === null || seconds < 0.5 || done <= 0 ? null : done / seconds;
  return {
    state: seconds === null ? 'abandoned' : 'running',
    step,
    done,
    of: Math.max(of, done),
    unit: step === 'comparing' || step === 'applying' ? 'tables' : 'messages',
    per_second: rate === null ? null : Math.round(rate * 10) / 10,
    seconds_left: rate === null ? null : Math.round((Math.max(of - done, 0) / rate) * 10) / 10,
  };
}

/** In words, for status. Pure. */
export function rebuildWords({ state, step, done, of, unit, per_second, seconds_left }: RebuildState): string {
  if (step === null) return `Rebuild ${state}: it has just begun`;
  const parts = [`Rebuild ${state}: ${step}, ${grouped(done)} of ${grouped(of)} ${unit === 'tables' ? 'table(s)' : 'message(s)'}`];
  if (per_second !== null) parts.push(`${per_second >= 10 ? grouped(per_second) : per_second}/s`);
  if (seconds_left !== null)
    parts.push(`${seconds_left < 90 ? `${Math.ceil(seconds_left)} s` : `${Math.ceil(seconds_left / 60)} min`} left`);
  return parts.join(', ');
}
