/** While a rebuild compares and applies, no worker moves on: what it would load would be held against a copy that does not have it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe } from '../support/cli.js';
import { loadedShop } from './damage.js';
import { until } from './shop.js';

test('no worker moves on while a rebuild applies what differs, and each goes on behind it', { timeout: 120_000 }, async t => {
  const { shop, third } = await loadedShop(t, 60);
  await shop.query(`UPDATE user_stats SET total_spend = 0;
    CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(4); RETURN NULL; END $$;
    CREATE TRIGGER slow AFTER UPDATE ON user_stats FOR EACH STATEMENT EXECUTE FUNCTION public.slow()`);
  const worker = shop.start(['consume'], { MERGE_EVERY: '1h' });
  await worker.waitFor(/joined the group/);
  const before = await shop.done();
  const rebuild = shop.start(['rebuild']);
  const applying = async () =>
    (await shop.query("SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'")).length > 0;
  await until('the rebuild applies', 60, applying);
  await shop.run(0, ['produce', third]);
  await sleep(1000);
  const then = await shop.done();
  if (await applying()) assert.equal(then, before, 'a worker moved on');
  else t.diagnostic('publishing took longer than the rebuild: nothing was seen');
  const result = await rebuild.done;
  assert.equal(result.code, 0, describe(result));
  await shop.oracle.load(third);
  await until('everything is loaded', 60, async () => JSON.parse((await shop.run(0, ['status', '--json'])).stdout).lag === 0);
  assert.equal((await worker.stop()).code, 0);
  await shop.query('DROP TRIGGER slow ON user_stats');
  await shop.run(0, ['merge']);
  await shop.check();
});
