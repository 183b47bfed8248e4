/** Brings the database's schema up to this version, in place. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from 'pg';
import { ServiceError } from '../../shared/errors.js';
import { packageFile } from '../../shared/package-root.js';
import { ANALYSTS, OWN_SCHEMA, quote, Tables } from './tables.js';

const DIR = packageFile('consumer', 'schema', 'sql');

/** A migration's SQL. @param own the schema of the program's own tables, for which it is not written */
export function migrationSql(name: string, own: string): string {
  const sql = readFileSync(join(DIR, `${name}.sql`), 'utf8');
  // rights on the schema, too
  return sql.replaceAll(/\bglossier\.|(?<=\bSCHEMA )glossier\b/g, m => m.replace(OWN_SCHEMA, own));
}

/** What brings the tables up to date, for whom they belong to. */
const MIGRATE = 'glossier schema --migrate';

/** Any number that others are unlikely to take: workers that start together migrate one after the other. */
const LOCK = 720_575_943;

/** Names that migrations had while this version was being made. Databases of those days have them. */
const RENAMED: Record<string, string> = { '0002_rejects_of_a_file': '0004_rejects_of_a_file' };

/** Names of the migrations that this version has, in order. */
export function migrations(): string[] {
  return readdirSync(DIR)
    .filter(f => f.endsWith('.sql'))
    .map(f => f.slice(0, -4))
    .sort();
}

/**
 * Runs what is missing, each migration in a transaction of its own.
 *
 * @param client a connection of its own: the search path and a session lock are set on it
 * @throws ServiceError when the database was migrated by a newer version, its tables are in another schema, or something is missing and this user
 *   may not make it
 */
export async function migrate(client: Client, analystsSchema: string, own = OWN_SCHEMA): Promise<void> {
  const tables = new Tables(analystsSchema, own);
  if (await isCurrent(client, tables)) return;
  await refuseStranger(client, tables);
  let dir = DIR;
  await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
  try {
    await refuseOther(client, tables);
    const here = migrations();
    const { rows } = await client.query<{ schema: string | null }>('SELECT to_regnamespace($1)::text AS schema', [tables.schema]);
    if (rows[0].schema === null) await client.query(`CREATE SCHEMA IF NOT EXISTS ${tables.schema}`);
    for (const [old, name] of Object.entries(RENAMED))
      if (await isThere(client, tables.migrations))
        await client.query(`UPDATE ${tables.migrations} SET name = $2 WHERE name = $1`, [old, name]);
    if (own !== OWN_SCHEMA) {
      dir = mkdtempSync(join(tmpdir(), 'glossier-migrations-'));
      for (const name of here) writeFileSync(join(dir, `${name}.sql`), migrationSql(name, own));
    }
    const { runner } = await import('node-pg-migrate'); // 100 ms to load, and needed once in a database's life
    let failure: unknown;
    const dbClient = {
      query: async (sql: string, values?: unknown[]) => {
        try {
          return await client.query(sql, values);
        } catch (error) {
          failure = error;
          throw error;
        }
      },
    };
    // node-pg-migrate wraps some failures into errors without their code, and so a connection that was cut into one that no outage is
    // known by: a worker ended with "Unable to ensure migrations table" when Postgres was restarted in that moment
    await runner({
      dbClient: dbClient as never,
      dir,
      direction: 'up',
      count: here.length,
      migrationsSchema: own,
      migrationsTable: 'migrations',
      createMigrationsSchema: true,
      schema: analystsSchema.replaceAll('"', '""'), // node-pg-migrate puts quotes around it and escapes nothing
      noLock: true,
      checkOrder: false, // two that were made side by side came in either order
      log: () => {},
      logger: { info: () => {}, warn: () => {}, error: () => {}, debug: () => {} },
    }).catch(error => {
      throw failure ?? error;
    });
  } finally {
    if (dir !== DIR) rmSync(dir, { recursive: true, force: true });
    await client.query('RESET search_path').catch(() => {});
    await client.query('SELECT pg_advisory_unlock($1)', [LOCK]).catch(() => {});
  }
}

async function isThere(client: Client, relation: string): Promise<boolean> {
  const { rows } = await client.query<{ there: string | boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [relation]);
  return rows[0].there === 't' || rows[0].there === true; // all values come as text, from a client of ours
}

/** True when nothing is to be done, which is so at all starts but the first: no lock. */
async function isCurrent(client: Client, tables: Tables): Promise<boolean> {
  const { newer, lacks } = await compareSchema(client, tables);
  if (newer.length > 0) {
    throw new ServiceError(`the database has the newer schema ${newer.join(', ')}`, {
      hint: 'run the version that migrated it, or a later one',
    });
  }
  if (lacks) return false;
  const other = await analystsOf(client, tables);
  if (other !== null && other !== tables.analysts) throw otherSchema(other, tables); // those of another deployment, which has them there
  return true;
}

/** Who only loads may not migrate: the tables belong to another role. Said before anything is tried, of which a part might succeed. */
async function refuseStranger(client: Client, { migrations: done }: Tables): Promise<void> {
  const { rows } = await client.query<{ may: string | boolean; me: string; owner: string | null }>(
    `SELECT current_user AS me, pg_get_userbyid(c.relowner) AS owner,
            CASE WHEN c.oid IS NULL THEN has_database_privilege(current_database(), 'CREATE') ELSE pg_has_role(c.relowner, 'USAGE') END AS may
       FROM (SELECT to_regclass($1) AS oid) m LEFT JOIN pg_class c ON c.oid = m.oid`,
    [done],
  );
  const [{ may, me, owner }] = rows;
  if (may === 't' || may === true) return;
  if (owner === null)
    throw new ServiceError(`permission denied for "${me}" to make the tables, which are not there yet`, {
      hint: `run ${MIGRATE} as a user who may; glossier doctor prints the SQL for one, glossier schema --roles that for three`,
    });
  throw new ServiceError(`the tables are older than this version, or one is gone, and "${me}" may not mend that`, {
    hint: `run ${MIGRATE} as "${owner}", to whom they belong`,
  });
}

/**
 * The tables of a deployment are in one schema: with another one they would be left without any, and every batch would fail. And a schema is
 * that of one deployment.
 */
async function refuseOther(client: Client, tables: Tables): Promise<void> {
  const [known, there] = [await isThere(client, tables.migrations), await isThere(client, tables.userStats)];
  if (!known && there)
    throw new ServiceError(`the tables in the schema ${tables.schema} are not those of "${tables.home}"`, {
      hint: 'set OWN_SCHEMA to the schema of the program that belongs to them, or DATABASE_SCHEMA to another one',
    });
  if (!known || there) return;
  const other = (await analystsOf(client, tables)) ?? (await elsewhere(client, tables));
  if (other !== null && other !== tables.analysts) throw otherSchema(other, tables);
}

function otherSchema(other: string, tables: Tables): ServiceError {
  return new ServiceError(`the tables of this database are in the schema ${quote(other)}, not in ${tables.schema}`, {
    hint: 'set DATABASE_SCHEMA to that, or use another database, or OWN_SCHEMA for a deployment beside it',
  });
}

/** The analysts' schema that these tables were made for; null where that is not written down. */
async function analystsOf(client: Client, tables: Tables): Promise<string | null> {
  const { rows } = await client.query<{ there: string | null }>('SELECT to_regprocedure($1)::text AS there', [
    `${tables.analystsSchema}()`,
  ]);
  if (rows[0].there === null) return null;
  return (await client.query<{ name: string }>(`SELECT ${tables.analystsSchema}() AS name`)).rows[0].name;
}

/** Before it was written down a database had one. */
async function elsewhere(client: Client, tables: Tables): Promise<string | null> {
  const found = await client.query<{ schema: string }>(
    `SELECT n.nspname AS schema FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND c.relname = $1 AND n.nspname <> $2`,
    [ANALYSTS.userStats, tables.copySchema],
  );
  return found.rows[0]?.schema ?? null;
}

/** Migrations that the database has and this version does not know, and whether it lacks any that this version has. */
export async function compareSchema(client: Client, tables: Tables): Promise<{ newer: string[]; lacks: boolean }> {
  if (!(await isThere(client, tables.migrations)) || !(await isThere(client, tables.userStats))) return { newer: [], lacks: true };
  const { rows } = await client.query<{ name: string }>(`SELECT name FROM ${tables.migrations} ORDER BY id`);
  const here = migrations();
  const newer = rows.map(r => RENAMED[r.name] ?? r.name).filter(name => !here.includes(name));
  return { newer, lacks: rows.length - newer.length < here.length };
}
