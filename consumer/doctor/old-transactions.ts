/** Transactions that have been open for long: as long as they are, nothing that was deleted or replaced since can be cleared away, and the tables bloat. */
import type { Database } from '../load/database.js';

export interface OldTransaction {
  /** Who holds it: a user's session, a prepared transaction, a replication slot. */
  who: string;
  /** How long, in seconds; null where that is not known. */
  seconds: number | null;
  /** SQL that ends it. */
  end: string;
}

export interface OldTransactions {
  /** The oldest first, five at the most. */
  held: OldTransaction[];
  /** Sessions of others whose transactions this user may not see. */
  hidden: number;
}

/** Of this database, besides those of the program itself that a rebuild needs. */
export async function oldTransactions(db: Database): Promise<OldTransactions> {
  const { rows } = await db.query(
    `SELECT who, seconds, sql FROM (
       SELECT format('"%s" (%s, process %s, %s)', usename, coalesce(nullif(application_name, ''), 'no name'), pid, state) AS who,
              extract(epoch FROM clock_timestamp() - xact_start)::bigint AS seconds, format('SELECT pg_terminate_backend(%s);', pid) AS sql
         FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND xact_start IS NOT NULL
          AND application_name NOT LIKE 'glossier rebuild%'
       UNION ALL
       SELECT format('"%s" (a prepared transaction)', owner), extract(epoch FROM clock_timestamp() - prepared)::bigint, format('ROLLBACK PREPARED %L;', gid)
         FROM pg_prepared_xacts WHERE database = current_database()
       UNION ALL
       SELECT format('the replication slot "%s"', slot_name), NULL, format('SELECT pg_drop_replication_slot(%L);', slot_name)
         FROM pg_replication_slots WHERE xmin IS NOT NULL AND NOT active) t ORDER BY seconds DESC NULLS LAST LIMIT 5`,
  );
  const hidden = await db.query(
    `SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND query = '<insufficient privilege>'`,
  );
  return {
    held: rows.map(r => ({ who: r.who, seconds: r.seconds === null ? null : Number(r.seconds), end: r.sql })),
    hidden: Number(hidden.rows[0].n),
  };
}
