/** A worker that sleeps in the middle of a batch, as long as it likes, keeps nobody from loading and writes nothing twice when it wakes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { from as copyFrom } from 'pg-copy-streams';
import { Database } from '../../consumer/load/database.js';
import { movePositions } from '../../consumer/load/positions.js';
import { copyStatement, REGISTRY_COLUMNS } from '../../consumer/schema/tables.js';
import { compare } from '../support/compare.js';
import { Oracle } from '../support/oracle.js';
import { batchOf, directDatabase, directLoader, loadNow, mergeNow, TABLES, TOPIC, TOPIC_ID } from './direct.js';
import { order, Shop, until } from './shop.js';

const TIMEOUT = { timeout: 150_000 };
const orders = Array.from({ length: 40 }, (_, i) => order(1 + i, { user: 1 + (i % 5) }));

test('a worker that sleeps in the middle of a COPY loses its transaction to the next owner', TIMEOUT, async t => {
  const url = await directDatabase(t);
  const sleeper = await Database.connect(url, 'glossier worker asleep');
  t.after(() => sleeper.destroy());
  await sleeper.query('BEGIN');
  assert.ok(await movePositions(sleeper, TABLES, TOPIC, TOPIC_ID, batchOf({ partition: 0, from: 0, orders }).segments));
  const copying = sleeper.client.query(copyFrom(copyStatement(TABLES.knownOrders, REGISTRY_COLUMNS)));
  const ended = new Promise(resolve => copying.on('error', resolve));
  copying.write(''); // and no more: Postgres waits for the next bytes with the position locked
  await sleep(200);
  const awake = await directLoader(t, url, 'awake');
  const result = await loadNow(awake, { partition: 0, from: 0, orders });
  assert.equal(result?.loaded, orders.length);
  await ended;
  await mergeNow(url);
  const oracle = new Oracle();
  oracle.message(...orders.map(o => Buffer.from(o)));
  assert.deepEqual(await compare(url, 'public', oracle), []);
});

test('a worker that is suspended before its COMMIT, and wakes when another has loaded its batch, goes on from there', TIMEOUT, async t => {
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '1' });
  await shop.run(0, ['consume', '--until-drained']);
  // the first transaction is held where its rows are written and its position is moved
  await shop.query(`
    CREATE FUNCTION public.wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NULL; END $$;
    CREATE TRIGGER wait AFTER INSERT ON glossier.known_orders FOR EACH STATEMENT EXECUTE FUNCTION public.wait()`);
  const gate = shop.query('SELECT pg_advisory_lock(1), pg_sleep(600)').catch(() => {});
  await shop.send(orders.map(value => ({ value })));
  const asleep = shop.start(['consume']);
  const held = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'`;
  await until('its transaction is held', 30, async () => (await shop.query(held)).length > 0);
  asleep.child.kill('SIGSTOP');
  await shop.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`);
  await gate;
  const other = shop.start(['consume']);
  await until('another worker has loaded it', 60, async () => (await shop.position()) === orders.length);
  asleep.child.kill('SIGCONT');
  await shop.send([{ value: order(100) }]);
  await until('one of them loads on', 60, async () => (await shop.position()) === orders.length + 1);
  await Promise.all([asleep, other].map(async worker => assert.equal((await worker.stop()).code, 0)));
  shop.oracle.message(...[...orders, order(100)].map(o => Buffer.from(o)));
  await shop.run(0, ['merge']);
  await shop.check();
});
