/** Brings the database's schema up to this version, in place. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Client } from 'pg';
import { ServiceError } from '../../shared/errors.js';
import { OWN_SCHEMA, quote } from './tables.js';

const DIR = fileURLToPath(new URL('../../../consumer/schema/sql', import.meta.url));

/** Any number that others are unlikely to take: workers that start together migrate one after the other. */
const LOCK = 720_575_943;

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
 * @throws ServiceError when the database was migrated by a newer version
 */
export async function migrate(client: Client, analystsSchema: string): Promise<void> {
  if (await isCurrent(client, analystsSchema)) return;
  await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
  try {
    const here = migrations();
    const { rows } = await client.query<{ schema: string | null }>('SELECT to_regnamespace($1)::text AS schema', [quote(analystsSchema)]);
    if (rows[0].schema === null) await client.query(`CREATE SCHEMA IF NOT EXISTS ${quote(analystsSchema)}`);
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
      checkOrder: true,
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

/** True when nothing is to be done, which is so at all starts but the first: one statement, no lock. */
async function isCurrent(client: Client, analystsSchema: string): Promise<boolean> {
  const table = `${OWN_SCHEMA}.migrations`;
  const { rows } = await client.query<{ there: string }>('SELECT to_regclass($1) IS NOT NULL AND to_regclass($2) IS NOT NULL AS there', [
    table,
    `${quote(analystsSchema)}.user_stats`,
  ]);
  if (rows[0].there !== 't') return false; // all values come as text
  const done = await client.query<{ name: string }>(`SELECT name FROM ${table} ORDER BY id`);
  const here = migrations();
  const newer = done.rows.filter(r => !here.includes(r.name)).map(r => r.name);
  if (newer.length > 0) {
    throw new ServiceError(`the database has the newer schema ${newer.join(', ')}`, {
      hint: 'run the version that migrated it, or a later one',
    });
  }
  return done.rows.length === here.length;
}
