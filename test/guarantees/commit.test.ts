/** Rows and position change in one transaction: whenever a worker dies or its connection is cut, nothing is lost and nothing doubled. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe } from '../support/cli.js';
import { makeDrop } from '../support/make-drop.js';
import { Random } from '../support/make-drop-orders.js';
import { removeServices, tempDir } from '../support/services.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { Shop, until } from './shop.js';

const TIMEOUT = { timeout: 150_000 };
const DRAIN = ['consume', '--until-drained'];

/** A drop that is published and not loaded yet. */
async function published(t: TestContext, orders: number, settings: Record<string, string>): Promise<Shop> {
  const dir = tempDir();
  t.after(() => removeServices(dir));
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '4', ...settings });
  const zip = join(dir, 'drop.zip');
  await makeDrop(zip, { seed: 11, dates: ['2017-12-04', '2018-01-05'], orders, awkward: 0.05 });
  await shop.oracle.load(zip);
  await shop.run(0, ['produce', zip]);
  return shop;
}

/** Makes every COMMIT of a batch take that long, as a slow disk does: the rows and the position are written, and nothing is decided. */
async function slowCommits(shop: Shop, milliseconds: number): Promise<void> {
  await shop.query(`
    CREATE OR REPLACE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(${milliseconds / 1000}); RETURN NULL; END $$;
    DROP TRIGGER IF EXISTS slow ON glossier.batches;
    CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON glossier.batches DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.slow()`);
}

/** @returns the server process of a worker that is in the middle of a COMMIT */
async function committing(shop: Shop): Promise<string> {
  let pid: string | undefined;
  await until('a worker commits', 30, async () => {
    const rows = await shop.query(
      `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query = 'COMMIT' AND wait_event = 'PgSleep'`,
    );
    pid = rows[0]?.pid;
    return pid !== undefined;
  });
  return pid!;
}

test('workers that are killed at any moment of a load lose and double nothing', TIMEOUT, async t => {
  const shop = await published(t, 1500, { BATCH_ORDERS: '15' });
  const random = new Random(20171204);
  const places: number[] = [];
  for (let n = 0; n < 5; n++) {
    // a group of its own each time: the broker would hold the partitions of a dead member for six seconds
    const before = await shop.done();
    const worker = shop.start(DRAIN, { KAFKA_GROUP: `${shop.topic}-${n}` });
    await until('it loads', 20, async () => !worker.output().stderr.includes('glossier: ') && (await shop.done()) > before);
    await sleep(random.int(0, 120));
    const { signal } = await worker.stop('SIGKILL');
    assert.equal(signal, 'SIGKILL');
    places.push(await shop.done());
  }
  assert.ok(places[places.length - 1] < 1500, `it was killed in the middle: ${places}`);
  await shop.run(0, DRAIN, { KAFKA_GROUP: `${shop.topic}-last` });
  await shop.check();
});

test('a worker that is killed in the middle of a COMMIT loses and doubles nothing', TIMEOUT, async t => {
  const shop = await published(t, 120, { BATCH_ORDERS: '20' });
  await shop.run(0, ['merge']); // makes the tables
  for (let n = 0; n < 2; n++) {
    await slowCommits(shop, 400);
    const worker = shop.start(DRAIN, { KAFKA_GROUP: `${shop.topic}-${n}` });
    await committing(shop);
    await worker.stop('SIGKILL');
    await slowCommits(shop, 0); // waits until the server is through with it
  }
  await shop.run(0, DRAIN, { KAFKA_GROUP: `${shop.topic}-last` });
  await shop.query('DROP FUNCTION public.slow CASCADE');
  await shop.check();
});

test('a COMMIT whose answer is lost, or that the server gave up, loses and doubles nothing', TIMEOUT, async t => {
  const shop = await published(t, 120, { BATCH_ORDERS: '20' });
  await shop.run(0, ['merge']);
  const proxy = await TcpProxy.listen(Number(new URL(shop.url).port));
  t.after(() => proxy.close());
  const url = new URL(shop.url);
  url.port = String(proxy.port);
  await slowCommits(shop, 400);
  const worker = shop.start(DRAIN, { DATABASE_URL: url.href });
  await committing(shop);
  proxy.cut(); // the server commits all the same
  await sleep(1000);
  await shop.query('SELECT pg_terminate_backend($1::int)', [await committing(shop)]); // the server rolls back
  const result = await worker.done;
  assert.equal(result.code, 0, describe(result));
  await shop.query('DROP FUNCTION public.slow CASCADE');
  await shop.check();
});
