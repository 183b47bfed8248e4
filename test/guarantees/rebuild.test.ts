/** The tables can be made right again from the topic at any time, under readers, beside workers, and with what analysts added to them. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { compare } from '../support/compare.js';
import { Random } from '../support/make-drop-orders.js';
import { freshName } from '../support/services.js';
import { damage, loadedShop } from './damage.js';
import { type Shop, until } from './shop.js';

/** What orders and users say of each other, in one statement: 0 in sound tables. */
const READ = `SELECT (SELECT count(*) FROM orders WHERE user_id IS NOT NULL) -
  (SELECT coalesce(sum(total_orders), 0) FROM (SELECT total_orders FROM user_stats UNION ALL SELECT total_orders FROM user_staging) u) AS off,
  extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000 AS ms`;

async function connect(t: TestContext, url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  t.after(() => client.end().catch(() => {}));
  return client;
}

/** Reads without a pause until it is told to end. */
async function startReader(t: TestContext, shop: Shop): Promise<() => Promise<{ seen: number[]; longest: number; reads: number }>> {
  const client = await connect(t, shop.url);
  await client.query("SET lock_timeout = '500ms'"); // a reader that waits for a lock fails
  const told = { seen: [] as number[], longest: 0, reads: 0 };
  let ending = false;
  const running = (async () => {
    while (!ending) {
      const { rows } = await client.query(READ);
      told.longest = Math.max(told.longest, Number(rows[0].ms)); // by the server's clock: this process has other things to do
      told.reads++;
      if (told.seen.at(-1) !== Number(rows[0].off)) told.seen.push(Number(rows[0].off));
    }
  })();
  running.catch(() => {});
  return async () => {
    ending = true;
    await running;
    return told;
  };
}

test('whatever was done to the tables a rebuild sets it right, while a worker loads and readers see the old state or the new', {
  timeout: 240_000,
}, async t => {
  const { shop, third } = await loadedShop(t, 300);
  const seed = Number(process.env.GLOSSIER_TEST_SEED ?? Math.floor(Math.random() * 1e9));
  t.diagnostic(`the seed is ${seed}; again by GLOSSIER_TEST_SEED=${seed}`);
  for (const sql of damage(new Random(seed), true)) await shop.query(sql);
  assert.notDeepEqual(await compare(shop.url, 'public', shop.oracle), []);
  const readers = await Promise.all([startReader(t, shop), startReader(t, shop)]);
  const worker = shop.start(['consume'], { MERGE_EVERY: '300ms' });
  await worker.waitFor(/joined the group/);
  const produce = shop.start(['produce', third]);
  await shop.run(0, ['rebuild']);
  assert.equal((await produce.done).code, 0);
  await shop.oracle.load(third);
  await until('everything is loaded', 60, async () => JSON.parse((await shop.run(0, ['status', '--json'])).stdout).lag === 0);
  for (const end of readers) {
    const { seen, longest, reads } = await end();
    t.diagnostic(`${reads} reads, the longest ${longest.toFixed(0)} ms, differences seen: ${seen.join(', ')}`);
    assert.equal(seen.at(-1), 0);
    assert.equal(seen.length, 2, `the damaged state and the sound one: ${seen.join(', ')}`);
    assert.ok(longest < 2000, `a reader waited ${longest} ms`);
  }
  assert.equal((await worker.stop()).code, 0);
  await shop.run(0, ['merge']);
  await shop.check();
  assert.match((await shop.run(0, ['rebuild', '--dry-run'])).stdout, /The tables hold what the topic says/);
});

test('a position beyond the end, one that is gone and a month that is gone are set right too', { timeout: 240_000 }, async t => {
  const { shop } = await loadedShop(t, 60);
  const seed = Number(process.env.GLOSSIER_TEST_SEED ?? Math.floor(Math.random() * 1e9));
  t.diagnostic(`the seed is ${seed}; again by GLOSSIER_TEST_SEED=${seed}`);
  for (const sql of damage(new Random(seed), false)) await shop.query(sql);
  for (const sql of [
    'UPDATE glossier.positions SET next_offset = next_offset + 9 WHERE partition = (SELECT max(partition) FROM glossier.positions)',
    'DELETE FROM glossier.positions WHERE partition = (SELECT min(partition) FROM glossier.positions)',
    'DROP TABLE IF EXISTS orders__2017_12',
  ])
    await shop.query(sql);
  await shop.run(0, ['rebuild']);
  await shop.check();
});

test('a dry run tells the difference by table, column and id, and changes nothing', { timeout: 120_000 }, async t => {
  const { shop } = await loadedShop(t, 60);
  await shop.query("UPDATE orders__2017_12 SET note = 'somebody was here', tags = 'x' WHERE id = (SELECT min(id) FROM orders__2017_12)");
  await shop.query(`DELETE FROM order_line_item_mapping WHERE line_item_id =
    (SELECT min(line_item_id) FROM order_line_item_mapping WHERE order_id IN (SELECT id FROM orders__2017_11))`);
  const before = await compare(shop.url, 'public', shop.oracle);
  const { stdout } = await shop.run(4, ['rebuild', '--dry-run', '--json']);
  const { equal, applied, differences } = JSON.parse(stdout);
  assert.deepEqual([equal, applied], [false, false]);
  const [{ id }] = await shop.query('SELECT min(id) AS id FROM orders__2017_12');
  const differing = differences.filter((d: { added: number; removed: number; changed: number }) => d.added + d.removed + d.changed > 0);
  assert.deepEqual(
    differing.map((d: { table: string; added: number; removed: number; changed: number }) => [d.table, d.added, d.removed, d.changed]),
    [
      ['orders__2017_12', 0, 0, 1],
      ['order_line_item_mapping', 1, 0, 0],
    ],
  );
  assert.deepEqual([differing[0].columns, differing[0].examples], [{ note: 1, tags: 1 }, [id]]);
  assert.doesNotMatch(stdout, /somebody was here/);
  assert.deepEqual(await compare(shop.url, 'public', shop.oracle), before);
  // one month alone is set right, and nothing else
  assert.match((await shop.run(0, ['rebuild', '--month', '2018-01'])).stdout, /The tables hold what the topic says/);
  await shop.run(0, ['rebuild', '--month', '2017-12']);
  assert.match((await shop.run(4, ['rebuild', '--dry-run'])).stdout, /^order_line_item_mapping +1 +0 +0/m);
  await shop.run(0, ['rebuild']);
  await shop.check();
});

test('what analysts added to the tables is there after a rebuild, and works', { timeout: 120_000 }, async t => {
  const { shop } = await loadedShop(t, 60);
  const role = freshName('analyst');
  const mine = await connect(t, shop.url);
  t.after(() => shop.query(`DROP ROLE ${role}`, [], shop.server.databaseUrl)); // its rights have gone with the database
  await shop.query(`CREATE ROLE ${role};
    CREATE VIEW big_orders AS SELECT o.id, m.line_item_id, u.total_spend FROM orders o JOIN order_line_item_mapping m ON m.order_id = o.id JOIN user_stats u USING (user_id);
    CREATE MATERIALIZED VIEW spend AS SELECT user_id, total_spend FROM user_stats; CREATE UNIQUE INDEX ON spend (user_id);
    GRANT SELECT ON big_orders, orders__2017_12, user_stats, spend TO ${role};
    COMMENT ON TABLE orders__2017_12 IS 'mine'; COMMENT ON COLUMN user_stats.phone IS 'secret';
    CREATE INDEX by_price ON orders__2017_12 (total_price); CREATE UNIQUE INDEX one_spend ON user_stats (user_id, total_spend);
    ALTER TABLE user_stats ADD COLUMN segment text; UPDATE user_stats SET segment = 'of ' || user_id;
    CREATE TABLE notes (user_id bigint REFERENCES user_stats, note text); INSERT INTO notes SELECT user_id, 'kept' FROM user_stats;
    ALTER TABLE orders__2017_12 ENABLE ROW LEVEL SECURITY; CREATE POLICY cheap ON orders__2017_12 TO ${role} USING (total_price < 100);
    CREATE PUBLICATION changes FOR TABLE orders__2017_12, user_stats`);
  await mine.query('PREPARE spend AS SELECT count(*) AS n, sum(total_spend) AS spend FROM big_orders');
  await mine.query('EXECUTE spend');
  const objects = () =>
    shop.query(`SELECT 'index ' || indexdef AS o FROM pg_indexes WHERE schemaname = 'public' UNION ALL
      SELECT 'comment ' || description FROM pg_description WHERE description IN ('mine', 'secret') UNION ALL
      SELECT 'grant ' || relname || relacl::text FROM pg_class WHERE relacl::text LIKE '%${role}%' UNION ALL
      SELECT 'policy ' || policyname || qual FROM pg_policies UNION ALL SELECT 'rls ' || relname FROM pg_class WHERE relrowsecurity UNION ALL
      SELECT 'key ' || conname || conrelid::regclass FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace UNION ALL
      SELECT 'published ' || tablename FROM pg_publication_tables UNION ALL
      SELECT 'table ' || oid || relname FROM pg_class WHERE relkind IN ('r', 'm') AND relnamespace IN ('public'::regnamespace, 'glossier'::regnamespace) ORDER BY 1`);
  const before = await objects();
  for (const sql of [
    'DELETE FROM orders__2017_12 WHERE id % 2 = 0',
    'UPDATE orders__2017_12 SET total_price = 5 WHERE id % 3 = 0',
    'UPDATE user_stats SET total_spend = 0, phone = NULL',
    'DELETE FROM order_line_item_mapping WHERE line_item_id % 2 = 0',
  ])
    await shop.query(sql);
  await shop.run(0, ['rebuild']);
  assert.deepEqual(await objects(), before);
  assert.deepEqual(
    (await mine.query('EXECUTE spend')).rows,
    await shop.query('SELECT count(*) AS n, sum(total_spend) AS spend FROM big_orders'),
  );
  await shop.query('REFRESH MATERIALIZED VIEW CONCURRENTLY spend');
  assert.deepEqual(
    await shop.query('SELECT FROM spend s JOIN user_stats u USING (user_id) WHERE s.total_spend <> u.total_spend OR u.total_spend = 0'),
    [],
  );
  assert.deepEqual(await shop.query("SELECT FROM user_stats WHERE segment IS DISTINCT FROM 'of ' || user_id"), []);
  assert.deepEqual(await shop.query('SELECT FROM user_stats FULL JOIN notes USING (user_id) WHERE note IS NULL'), []);
  await mine.query(`SET ROLE ${role}`);
  const [cheap] = (await mine.query('SELECT count(*)::int AS n, max(total_price) < 100 AS only FROM orders__2017_12')).rows;
  assert.ok(cheap.n > 0 && cheap.only, 'the policy holds for the role');
  await shop.query(
    "INSERT INTO user_stats SELECT 5, NULL, NULL, NULL, NULL, 1, 1, now(), now(), 1; INSERT INTO notes VALUES (5, 'no such user')",
  );
  assert.match(
    await shop.fails(['rebuild']),
    /a rule on the tables refuses what the topic says: .*notes_user_id_fkey.* — nothing has changed/,
  );
  await shop.query('DELETE FROM notes WHERE user_id = 5');
  await shop.run(0, ['rebuild']);
  await shop.query('ALTER TABLE user_stats DROP COLUMN segment');
  assert.deepEqual(await compare(shop.url, 'public', shop.oracle, { ignore: ['big_orders', 'notes', 'spend'] }), []);
});
