/**
 * The rows that the orders of a drop should have given, in temporary tables beside the present ones: made by the stages that load, so that
 * both sides have Postgres' own types. They are gone with the transaction, and lie on the server's disk, not in this process' memory.
 */
import type { Database } from '../load/database.js';
import { writeRows } from '../load/load-batch.js';
import { LONG } from '../rebuild/difference.js';
import { copyStatement, quote, STAGING_COLUMNS, Tables } from '../schema/tables.js';
import { CopyText } from '../transform/copy-text.js';
import type { RowSet } from '../transform/order-rows.js';

export const MISSING_USERS = quote('missing_users');

export class Expected {
  readonly tables = new Tables('pg_temp', 'pg_temp');
  readonly months = new Set<string>();

  private constructor(
    readonly db: Database,
    readonly live: Tables,
  ) {}

  /** Begins the transaction, on one snapshot of the present tables. The caller rolls it back. */
  static async begin(db: Database, live: Tables): Promise<Expected> {
    const expected = new Expected(db, live);
    await db.query(
      `BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL row_security = off;
       SET LOCAL synchronous_commit = off`,
    );
    const { tables } = expected;
    for (const name of ['orders', 'lineItems', 'userStaging', 'knownOrders'] as const)
      await db.query(`CREATE TEMP TABLE ${tables[name]} (LIKE ${live[name]}) ON COMMIT DROP`);
    await db.query(`CREATE TEMP TABLE ${MISSING_USERS} (LIKE ${live.userStaging}) ON COMMIT DROP`);
    return expected;
  }

  /** Users of orders that are missing: whether their sums should hold these cannot be known. */
  async addMissing(rows: RowSet): Promise<void> {
    const text = new CopyText();
    rows.users.write(text);
    if (text.rows > 0) await this.db.copy(copyStatement(MISSING_USERS, STAGING_COLUMNS), text.chunks());
  }

  async add(rows: RowSet): Promise<void> {
    for (const [month, text] of rows.months) {
      if (text.rows === 0 || this.months.has(month)) continue;
      await this.db.query(`CREATE TEMP TABLE ${this.tables.month(month)} () INHERITS (${this.tables.orders}) ON COMMIT DROP`);
      this.months.add(month);
    }
    await writeRows(this.db, this.tables, rows);
  }

  /** To be called when all rows are there: the planner knows nothing of temporary tables by itself. */
  async analyze(): Promise<void> {
    const { lineItems, userStaging, knownOrders } = this.tables;
    const months = [...this.months].map(m => this.tables.month(m));
    await this.db.query(`ANALYZE ${[...months, lineItems, userStaging, knownOrders].join(', ')}`, undefined, LONG);
  }
}
