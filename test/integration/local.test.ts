/** Kafka and Postgres of local/: nobody starts two on a folder, they outlive a kill with their data, and a stop stops them. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { localStatus, startKafka, startLocal, startPostgres, stopLocal } from '../../local/local.js';
import { isFree } from '../../local/process.js';
import { LIB_DIR, removeServices, tempDir } from '../support/services.js';

let dir: string;
before(() => {
  dir = tempDir();
});
after(() => removeServices(dir));

const port = (endpoint: string) => Number(/:(\d+)(\/|$)/.exec(endpoint)![1]);
const start = () => startLocal({ dir, libDir: LIB_DIR, fast: true });

async function sql(url: string, statement: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await client.query(statement);
  } finally {
    await client.end();
  }
}

async function topics(brokers: string[], make?: string): Promise<string[]> {
  const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    if (make) await admin.createTopics({ topics: [{ topic: make, numPartitions: 1 }] });
    return await admin.listTopics();
  } finally {
    await admin.disconnect();
  }
}

test('a lock that a dead process left behind keeps nobody out', { timeout: 5000 }, async () => {
  // No process has this pid: Linux gives none above 4194304.
  writeFileSync(join(dir, 'lock'), '4194305 1');
  assert.deepEqual(await stopLocal({ dir }), { kafka: 'not running', postgres: 'not running' });
});

test('a process is stopped only when it is the one that was started', async () => {
  const stranger = spawn('sleep', ['60']);
  try {
    writeFileSync(join(dir, 'kafka.json'), JSON.stringify({ pid: stranger.pid, port: 9 }));
    assert.equal((await localStatus({ dir })).kafka.running, false);
    assert.equal((await stopLocal({ dir })).kafka, 'not running');
    assert.equal(stranger.exitCode ?? stranger.signalCode, null);
  } finally {
    stranger.kill();
  }
});

test('two starts at the same moment start one of each', async () => {
  const steps: string[] = [];
  const [one, two] = await Promise.all([
    startLocal({ dir, libDir: LIB_DIR, fast: true, onStep: text => steps.push(text) }),
    startLocal({ dir, libDir: LIB_DIR, fast: true, onStep: text => steps.push(text) }),
  ]);
  assert.deepEqual(one, two);
  assert.equal(steps.filter(text => text === 'Starting Kafka…').length, 1);
  assert.equal(steps.filter(text => text === 'Starting Postgres…').length, 1);
  const status = await localStatus({ dir });
  assert.equal(status.kafka.endpoint, one.brokers[0]);
  assert.ok(status.kafka.running && status.postgres.running && status.postgres.bytes > 0);
});

test('a start that finds both running starts nothing', async () => {
  const before = await localStatus({ dir });
  const steps: string[] = [];
  await startLocal({ dir, libDir: LIB_DIR, onStep: text => steps.push(text) });
  const now = await localStatus({ dir });
  assert.deepEqual(steps, []);
  assert.deepEqual([now.kafka.pid, now.postgres.pid], [before.kafka.pid, before.postgres.pid]);
});

test('the database is UTF-8, in the C locale and in UTC', async () => {
  const { databaseUrl } = await start();
  const { rows } = await sql(
    databaseUrl,
    `SELECT pg_encoding_to_char(encoding) AS encoding, datcollate, current_setting('timezone') AS timezone FROM pg_database WHERE datname = current_database()`,
  );
  assert.deepEqual(rows, [{ encoding: 'UTF8', datcollate: 'C', timezone: 'UTC' }]);
});

test('what is made without a schema stands in public, although the user is called like the schema of the program', async () => {
  const { databaseUrl } = await start();
  const { rows } = await sql(
    databaseUrl,
    `CREATE SCHEMA IF NOT EXISTS glossier; CREATE TABLE mine (); SELECT current_user, relnamespace::regnamespace::text AS schema FROM pg_class WHERE relname = 'mine'`,
  ).then(results => (results as unknown as pg.QueryResult[]).at(-1)!);
  assert.deepEqual(rows, [{ current_user: 'glossier', schema: 'public' }]);
});

test('both come back with their data after a kill, on the port that is asked for', async () => {
  const { brokers, databaseUrl } = await start();
  await sql(databaseUrl, 'CREATE TABLE kept AS SELECT 42 AS answer');
  await topics(brokers, 'kept');
  const killed = await localStatus({ dir });
  process.kill(killed.kafka.pid!, 'SIGKILL');
  process.kill(killed.postgres.pid!, 'SIGKILL');
  const [kafka, postgres] = await Promise.all([
    startKafka({ dir, libDir: LIB_DIR, port: port(brokers[0]) }),
    startPostgres({ dir, fast: true, port: port(databaseUrl) }),
  ]);
  assert.notEqual(kafka.pid, killed.kafka.pid);
  assert.notEqual(postgres.pid, killed.postgres.pid);
  assert.deepEqual([kafka.brokers, postgres.url], [brokers, databaseUrl]);
  assert.deepEqual((await sql(databaseUrl, 'SELECT answer FROM kept')).rows, [{ answer: 42 }]);
  assert.ok((await topics(brokers)).includes('kept'));
});

test('a second folder has servers of its own', async () => {
  const other = tempDir();
  try {
    const [first, second] = await Promise.all([start(), startLocal({ dir: other, libDir: LIB_DIR, only: 'postgres', fast: true })]);
    assert.deepEqual(second.brokers, []);
    assert.notEqual(second.databaseUrl, first.databaseUrl);
    assert.equal((await sql(second.databaseUrl, `SELECT to_regclass('kept') AS kept`)).rows[0].kept, null);
  } finally {
    await removeServices(other);
  }
});

test('a stop stops both, and a second one finds nothing to do', async () => {
  const { brokers, databaseUrl } = await start();
  assert.deepEqual(await stopLocal({ dir }), { kafka: 'stopped', postgres: 'stopped' });
  const { kafka, postgres } = await localStatus({ dir });
  assert.deepEqual([kafka.running, postgres.running], [false, false]);
  assert.ok((await isFree(port(brokers[0]))) && (await isFree(port(databaseUrl))));
  assert.deepEqual(await stopLocal({ dir }), { kafka: 'not running', postgres: 'not running' });
});
