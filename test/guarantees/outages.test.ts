/** A server that goes away comes back, and the program has waited. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ChaosServers } from '../chaos/servers.js';
import { describe } from '../support/cli.js';
import { makeDrop } from '../support/make-drop.js';
import { removeServices, tempDir } from '../support/services.js';
import { Shop, until } from './shop.js';

const AWAY = 20_000;

test('a load outlasts Postgres and then Kafka being away for twenty seconds each', { timeout: 150_000 }, async t => {
  const dir = tempDir();
  t.after(() => removeServices(dir));
  const servers = await ChaosServers.start();
  const shop = await Shop.open(
    t,
    { ORDERS_PARTITIONS: '4', BATCH_ORDERS: '10' },
    { brokers: [servers.brokers], databaseUrl: servers.databaseUrl },
  );
  t.after(() => servers.stop());
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
