/** Two deployments in one database, each with a topic, a group, an analysts' schema and a schema of the program of its own. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { Tables } from '../../consumer/schema/tables.js';
import { makeDrop } from '../support/make-drop.js';
import { freshName, removeServices, tempDir } from '../support/services.js';
import { Shop, until } from './shop.js';

/** Everything that a deployment has, as one text a relation. */
async function everything(shop: Shop, schemas: string[]): Promise<Record<string, string>> {
  const relations = await shop.query(
    `SELECT format('%I.%I', n.nspname, c.relname) AS at FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'v') AND n.nspname = ANY ($1) ORDER BY 1`,
    [schemas],
  );
  assert.ok(relations.length > 20);
  const all: Record<string, string> = {};
  for (const { at } of relations) all[at] = JSON.stringify(await shop.query(`SELECT t::text FROM ${at} t ORDER BY 1`));
  return all;
}

test('two deployments in one database load, merge, verify and rebuild beside each other, and neither touches what the other has', {
  timeout: 180_000,
}, async t => {
  const dir = tempDir();
  t.after(() => removeServices(dir));
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '2', SESSION_TIMEOUT: '6s' });
  const eu = freshName('eu');
  const other = { ORDERS_TOPIC: eu, KAFKA_GROUP: eu, DATABASE_SCHEMA: `e'u" $$`, OWN_SCHEMA: 'glossier_eu' };
  const [here, there] = [
    ['public', 'glossier'],
    [other.DATABASE_SCHEMA, 'glossier_eu'],
  ];
  const [first, second] = [join(dir, 'first.zip'), join(dir, 'second.zip')];
  // the same ids, so that any table that they shared would show it
  const made = await makeDrop(first, { seed: 81, dates: ['2017-11-03', '2017-12-04'], orders: 40, bad: true });
  await makeDrop(second, { seed: 82, dates: ['2017-12-05'], orders: 30, again: made.orders.slice(0, 5), bad: true });
  await shop.run(3, ['load', first, '--accept-rejects']);
  await shop.run(0, ['verify', first]);
  const before = await everything(shop, here);
  await shop.run(3, ['load', second, '--accept-rejects'], other);
  for (const args of [['verify'], ['verify', second], ['merge'], ['status'], ['conflicts', 'list']]) await shop.run(0, args, other);
  await shop.run(3, ['rejects', 'retry', '--all'], other);
  await shop.query('DELETE FROM glossier_eu.books');
  await shop.run(0, ['rebuild'], other);
  await shop.run(0, ['verify'], other);
  assert.match((await shop.run(0, ['doctor'], other)).stdout, /No problem/);
  assert.deepEqual(await everything(shop, here), before);
  const theirs = await everything(shop, there);
  assert.ok(Object.values(theirs).every(text => !text.includes(shop.topic)));

  // two rebuilds at a time, of two deployments
  await shop.query('DELETE FROM orders');
  const both = await Promise.all([shop.run(0, ['rebuild']), shop.run(0, ['rebuild', '--dry-run'], other)]);
  assert.match(both[0].stdout, /All of it is set right/);
  await shop.run(0, ['verify']);
  assert.deepEqual(await everything(shop, there), theirs);

  // a lock that holds one up is nothing to the other, and ends nobody of it
  const gate = await lockPositions(shop, new Tables(other.DATABASE_SCHEMA, 'glossier_eu').positions);
  const held = shop.start(['load', first, '--accept-rejects'], other);
  await until(
    'the other waits',
    20,
    async () => (await shop.query(`SELECT FROM pg_locks WHERE NOT granted AND relation = 'glossier_eu.positions'::regclass`)).length > 0,
  );
  await shop.run(3, ['load', second, '--accept-rejects']);
  await shop.run(0, ['verify']);
  await gate();
  assert.equal((await held.done).code, 3);
  await shop.run(0, ['verify'], other);

  // a third that names its schema and topic alone has tables of its own; with the topic of another it is taken for a mistake
  const us = freshName('us');
  const third = { ORDERS_TOPIC: us, KAFKA_GROUP: us, DATABASE_SCHEMA: 'us' };
  await shop.run(3, ['load', first, '--accept-rejects'], third);
  for (const args of [['verify', first], ['status'], ['merge'], ['doctor'], ['rebuild', '--dry-run']]) await shop.run(0, args, third);
  assert.deepEqual(
    (await shop.query("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'glossier\\_%' ORDER BY 1")).map(r => r.nspname),
    ['glossier_eu', 'glossier_us'],
  );
  assert.match(
    await shop.fails(['consume', '--until-drained'], { DATABASE_SCHEMA: 'elsewhere' }),
    /the tables of this database are in the schema "public", not in "elsewhere"/,
  );

  // names that belong to the other are refused, whichever is missed
  const refused = (settings: Record<string, string>) => shop.fails(['consume', '--until-drained'], settings);
  assert.match(
    await refused({ ...other, OWN_SCHEMA: 'glossier' }),
    /the tables of this database are in the schema "public", not in "e'u"" \$\$"/,
  );
  assert.match(
    await refused({ ...other, OWN_SCHEMA: 'glossier_uk' }),
    /the tables in the schema "e'u"" \$\$" are not those of "glossier_uk"/,
  );
  assert.match(
    await refused({ ...other, DATABASE_SCHEMA: 'public' }),
    /the tables of this database are in the schema "e'u"" \$\$", not in "public"/,
  );
  assert.deepEqual(
    await shop.query(`SELECT FROM pg_namespace WHERE nspname IN ('glossier_uk', 'glossier_rebuild', 'glossier_eu_rebuild')`),
    [],
  );
});

/** Locks the table in a session of its own. @returns lets go */
async function lockPositions(shop: Shop, positions: string): Promise<() => Promise<void>> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: shop.url });
  await client.connect();
  await client.query(`BEGIN; LOCK TABLE ${positions} IN ACCESS EXCLUSIVE MODE`);
  return async () => {
    await client.query('COMMIT');
    await client.end();
  };
}
