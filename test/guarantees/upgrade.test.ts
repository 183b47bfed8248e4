/** An upgrade that changes what stands in a table says so, and a rebuild completes it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { migrate, migrations } from '../../consumer/schema/migrate.js';
import { describe } from '../support/cli.js';
import { compare } from '../support/compare.js';
import { dropDatabase, freshDatabase, REPOSITORY } from '../support/services.js';
import { loadedShop } from './damage.js';
import { withDb } from './direct.js';
import type { Shop } from './shop.js';

/** Makes a database as the first version left it, with what the shop's tables hold in the columns that there were. */
async function asFirstVersion(shop: Shop, url: string): Promise<void> {
  const [first] = migrations();
  const months = await shop.query("SELECT inhrelid::regclass AS name FROM pg_inherits WHERE inhparent = 'orders'::regclass");
  await withDb(url, async db => {
    await db.query('CREATE SCHEMA glossier; SET search_path = public');
    await db.query(readFileSync(join(REPOSITORY, 'consumer/schema/sql', `${first}.sql`), 'utf8'));
    await db.query('CREATE TABLE glossier.migrations (id serial PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL)');
    await db.query('INSERT INTO glossier.migrations (name, run_on) VALUES ($1, now())', [first]);
    for (const { name } of months) await db.query(`CREATE TABLE ${name} (PRIMARY KEY (id)) INHERITS (orders)`);
    const { rows: tables } = await db.query(
      `SELECT relname AS name, oid::regclass AS table FROM pg_class WHERE relkind = 'r' AND relnamespace IN ('public'::regnamespace, 'glossier'::regnamespace)
         AND relname NOT IN ('orders', 'migrations') ORDER BY relname <> 'topics'`,
    );
    for (const { table } of tables) {
      const rows = (await shop.query(`SELECT coalesce(json_agg(t), '[]')::text AS rows FROM ${table} t`))[0].rows;
      await db.query(`INSERT INTO ${table} OVERRIDING SYSTEM VALUE SELECT * FROM json_populate_recordset(null::${table}, $1)`, [rows]);
    }
    for (const [table, column] of [
      ['drop_files', 'file_no'],
      ['rejects', 'id'],
      ['merges', 'id'],
    ])
      await db.query(
        `SELECT setval(pg_get_serial_sequence('glossier.${table}', '${column}'), (SELECT max(${column}) FROM glossier.${table}))`,
      );
  });
}

test('tables of the first version, filled, are upgraded in place, say what waits for a rebuild, and are made right by it', {
  timeout: 150_000,
}, async t => {
  const { shop, third } = await loadedShop(t, 60);
  const url = await freshDatabase();
  t.after(() => dropDatabase(url));
  await asFirstVersion(shop, url);
  const old = { DATABASE_URL: url };
  const due = async () =>
    JSON.parse((await shop.run(0, ['status', '--json'], old)).stdout).rebuild_due.map((d: { table: string }) => d.table);

  assert.deepEqual(await due(), ['drop_fields']);
  assert.match((await shop.run(0, ['status'], old)).stdout, /^drop_fields waits for glossier rebuild: the fields of drops/m);
  const { stdout } = await shop.run(1, ['verify'], old);
  assert.deepEqual(
    stdout.split('\n').filter(l => l.startsWith('BROKEN')),
    ['BROKEN every table means what this version means by it: 1'],
  );
  // it goes on loading, and says so
  const load = await shop.run(3, ['load', third], old);
  assert.match(load.stderr, /drop_fields waits for glossier rebuild/, describe(load));
  await shop.oracle.load(third);
  const told = JSON.parse((await shop.run(4, ['rebuild', '--dry-run', '--json'], old)).stdout).differences;
  assert.deepEqual(
    told
      .filter((d: { added: number; removed: number; changed: number }) => d.added + d.removed + d.changed > 0)
      .map((d: { table: string }) => d.table)
      .sort(),
    // and what an earlier version did not keep: the contents of orders, and the sums of them
    ['glossier.books', 'glossier.conflicting_orders', 'glossier.drop_fields', 'glossier.known_orders', 'glossier.published_files'],
  );
  await shop.run(0, ['rebuild', '--month', '2017-12'], old);
  assert.deepEqual(await due(), ['drop_fields'], 'a part of it does not complete it');
  await shop.run(0, ['rebuild'], old);
  assert.deepEqual(await due(), []);
  assert.deepEqual(await compare(url, 'public', shop.oracle), []);
  await shop.run(0, ['verify'], old);
  await shop.run(0, ['rebuild', '--dry-run'], old);
});

test('a migration marks nothing where nothing was loaded', { timeout: 60_000 }, async t => {
  const url = await freshDatabase();
  t.after(() => dropDatabase(url));
  await withDb(url, async db => {
    await migrate(db.client, 'public');
    await db.query("SELECT glossier.await_rebuild('user_stats', 'it is so')");
    assert.deepEqual((await db.query('SELECT * FROM glossier.rebuild_due')).rows, []);
    await db.query("INSERT INTO glossier.topics VALUES ('a', 'b'); INSERT INTO glossier.positions VALUES ('a', 0, 1)");
    for (let n = 0; n < 2; n++) await db.query("SELECT glossier.await_rebuild('user_stats', 'it is so')");
    assert.deepEqual((await db.query('SELECT relation, reason FROM glossier.rebuild_due')).rows, [
      { relation: 'user_stats', reason: 'it is so' },
    ]);
  });
});
