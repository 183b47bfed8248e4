/** Month tables are made on first sight. */
import type { Database } from '../load/database.js';
import { monthOfTable, monthTable, quote, type Tables } from './tables.js';

/** Two workers may both find a table missing, and CREATE TABLE IF NOT EXISTS is not safe against itself. One at a time, by this lock. */
const LOCK = 720_575_944;

/** Which months exist, so that the catalogue is asked once a month and worker. */
export class MonthTables {
  readonly #known = new Set<string>();

  constructor(readonly tables: Tables) {}

  /**
   * Makes what is missing, in a transaction of its own: made inside a batch's transaction, the table would be locked for all others
   * until the batch commits.
   */
  async ensure(db: Database, months: Iterable<string>): Promise<void> {
    const missing = [...months].filter(m => !this.#known.has(m));
    if (missing.length === 0) return;
    const { rows } = await db.query(
      `SELECT name FROM unnest($1::text[]) AS name WHERE to_regclass($2 || '.' || quote_ident(name)) IS NULL ORDER BY name`,
      [missing.map(monthTable), quote(this.tables.analysts)],
    );
    for (const { name } of rows) {
      await db.query('BEGIN');
      try {
        await db.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
        await db.query(this.tables.createMonth(monthOfTable(name)!));
        await db.query('COMMIT');
      } catch (error) {
        await db.rollback();
        throw error;
      }
    }
    for (const m of missing) this.#known.add(m);
  }

  /** After an error: a table may have been dropped by somebody. */
  forget(): void {
    this.#known.clear();
  }
}
