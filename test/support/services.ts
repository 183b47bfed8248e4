/**
 * Kafka and Postgres for tests: one of each for a whole run, started by run.ts and named to the test files by two environment variables.
 * A test that kills its server starts its own by startLocal, startKafka or startPostgres, with tempDir() and LIB_DIR.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { localStatus, startLocal, stopLocal } from '../../local/local.js';

/** The environment variables that name the servers. Set both beforehand and run.ts starts none. */
export const TEST_ENV = { databaseUrl: 'GLOSSIER_TEST_DATABASE_URL', brokers: 'GLOSSIER_TEST_BROKERS' } as const;

/** From dist/test/support/. */
export const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));

/** Kafka's jars, fetched once for all runs; the same ones that `glossier` uses in this folder. */
export const LIB_DIR = join(REPOSITORY, '.glossier', 'kafka', 'lib');

export interface TestServices {
  /** `host:port` */
  brokers: string[];
  /** As a user who may make databases. */
  databaseUrl: string;
}

/**
 * The servers of this run.
 *
 * @throws Error when the test file was started without them
 */
export function testServices(): TestServices {
  const databaseUrl = process.env[TEST_ENV.databaseUrl];
  const brokers = process.env[TEST_ENV.brokers];
  if (!databaseUrl || !brokers) throw new Error('this test needs Kafka and Postgres: run it by "npm test", or "npm test -- <file>"');
  return { databaseUrl, brokers: brokers.split(',') };
}

/** Starts both in a folder of their own under the temporary one; removeServices(dir) ends them. */
export async function startTestServices(onStep: (text: string) => void = () => {}): Promise<TestServices & { dir: string }> {
  const dir = tempDir('services-');
  return { ...(await startLocal({ dir, libDir: LIB_DIR, fast: true, onStep })), dir };
}

/** Stops what runs in a folder of tempDir() and removes it, unless `keep`. */
export async function removeServices(dir: string, keep = false): Promise<void> {
  await stopLocal({ dir });
  if (keep) return;
  const { postgres } = await localStatus({ dir });
  // Where the temporary folder cannot be entered by Postgres' user its data lie elsewhere (postgres-place.ts).
  if (postgres.folder && !postgres.folder.startsWith(dir)) rmSync(join(postgres.folder, '..'), { recursive: true, force: true });
  rmSync(dir, { recursive: true, force: true });
}

/** A new empty folder that other users may pass through, as Postgres needs when root runs the tests. */
export function tempDir(prefix = 'glossier-'): string {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), prefix)));
  chmodSync(dir, 0o711);
  return dir;
}

/** `prefix` and 10 random hex digits: a name for a topic, group, database or schema that no other test has. */
export function freshName(prefix: string): string {
  return `${prefix}_${randomBytes(5).toString('hex')}`;
}

/** Makes an empty database in the Postgres of this run (or in `server`, a URL) and returns its URL. Takes 0.1 to 0.4 s. */
export async function freshDatabase(server = testServices().databaseUrl, template?: string): Promise<string> {
  const name = freshName('test');
  const like = template === undefined ? '' : ` TEMPLATE ${new URL(template).pathname.slice(1)}`;
  await admin(server, client => client.query(`CREATE DATABASE ${name}${like}`));
  const url = new URL(server);
  url.pathname = name;
  return url.href;
}

/** Drops a database of freshDatabase(), also when somebody is still connected to it. */
export async function dropDatabase(url: string, server = testServices().databaseUrl): Promise<void> {
  const name = new URL(url).pathname.slice(1);
  if (!name.startsWith('test_')) throw new Error(`${name} was not made by freshDatabase`);
  await admin(server, client => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
}

async function admin(server: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
