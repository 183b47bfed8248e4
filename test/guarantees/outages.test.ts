/** A server that goes away comes back, and the program has waited. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ChaosServers } from '../chaos/servers.js';
import { describe } from '../support/cli.js';
import { faceOf } from '../support/http.js';
import { makeDrop } from '../support/make-drop.js';
import { removeServices, tempDir } from '../support/services.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { Shop, until } from './shop.js';

/** Milliseconds that each server is away; GLOSSIER_TEST_AWAY gives other seconds. */
const AWAY = Number(process.env.GLOSSIER_TEST_AWAY ?? 20) * 1000;
const TIMEOUT = { timeout: 150_000 + 4 * AWAY };

let servers: ChaosServers;
const dir = tempDir();
before(async () => {
  servers = await ChaosServers.start();
});
after(() => Promise.all([servers.stop(), removeServices(dir)]));

test('a load outlasts Postgres and then Kafka being away for twenty seconds each', TIMEOUT, async t => {
  const shop = await Shop.open(
    t,
    { ORDERS_PARTITIONS: '4', BATCH_ORDERS: '10' },
    { brokers: [servers.brokers], databaseUrl: servers.databaseUrl },
  );
  const zip = join(dir, 'drop.zip');
  await makeDrop(zip, { seed: 41, dates: ['2017-12-04', '2017-12-05'], orders: 2500, awkward: 0.02 });
  await shop.oracle.load(zip);
  const load = shop.start(['load', zip]);
  await until('it loads', 30, async () => (await shop.done()) > 0);
  const postgres = servers.killPostgres(AWAY, 'SIGKILL');
  await sleep(AWAY / 4); // so that for a while neither is there
  await Promise.all([postgres, servers.killKafka(AWAY)]);
  const result = await load.done;
  assert.equal(result.code, 0, describe(result));
  assert.match(result.stderr, /Postgres is away/);
  assert.match(result.stderr, /Kafka is away/);
  await shop.check();
});

test('connections that lose every byte without a word are noticed, and what was on them is done on others', TIMEOUT, async t => {
  const postgres = await TcpProxy.listen(servers.postgresPort);
  t.after(() => postgres.close());
  const shop = await Shop.open(
    t,
    { ORDERS_PARTITIONS: '4', BATCH_ORDERS: '10' },
    { brokers: [servers.brokers], databaseUrl: servers.databaseUrl },
  );
  const url = new URL(shop.url);
  url.port = String(postgres.port);
  const zip = join(dir, 'silent.zip');
  await makeDrop(zip, { seed: 43, dates: ['2017-12-04', '2017-12-05'], orders: 2500, awkward: 0.02 });
  await shop.oracle.load(zip);
  const load = shop.start(['load', zip], { DATABASE_URL: url.href });
  await until('it loads', 30, async () => (await shop.done()) > 0);
  // a connection that has lost bytes stays silent; those that are made afterwards work
  // twice and more of what it takes; kafkajs alone needs a minute, as it goes on using a connection whose requests have timed out
  for (const [proxy, limit] of [
    [postgres, 100],
    [servers.kafkaProxy, 40],
  ] as const) {
    const started = performance.now();
    proxy.set('swallow');
    await sleep(1500);
    proxy.set('forward');
    const done = await shop.done();
    await until('it loads on', limit, async () => load.child.exitCode !== null || (await shop.done()) > done);
    t.diagnostic(`after ${proxy === postgres ? 'Postgres' : 'Kafka'} fell silent: ${((performance.now() - started) / 1000).toFixed(1)} s`);
  }
  const result = await load.done;
  assert.equal(result.code, 0, describe(result));
  await shop.check();
});

test('a worker is not ready while Postgres or Kafka is away, live all along, and ready again when they are back', TIMEOUT, async t => {
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '2' }, { brokers: [servers.brokers], databaseUrl: servers.databaseUrl });
  const face = await faceOf(shop.start(['consume', '--http', '0']));
  const live: number[] = [];
  const checks = async () => {
    live.push((await face.get('live')).status);
    const { status, text } = await face.get('ready');
    const ready = JSON.parse(text);
    assert.equal(status, ready.ready ? 200 : 503);
    return ready.ready ? 'ready' : ready.checks;
  };
  await until('it is ready', 30, async () => (await checks()) === 'ready');
  const back = servers.killPostgres(4000, 'SIGKILL');
  await until('it is not ready without Postgres', 15, async () => (await checks()).postgres === 'does not answer');
  assert.equal((await face.get('metrics')).status, 200);
  assert.equal(await face.metric('glossier_staging_rows'), undefined);
  assert.equal(await face.metric('glossier_service_up{service="postgres"}'), 0);
  assert.equal((await face.json('status.json')).facts, null);
  assert.equal((await face.get('drops.json')).status, 503);
  await back;
  await until('it is ready with Postgres', 40, async () => (await checks()) === 'ready');
  servers.kafkaProxy.set('refuse');
  await until('it is not ready without Kafka', 30, async () => (await checks()).kafka === 'does not answer');
  servers.kafkaProxy.set('forward');
  await until('it is ready with Kafka', 60, async () => (await checks()) === 'ready');
  assert.deepEqual([...new Set(live)], [200]);
});
