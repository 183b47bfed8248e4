/** Fencing by force: a worker that was suspended in the middle of a batch keeps its rows locked for as long as it sleeps. */
import type { Tables } from '../schema/tables.js';
import type { Database } from './database.js';

/**
 * Ends the transactions of workers that are more than ten seconds old and for whose next bytes Postgres waits. They are rolled
 * back; a worker that wakes finds its connection gone, its positions moved on, and its batch dropped.
 *
 * No timeout of the server does this: idle_in_transaction_session_timeout does not count while a COPY waits for its client, and
 * statement_timeout does not interrupt that wait. A worker at work sends a whole COPY within a second.
 *
 * Only those that hold positions or rejects of this deployment: another one may be in the database.
 */
export async function endStuckWorkers(db: Database, { positions, rejects }: Tables): Promise<void> {
  await db.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND usename = current_user AND application_name LIKE 'glossier worker %' AND pid <> pg_backend_pid()
        AND wait_event = 'ClientRead' AND xact_start < now() - interval '10 seconds' AND state_change < now() - interval '3 seconds'
        AND pid IN (SELECT pid FROM pg_locks WHERE relation IN (to_regclass($1), to_regclass($2)) AND mode IN ('RowShareLock', 'RowExclusiveLock'))`,
    [positions, rejects],
  );
}
