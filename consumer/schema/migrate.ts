/** Brings the database's schema up to this version, in place. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from 'pg';
import { ServiceError } from '../../shared/errors.js';
import { packageFile } from '../../shared/package-root.js';
import { ANALYSTS, COPY_SCHEMA, OWN_SCHEMA, quote } from './tables.js';

const DIR = packageFile('consumer', 'schema', 'sql');

/** Path of a migration's SQL. */
export function migrationFile(name: string): string {
  return join(DIR, `${name}.sql`);
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
export async function migrate(client: Client, analystsSchema: string): Promise<void> {
  if (await isCurrent(client, analystsSchema)) return;
  await refuseStranger(client);
  await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
  try {
    await refuseOther(client, analystsSchema);
    const here = migrations();
    const { rows } = await client.query<{ schema: string | null }>('SELECT to_regnamespace($1)::text AS schema', [quote(analystsSchema)]);
    if (rows[0].schema === null) await client.query(`CREATE SCHEMA IF NOT EXISTS ${quote(analystsSchema)}`);
    for (const [old, name] of Object.entries(RENAMED))
      if (await isThere(client, DONE)) await client.query(`UPDATE ${DONE} SET name = $2 WHERE name = $1`, [old, name]);
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
      dir: DIR,
      direction: 'up',
      count: here.length,
      migrationsSchema: OWN_SCHEMA,
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
    await client.query('RESET search_path').catch(() => {});
    await client.query('SELECT pg_advisory_unlock($1)', [LOCK]).catch(() => {});
  }
}

const DONE = `${OWN_SCHEMA}.migrations`;

async function isThere(client: Client, relation: string): Promise<boolean> {
  const { rows } = await client.query<{ there: string | boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [relation]);
  return rows[0].there === 't' || rows[0].there === true; // all values come as text, from a client of ours
}

/** True when nothing is to be done, which is so at all starts but the first: one statement, no lock. */
async function isCurrent(client: Client, analystsSchema: string): Promise<boolean> {
  const { newer, lacks } = await compareSchema(client, analystsSchema);
  if (newer.length > 0) {
    throw new ServiceError(`the database has the newer schema ${newer.join(', ')}`, {
      hint: 'run the version that migrated it, or a later one',
    });
  }
  return !lacks;
}

/** Who only loads may not migrate: the tables belong to another role. Said before anything is tried, of which a part might succeed. */
async function refuseStranger(client: Client): Promise<void> {
  const { rows } = await client.query<{ may: string | boolean; me: string; owner: string | null }>(
    `SELECT current_user AS me, pg_get_userbyid(c.relowner) AS owner,
            CASE WHEN c.oid IS NULL THEN has_database_privilege(current_database(), 'CREATE') ELSE pg_has_role(c.relowner, 'USAGE') END AS may
       FROM (SELECT to_regclass($1) AS oid) m LEFT JOIN pg_class c ON c.oid = m.oid`,
    [DONE],
  );
  const [{ may, me, owner }] = rows;
  if (may === 't' || may === true) return;
  if (owner === null)
    throw new ServiceError(`permission denied for "${me}" to make the tables, which are not there yet`, {
      hint: `run ${MIGRATE} as a user who may; glossier doctor prints the SQL for one, glossier schema --roles that for three`,
    });
  throw new ServiceError(`the tables are older than this version, and "${me}" may not migrate them`, {
    hint: `run ${MIGRATE} as "${owner}", to whom they belong`,
  });
}

/** The tables of a database are in one schema. Another one would be left without any, and every batch would fail. */
async function refuseOther(client: Client, analystsSchema: string): Promise<void> {
  if (!(await isThere(client, DONE)) || (await isThere(client, `${quote(analystsSchema)}.${ANALYSTS.userStats}`))) return;
  const { rows } = await client.query<{ schema: string }>(
    `SELECT n.nspname AS schema FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND c.relname = $1 AND n.nspname <> $2`,
    [ANALYSTS.userStats, COPY_SCHEMA],
  );
  if (rows.length === 0) return;
  throw new ServiceError(
    `the tables of this database are in the schema ${rows.map(r => quote(r.schema)).join(', ')}, not in ${quote(analystsSchema)}`,
    {
      hint: 'set DATABASE_SCHEMA to that, or use another database',
    },
  );
}

/** Migrations that the database has and this version does not know, and whether it lacks any that this version has. */
export async function compareSchema(client: Client, analystsSchema: string): Promise<{ newer: string[]; lacks: boolean }> {
  if (!(await isThere(client, DONE)) || !(await isThere(client, `${quote(analystsSchema)}.${ANALYSTS.userStats}`)))
    return { newer: [], lacks: true };
  const { rows } = await client.query<{ name: string }>(`SELECT name FROM ${DONE} ORDER BY id`);
  const here = migrations();
  const newer = rows.map(r => RENAMED[r.name] ?? r.name).filter(name => !here.includes(name));
  return { newer, lacks: rows.length - newer.length < here.length };
}
