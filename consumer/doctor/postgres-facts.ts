/** What `doctor` asks Postgres, on one connection. Nothing is changed. */
import { errorCode, GlossierError, oneLine } from '../../shared/errors.js';
import { Database } from '../load/database.js';
import { readPositions } from '../load/positions.js';
import { freeBytes } from '../rebuild/disk.js';
import { migrations } from '../schema/migrate.js';
import { ANALYSTS, type Tables } from '../schema/tables.js';
import { type LoaderFacts, loaderFacts } from './loader-rights.js';
import { type OldTransactions, oldTransactions } from './old-transactions.js';

export interface SchemaRights {
  there: boolean;
  usage: boolean;
  create: boolean;
}

export interface PostgresFacts {
  /** Why it could not be asked, with the error's code; then nothing below is told. */
  error: { code: string; words: string } | null;
  version: number;
  user: string;
  database: string;
  encoding: string;
  /** Of this connection. */
  tls: boolean;
  /** Writes are refused: a standby, or somebody's setting. */
  readOnly: boolean;
  /** What the clock of the server says less what this machine's says, in milliseconds. */
  clockAhead: number;
  rights: { createSchemas: boolean; temporary: boolean; own: SchemaRights; analysts: SchemaRights };
  /** Owners of our relations whose rights this user has not. */
  strangeOwners: string[];
  /** Whether this user owns the tables or loads into those of another, and what he lacks for that. */
  loader: LoaderFacts;
  /** Migrations that the database has had; null where it has had none. */
  applied: string[] | null;
  known: string[];
  /** Schemas that hold a table of ours, where those of the analysts' schema are missing. */
  tablesElsewhere: string[];
  /** Connections that this user could still make. */
  connectionsLeft: number;
  /** Open transactions, which keep the tables from being cleared. */
  transactions: OldTransactions;
  /** Bytes free where the data are, where that can be seen from here. */
  diskFree: number | null;
  /** Bytes of the database. */
  size: number;
  positions: Map<number, number>;
  topicId: string | null;
}

type Told = PostgresFacts & { error: null };

/** @param url complete */
export async function postgresFacts(
  url: string,
  tables: Tables,
  topic: string,
): Promise<Told | (Pick<PostgresFacts, 'error'> & { error: { code: string; words: string } })> {
  let db: Database | undefined;
  try {
    db = await Database.connect(url, 'glossier doctor');
    return await ask(db, url, tables, topic);
  } catch (error) {
    const hint = error instanceof GlossierError && error.hint !== undefined ? ` — ${error.hint}` : '';
    return { error: { code: errorCode(error) ?? '', words: `${oneLine(error)}${hint}` } };
  } finally {
    await db?.end();
  }
}

async function ask(db: Database, url: string, tables: Tables, topic: string): Promise<Told> {
  const asked = Date.now();
  const { rows } = await db.query(
    `SELECT current_setting('server_version_num') AS version, current_user AS "user", current_database() AS database, pg_is_in_recovery() AS standby,
            current_setting('server_encoding') AS encoding, current_setting('transaction_read_only') AS read_only,
            coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS tls,
            extract(epoch FROM clock_timestamp()) * 1000 AS clock, pg_database_size(current_database()) AS size,
            has_database_privilege(current_database(), 'CREATE') AS create_schemas, has_database_privilege(current_database(), 'TEMP') AS temporary`,
  );
  const [r] = rows;
  const clock = Number(r.clock) - (asked + Date.now()) / 2;
  const state = await schemaState(db, tables);
  const has = state.applied !== null && state.analystsTables;
  return {
    error: null,
    version: Number(r.version),
    user: r.user,
    database: r.database,
    encoding: r.encoding,
    tls: r.tls === 't',
    readOnly: r.standby === 't' || r.read_only === 'on',
    clockAhead: clock,
    rights: {
      createSchemas: r.create_schemas === 't',
      temporary: r.temporary === 't',
      own: await schemaRights(db, tables.home),
      analysts: await schemaRights(db, tables.analysts),
    },
    strangeOwners: await strangeOwners(db, tables),
    loader: await loaderFacts(db, tables),
    applied: state.applied,
    known: migrations(),
    tablesElsewhere: state.analystsTables ? [] : state.elsewhere,
    connectionsLeft: await connectionsLeft(db),
    transactions: await oldTransactions(db),
    diskFree: isLocal(url) ? await freeBytes(db) : null,
    size: Number(r.size),
    positions: has ? ((await ifAllowed(() => readPositions(db, tables, topic))) ?? new Map()) : new Map(),
    topicId: has ? ((await ifAllowed(() => topicIdOf(db, tables, topic))) ?? null) : null,
  };
}

async function topicIdOf(db: Database, tables: Tables, topic: string): Promise<string | null> {
  return (await db.query(`SELECT topic_id FROM ${tables.topics} WHERE topic = $1`, [topic])).rows[0]?.topic_id ?? null;
}

/** What this user may not read is told by the check of the rights. */
async function ifAllowed<T>(work: () => Promise<T>): Promise<T | null> {
  return work().catch(error => {
    if (errorCode(error) === '42501') return null;
    throw error;
  });
}

async function schemaRights(db: Database, schema: string): Promise<SchemaRights> {
  const { rows } = await db.query(
    `SELECT has_schema_privilege(oid, 'USAGE') AS usage, has_schema_privilege(oid, 'CREATE') AS create FROM pg_namespace WHERE nspname = $1`,
    [schema],
  );
  return { there: rows.length > 0, usage: rows[0]?.usage === 't', create: rows[0]?.create === 't' };
}

/** By the catalogue alone, which everybody may read: our own tables may be closed to this user. */
async function schemaState(db: Database, tables: Tables) {
  const inSchema = `SELECT n.nspname AS schema, has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS readable
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND c.relname = $1`;
  const [own] = (await db.query(`${inSchema} AND n.nspname = $2`, ['migrations', tables.home])).rows;
  const readable = own?.readable === 't';
  const holders = (await db.query(inSchema, [ANALYSTS.userStats])).rows.map(r => r.schema as string);
  const applied =
    own === undefined
      ? null
      : readable
        ? (await db.query(`SELECT name FROM ${tables.migrations} ORDER BY id`)).rows.map(r => r.name as string)
        : [];
  return { applied, readable, analystsTables: holders.includes(tables.analysts), elsewhere: holders.filter(s => s !== tables.analysts) };
}

async function strangeOwners(db: Database, tables: Tables): Promise<string[]> {
  const { rows } = await db.query(
    `SELECT DISTINCT pg_get_userbyid(c.relowner) AS owner FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p') AND NOT pg_has_role(c.relowner, 'USAGE')
        AND (n.nspname = $1 OR n.nspname = $2 AND (c.relname = ANY ($3::text[]) OR EXISTS (
          SELECT FROM pg_inherits i JOIN pg_class o ON o.oid = i.inhparent WHERE i.inhrelid = c.oid AND o.relname = ($3::text[])[1] AND o.relnamespace = n.oid)))
      ORDER BY 1`,
    [tables.home, tables.analysts, Object.values(ANALYSTS)],
  );
  return rows.map(r => r.owner);
}

/** The tightest of the limits of the server, the database and the user; those that are reserved for superusers do not count. */
async function connectionsLeft(db: Database): Promise<number> {
  const { rows } = await db.query(
    `WITH used AS (SELECT datname, usename FROM pg_stat_activity
                    WHERE backend_type = 'client backend' OR query = '<insufficient privilege>' AND datname IS NOT NULL)
     SELECT least(
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
         - coalesce(current_setting('reserved_connections', true)::int, 0) - (SELECT count(*) FROM used),
       (SELECT CASE WHEN datconnlimit < 0 THEN NULL ELSE datconnlimit - (SELECT count(*) FROM used u WHERE u.datname = d.datname) END
          FROM pg_database d WHERE datname = current_database()),
       (SELECT CASE WHEN rolconnlimit < 0 OR rolsuper THEN NULL ELSE rolconnlimit - (SELECT count(*) FROM used u WHERE u.usename = r.rolname) END
          FROM pg_roles r WHERE rolname = current_user)) + 1 AS n`, // + 1: this one, which is gone by then
  );
  return Number(rows[0].n);
}

function isLocal(url: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(url).hostname);
}
