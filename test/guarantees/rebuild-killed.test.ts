/** A rebuild that is killed, held up or doubled leaves the tables as they were or as they must be, and no litter. */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { ChaosServers } from '../chaos/servers.js';
import { describe } from '../support/cli.js';
import { compare } from '../support/compare.js';
import { Random } from '../support/make-drop-orders.js';
import { damage, loadedShop } from './damage.js';
import { type Shop, until } from './shop.js';

const SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'glossier%'";
const AT_WORK = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'glossier%'";

let servers: ChaosServers;
before(async () => {
  servers = await ChaosServers.start();
});
after(() => servers.stop());

/** Holds a lock until it is let go. */
async function hold(t: TestContext, shop: Shop, sql: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: shop.url });
  client.on('error', () => {});
  await client.connect();
  await client.query('BEGIN');
  await client.query(sql);
  t.after(() => client.end().catch(() => {}));
  return async () => {
    await client.query('ROLLBACK');
  };
}

async function rebuildState(shop: Shop): Promise<string | null> {
  return JSON.parse((await shop.run(0, ['status', '--json'])).stdout).rebuild?.state ?? null;
}

test('of two rebuilds the second says so; one that is killed has changed nothing, is shown as abandoned, and is swept by the next', {
  timeout: 150_000,
}, async t => {
  const { shop } = await loadedShop(t, 60);
  for (const sql of damage(new Random(5), true)) await shop.query(sql);
  const before = await compare(shop.url, 'public', shop.oracle);
  const letGo = await hold(t, shop, 'SELECT FROM glossier.positions FOR UPDATE');
  const rebuild = shop.start(['rebuild'], { REBUILD_LOCK_TIMEOUT: '300ms' });
  await rebuild.waitFor(/somebody holds a lock/);
  assert.equal(await rebuildState(shop), 'running');
  assert.match(await shop.fails(['rebuild']), /another rebuild of this database is running/);
  await rebuild.stop('SIGKILL');
  assert.equal(await rebuildState(shop), 'abandoned');
  assert.deepEqual(await compare(shop.url, 'public', shop.oracle), before);
  await letGo();
  await shop.run(0, ['rebuild']);
  await shop.check();
  assert.deepEqual(await shop.query(SCHEMAS), [{ nspname: 'glossier' }]);
  assert.equal(await rebuildState(shop), null);
});

test('a rebuild that is killed or stopped at any moment has done all or nothing', { timeout: 200_000 }, async t => {
  const { shop } = await loadedShop(t, 150);
  const seed = Number(process.env.GLOSSIER_TEST_SEED ?? Math.floor(Math.random() * 1e9));
  t.diagnostic(`the seed is ${seed}; again by GLOSSIER_TEST_SEED=${seed}`);
  const random = new Random(seed);
  let before: string[] = [];
  for (let i = 0; i < 6; i++) {
    if (before.length === 0) {
      for (const sql of damage(random, true)) await shop.query(sql);
      before = await compare(shop.url, 'public', shop.oracle);
    }
    const rebuild = shop.start(['rebuild']);
    await rebuild.waitFor(i < 3 ? /Replaying/ : /Comparing/);
    await sleep(random.int(0, i < 3 ? 900 : 2000));
    const { code } = await rebuild.stop(i % 2 === 0 ? 'SIGKILL' : 'SIGTERM');
    await until('the server has noticed', 10, async () => (await shop.query(AT_WORK)).length === 0);
    const after = await compare(shop.url, 'public', shop.oracle);
    t.diagnostic(`exit ${code}: ${after.length === 0 ? 'all' : 'nothing'}`);
    if (after.length > 0) assert.deepEqual(after, before);
    else before = [];
  }
  await shop.run(0, ['rebuild']);
  await shop.check();
  assert.deepEqual(await shop.query(SCHEMAS), [{ nspname: 'glossier' }]);
});

test('a lock that somebody holds on a table is waited for in turns, and workers and readers go on in between', {
  timeout: 120_000,
}, async t => {
  const { shop, third } = await loadedShop(t, 60);
  await shop.query('UPDATE user_stats SET total_spend = total_spend + 1');
  const letGo = await hold(t, shop, 'LOCK TABLE user_stats IN SHARE MODE'); // as CREATE INDEX does
  const rebuild = shop.start(['rebuild'], { REBUILD_LOCK_TIMEOUT: '500ms' });
  await rebuild.waitFor(/somebody holds a lock/);
  const started = performance.now();
  await shop.query("SET lock_timeout = '100ms'; SELECT * FROM user_stats; SELECT count(*) FROM orders");
  await shop.run(0, ['produce', third]);
  await shop.oracle.load(third);
  const worker = shop.start(['consume'], { MERGE_EVERY: '1h' }); // a merge would wait for the lock
  await until('everything is loaded', 60, async () => JSON.parse((await shop.run(0, ['status', '--json'])).stdout).lag === 0);
  assert.equal((await worker.stop()).code, 0);
  t.diagnostic(`read, published and loaded within ${(performance.now() - started).toFixed(0)} ms`);
  await letGo();
  const result = await rebuild.done;
  assert.equal(result.code, 0, describe(result));
  await shop.run(0, ['merge']);
  await shop.check();
});

test('a rebuild outlasts the loss of Postgres and of Kafka in its middle, and a worker that is killed beside it', {
  timeout: 240_000,
}, async t => {
  const { shop, third } = await loadedShop(t, 400, { brokers: [servers.brokers], databaseUrl: servers.databaseUrl });
  for (const sql of damage(new Random(7), true)) await shop.query(sql);
  const worker = shop.start(['consume'], { MERGE_EVERY: '500ms' });
  await shop.run(0, ['produce', third]);
  await shop.oracle.load(third);
  for (const kill of [() => servers.killPostgres(1500, 'SIGKILL'), () => servers.killKafka(1500)]) {
    const rebuild = shop.start(['rebuild'], { BATCH_ORDERS: '20' });
    await rebuild.waitFor(/Replaying/);
    await sleep(300);
    await kill();
    const result = await rebuild.done;
    assert.equal(result.code, 0, describe(result));
    await shop.query('DELETE FROM orders__2017_12 WHERE id % 2 = 0');
  }
  await worker.stop('SIGKILL');
  await shop.run(0, ['rebuild']);
  await until('everything is loaded', 10, async () => JSON.parse((await shop.run(0, ['status', '--json'])).stdout).lag === 0);
  await shop.check();
  assert.deepEqual(await shop.query(SCHEMAS), [{ nspname: 'glossier' }]);
});
