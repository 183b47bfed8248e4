/**
 * The copy that a rebuild replays the topic into: a schema of its own, of unlogged tables, which is dropped at the end.
 *
 * Unlogged tables halve what is written and are emptied, all of them together, by a crash of the server: an empty copy is noticed by its
 * positions and is made anew.
 */
import { ServiceError } from '../../shared/errors.js';
import { pause } from '../../shared/outage.js';
import type { Database } from '../load/database.js';
import { monthOfTable, monthTable, quote, type Tables, WITHOUT_AUTOVACUUM } from '../schema/tables.js';
import { dropShape, makeShape } from './structure.js';

/** Any number that others are unlikely to take: one rebuild at a time of a deployment. */
const LOCK = 720_575_950;

/** Milliseconds: DROP of hundreds of tables. */
const LONG = 10 * 60_000;

/** The schema's comment begins so, and tells it from one that somebody else made under this name. */
const MARK = 'The copy of a running or abandoned glossier rebuild';

/** Own tables that a copy has no use for: the numbers of files are the same in it, as is who was forgotten, and the others do not tell of orders. */
const NOT_COPIED = ['migrations', 'drop_files', 'rebuild_due', 'forgotten_users'];

/**
 * Takes the lock for as long as the connection lasts.
 *
 * @throws ServiceError when another rebuild has it, and keeps it for three seconds: one that was killed gives it back
 */
export async function lockRebuilds(db: Database, live: Tables): Promise<void> {
  for (let tries = 0; tries < 15; tries++) {
    const { rows } = await db.query('SELECT pg_try_advisory_lock($1, hashtext($2)) AS free', [LOCK, live.home]);
    if (rows[0].free === 't') return;
    await pause(200);
  }
  throw new ServiceError('another rebuild of this database is running', { hint: 'wait for it: glossier status shows how far it is' });
}

/** Drops the copy that a killed rebuild has left, if there is one and no other is at work. */
export async function dropAbandoned(db: Database, live: Tables): Promise<void> {
  if (await isLocked(db, live)) return;
  await lockRebuilds(db, live);
  await dropCopy(db, live);
  await db.query('SELECT pg_advisory_unlock($1, hashtext($2))', [LOCK, live.home]);
}

/** Is a rebuild of this database at work? */
export async function isLocked(db: Database, live: Tables): Promise<boolean> {
  const { rows } = await db.query(
    `SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = $1 AND objid = (hashtext($2)::bigint & 4294967295)::oid AND objsubid = 2
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS locked`,
    [LOCK, live.home],
  );
  return rows[0].locked === 't';
}

/**
 * Drops the copy, if there is one: this rebuild's, or an abandoned one. The caller holds the lock.
 *
 * @throws ServiceError when a schema of that name is not the program's
 */
export async function dropCopy(db: Database, { copySchema }: Tables): Promise<void> {
  const { rows } = await db.query(
    "SELECT coalesce(obj_description(oid, 'pg_namespace'), '') AS comment FROM pg_namespace WHERE nspname = $1",
    [copySchema],
  );
  if (rows.length === 0) return;
  if (!rows[0].comment.startsWith(MARK))
    throw new ServiceError(`the schema "${copySchema}" is somebody else's`, { hint: 'a rebuild needs that name: rename it' });
  // a process that was killed may have left a statement behind that the server still runs
  await db.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND usename = current_user AND application_name LIKE 'glossier worker ${REPLAYER}%' AND pid <> pg_backend_pid()
        AND pid IN (SELECT l.pid FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE c.relnamespace = to_regnamespace($1)
          AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))`,
    [copySchema],
  );
  await db.query(`DROP SCHEMA ${copySchema} CASCADE`, undefined, LONG);
}

/** Name by which the replay calls itself as a worker; its connections are told by it. */
export const REPLAYER = 'rebuild';

/** Which copy this is: two rebuilds never take one for the other's. */
export async function isCopyOf(db: Database, { copySchema }: Tables, run: string): Promise<boolean> {
  const { rows } = await db.query("SELECT obj_description(to_regnamespace($1), 'pg_namespace') AS comment", [copySchema]);
  return rows[0].comment === `${MARK} (${run}).`;
}

/**
 * Makes an empty copy of all tables, without the analysts' indexes, views, triggers and grants: keys and rules are what decides which
 * rows are loaded.
 *
 * @param run a name of this run
 * @param altered tables whose structure is not the program's: their copy is made as the migrations make it
 * @param also what is to be made with it
 */
export async function makeCopy(
  db: Database,
  live: Tables,
  run: string,
  altered: ReadonlySet<string>,
  also: (db: Database) => Promise<void>,
): Promise<void> {
  const { copy, copySchema, shapeSchema } = live;
  const analysts: [from: string, to: string, key: string | null][] = [
    [live.orders, copy.orders, null],
    [live.lineItems, copy.lineItems, 'line_item_id'],
    [live.userStats, copy.userStats, 'user_id'],
    [live.userStaging, copy.userStaging, null],
  ];
  const own = await ownTables(db, live.home);
  await db.query('BEGIN');
  try {
    if (altered.size > 0) await makeShape(db, live);
    const source = (table: string, name: string) => (altered.has(name) ? `${shapeSchema}.${name}` : table);
    await db.query(`CREATE SCHEMA ${copySchema}; COMMENT ON SCHEMA ${copySchema} IS '${MARK} (${run}).'`);
    for (const [from, to, key] of analysts) {
      const name = from.slice(live.schema.length + 1);
      await db.query(
        `CREATE UNLOGGED TABLE ${to} (${like(source(from, name))}${key === null ? '' : `, PRIMARY KEY (${key})`}) ${WITHOUT_AUTOVACUUM}`,
      );
    }
    for (const name of own) {
      await db.query(
        `CREATE UNLOGGED TABLE ${copySchema}.${quote(name)} (LIKE ${source(`${live.home}.${quote(name)}`, name)} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING IDENTITY INCLUDING GENERATED INCLUDING INDEXES) ${WITHOUT_AUTOVACUUM}`,
      );
    }
    // a rule that somebody put on one month alone refuses orders there as well
    for (const month of await monthsOf(db, live)) {
      const own = altered.has('orders') || altered.has(monthTable(month)) ? '' : `${like(live.month(month))}, `;
      await db.query(`CREATE UNLOGGED TABLE ${copy.month(month)} (${own}PRIMARY KEY (id)) INHERITS (${copy.orders}) ${WITHOUT_AUTOVACUUM}`);
    }
    if (altered.size > 0) await dropShape(db, live);
    await also(db);
    await db.query('COMMIT');
  } catch (error) {
    await db.rollback();
    throw error;
  }
}

/** The program's own tables, as a later version may have more of them. */
async function ownTables(db: Database, home: string): Promise<string[]> {
  const { rows } = await db.query(
    "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace($1) AND relkind = 'r' AND relname <> ALL($2)",
    [home, NOT_COPIED],
  );
  return rows.map(r => r.relname);
}

function like(table: string): string {
  return `LIKE ${table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE`;
}

/** Months that have a table, `YYYY_MM`, in order; one that somebody has taken out of `orders` as well. */
export async function monthsOf(db: Database, tables: Tables): Promise<string[]> {
  const { rows } = await db.query("SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace($1) AND relkind = 'r' ORDER BY 1", [
    tables.schema,
  ]);
  return rows.map(r => monthOfTable(r.relname)).filter(m => m !== null);
}
