/** user_stats made right from the order tables alone, without Kafka: in seconds, and for the sums in full. */
import { errorCode } from '../../shared/errors.js';
import { backoff, pause, ServiceState } from '../../shared/outage.js';
import type { Settings } from '../../shared/settings.js';
import type { Database } from '../load/database.js';
import { Link } from '../load/link.js';
import { fieldsHash, foldStaged, lockMerges, noteMerge } from '../merge/merge-users.js';
import { quote, Tables, USER_COLUMNS } from '../schema/tables.js';
import { applyDifferences } from './apply.js';
import { findDifferences, LONG, type TableDifference } from './difference.js';
import type { RebuildOptions } from './rebuild-options.js';
import type { Relation } from './relations.js';

export interface UsersResult {
  differences: TableDifference[];
  /** Users whose four fields are not known to come from their newest order. */
  unsure: { count: number; examples: string[] };
}

const EXPECTED = quote('expected_users');
const NEWEST = quote('expected_newest');

/**
 * Sums, extremes and days become what the order tables say. The four fields are in no order table: those of user_stats stay, and are right
 * where user_newest names the user's newest order and its hash fits; a user that is missing gets none.
 *
 * In one transaction on one snapshot, behind the lock on merges and with user_staging folded in: workers load on meanwhile.
 */
export async function rebuildUsers(options: RebuildOptions): Promise<UsersResult> {
  const { settings, databaseUrl, log, signal } = options;
  const link = new Link(databaseUrl, 'glossier rebuild', new ServiceState('Postgres', log, settings.outageTimeout), signal);
  const live = Tables.of(settings);
  try {
    for (let attempt = 0; ; attempt++) {
      const result = await link.use(db => once(db, live, settings, options.dryRun));
      if (result !== null) return result;
      if (attempt === 0) log.info('a merge came first; trying again');
      await pause(backoff(attempt), signal);
    }
  } finally {
    await link.end();
  }
}

/** @returns null when a merge came between the snapshot and the lock */
async function once(db: Database, live: Tables, settings: Settings, dryRun: boolean): Promise<UsersResult | null> {
  await db.query(
    `BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL lock_timeout = ${settings.rebuildLockTimeout}; SET LOCAL statement_timeout = 0; SET LOCAL row_security = off`,
  );
  try {
    await lockMerges(db, live);
    const folded = await foldStaged(db, live);
    if (folded.staged > 0) await noteMerge(db, live, folded);
    await expect(db, live);
    const relations: Relation[] = [
      { name: 'user_stats', live: live.userStats, copy: EXPECTED, key: ['user_id'], columns: USER_COLUMNS.slice(1) },
      {
        name: live.userNewest,
        live: live.userNewest,
        copy: NEWEST,
        key: ['user_id'],
        columns: ['processed_at', 'order_id', 'fields'],
      },
    ];
    const differences = await findDifferences(db, relations);
    const { rows } = await db.query(
      `SELECT count(*) AS n, (array_agg(user_id ORDER BY user_id))[1:5]::text AS list FROM ${EXPECTED} WHERE NOT sure`,
    );
    const examples = (rows[0].list ?? '{}').slice(1, -1).split(',').filter(Boolean);
    if (!dryRun) await applyDifferences(db, relations, differences);
    await db.query(dryRun ? 'ROLLBACK' : 'COMMIT');
    return { differences, unsure: { count: Number(rows[0].n), examples } };
  } catch (error) {
    await db.rollback();
    if (errorCode(error) === '40001') return null;
    throw error;
  }
}

async function expect(db: Database, live: Tables): Promise<void> {
  await db.query(
    `CREATE TEMP TABLE ${EXPECTED} ON COMMIT DROP AS
     WITH real AS (
       SELECT user_id, count(*) AS total_orders, sum(total_price) AS total_spend, min(processed_at) AS first, max(processed_at) AS last
         FROM ${live.orders} WHERE user_id IS NOT NULL GROUP BY user_id),
     newest AS (
       SELECT DISTINCT ON (user_id) user_id, processed_at, id FROM ${live.orders} WHERE user_id IS NOT NULL ORDER BY user_id, processed_at DESC, id DESC)
     SELECT user_id, s.customer_locale, s.buyer_accepts_marketing, s.contact_email, s.phone, r.total_orders, r.total_spend,
            r.first AS min_processed_at, r.last AS max_processed_at, floor(extract(epoch FROM r.last - r.first) / 86400)::integer + 1 AS total_days,
            coalesce(s.user_id IS NOT NULL AND n.order_id = w.id AND n.fields = ${fieldsHash('s')}, false) AS sure, w.id AS newest_id, w.processed_at AS newest_at
       FROM real r JOIN newest w USING (user_id) LEFT JOIN ${live.userStats} s USING (user_id) LEFT JOIN ${live.userNewest} n USING (user_id)`,
    undefined,
    LONG,
  );
  // the order that gave the fields keeps its name; only its instant may be set right
  await db.query(
    `CREATE TEMP TABLE ${NEWEST} ON COMMIT DROP AS
     SELECT user_id, CASE WHEN n.order_id = e.newest_id THEN e.newest_at ELSE n.processed_at END AS processed_at, n.order_id, n.fields
       FROM ${live.userNewest} n JOIN ${EXPECTED} e USING (user_id)`,
    undefined,
    LONG,
  );
}
