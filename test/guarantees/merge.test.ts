/** The fold of users takes each staged row once, whatever happens beside it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { compare } from '../support/compare.js';
import { Oracle } from '../support/oracle.js';
import { directDatabase, directLoader, loadNow, mergeNow, TABLES, withDb } from './direct.js';
import { order, Shop, until } from './shop.js';

const TIMEOUT = { timeout: 150_000 };

test('merges at once, during a load, and cut off in the middle, add every order up once', TIMEOUT, async t => {
  const url = await directDatabase(t);
  const loader = await directLoader(t, url, 'a');
  const oracle = new Oracle();
  let loading = true;
  t.after(() => {
    loading = false; // else a failure would leave them running for ever
  });
  let folded = 0;
  let cut = 0;
  const merging = [1, 2, 3].map(async () => {
    while (loading) {
      const result = await mergeNow(url).catch(error => {
        assert.match(String((error as { code?: string }).code), /^(57P01|GLOSSIER_LOST|ECONNRESET)$/, String(error));
        cut++;
        return { staged: 0 };
      });
      folded += result.staged;
    }
  });
  const cutting = withDb(url, async db => {
    while (loading) {
      await db.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'a test' AND query LIKE 'WITH taken%' AND state <> 'idle' AND pid <> pg_backend_pid()`,
      );
      await sleep(15);
    }
  });
  for (let n = 0; n < 40; n++) {
    const orders = Array.from({ length: 25 }, (_, i) => order(1 + n * 25 + i, { user: 1 + ((n + i) % 9), price: `${i}.0${n % 10}` }));
    oracle.message(...orders.map(o => Buffer.from(o)));
    await loadNow(loader, { partition: 0, from: n * 25, orders });
  }
  await until('merges were cut off', 20, () => cut > 0);
  loading = false;
  await Promise.all([...merging, cutting]);
  folded += (await mergeNow(url)).staged;
  const { rows } = await withDb(url, db => db.query(`SELECT sum(staged) AS n FROM ${TABLES.merges}`));
  assert.equal(Number(rows[0].n), folded);
  assert.deepEqual(await compare(url, 'public', oracle), []);
});

test('a merge begins when the one before has committed, and knows the newest order that it left', TIMEOUT, async t => {
  const url = await directDatabase(t);
  const loader = await directLoader(t, url, 'a');
  const oracle = new Oracle();
  const years = [2015, 2018, 2016]; // the second is newer than the third, which must not take its place
  const orders = years.map((year, i) => order(1 + i, { at: `${year}-12-04T10:00:00Z`, more: `,"phone":"${year}"` }));
  oracle.message(...orders.map(o => Buffer.from(o)));
  await loadNow(loader, { partition: 0, from: 0, orders: [orders[0]] });
  await mergeNow(url);
  await withDb(url, async gate => {
    // a merge that has folded, and is held before its COMMIT
    await gate.query(`
      CREATE FUNCTION public.wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END $$;
      CREATE TRIGGER wait AFTER INSERT ON ${TABLES.merges} FOR EACH STATEMENT EXECUTE FUNCTION public.wait();
      SELECT pg_advisory_lock(1)`);
    const waiting = async () =>
      (await gate.query(`SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)).rows.length;
    await loadNow(loader, { partition: 0, from: 1, orders: [orders[1]] });
    const first = mergeNow(url);
    await until('the first merge is held', 20, async () => (await waiting()) === 1);
    await loadNow(loader, { partition: 0, from: 2, orders: [orders[2]] });
    const second = mergeNow(url);
    await until('the second waits', 20, async () => (await waiting()) === 2);
    await gate.query('SELECT pg_advisory_unlock(1)');
    assert.deepEqual([(await first).staged, (await second).staged], [1, 1]);
  });
  assert.deepEqual(await compare(url, 'public', oracle), []);
});

test('a merge that is killed in the middle of its transaction changes nothing, and the next does it all', TIMEOUT, async t => {
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '1' });
  await shop.run(0, ['consume', '--until-drained']);
  const values = Array.from({ length: 100 }, (_, i) => order(1 + i, { user: i % 7 || 7 }));
  await shop.send(values.map(value => ({ value })));
  const worker = shop.start(['consume'], { MERGE_EVERY: '1h' });
  await until('all is loaded', 30, async () => (await shop.position()) === 100);
  await worker.stop();
  await shop.query(`
    CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1); RETURN NULL; END $$;
    CREATE TRIGGER slow AFTER INSERT ON user_stats FOR EACH STATEMENT EXECUTE FUNCTION public.slow()`);
  const staged = 'SELECT count(*) AS n FROM user_staging';
  const before = await shop.query(staged);
  const merge = shop.start(['merge']);
  await until(
    'it folds',
    20,
    async () => (await shop.query(`SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`)).length > 0,
  );
  await merge.stop('SIGKILL');
  await shop.query('DROP FUNCTION public.slow CASCADE'); // waits for its lock, so until the server has noticed
  const [now] = await shop.query('SELECT (SELECT count(*) FROM user_staging) AS n, (SELECT count(*) FROM user_stats) AS users');
  // the server may have come to its COMMIT all the same
  const whole = now.n === before[0].n ? now.users === '0' : now.n === '0' && now.users === '7';
  assert.ok(whole, JSON.stringify({ before, now }));
  await shop.run(0, ['merge']);
  shop.oracle.message(...values.map(v => Buffer.from(v)));
  await shop.check();
});
