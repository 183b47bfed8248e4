/** What a rebuild does for a part: the users from the order tables, and the tables as they were. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare } from '../support/compare.js';
import { Oracle } from '../support/oracle.js';
import { loadedShop } from './damage.js';

test('the users are made right from the order tables without Kafka, and those whose fields cannot be known are named', {
  timeout: 120_000,
}, async t => {
  const { shop } = await loadedShop(t, 60);
  const away = { KAFKA_BROKERS: '127.0.0.1:1' };
  const [{ user }] = await shop.query('SELECT min(user_id) AS user FROM user_stats');
  for (const sql of [
    'UPDATE user_stats SET total_orders = 1, total_spend = 0.5, min_processed_at = now(), max_processed_at = now(), total_days = 9',
    "INSERT INTO user_stats SELECT 5, 'de', true, NULL, NULL, 1, 1, now(), now(), 1",
    'UPDATE glossier.user_newest SET processed_at = now()',
  ])
    await shop.query(sql);
  const told = JSON.parse((await shop.run(4, ['rebuild', '--table', 'user_stats', '--dry-run', '--json'], away)).stdout);
  assert.deepEqual([told.differences[0].removed, told.unsure.count, told.applied], [1, 0, false]);
  assert.notDeepEqual(await compare(shop.url, 'public', shop.oracle), []);
  await shop.run(0, ['rebuild', '--table', 'user_stats'], away);
  await shop.check();
  assert.match((await shop.run(0, ['rebuild', '--table', 'user_stats'], away)).stdout, /holds what the order tables say/);

  // a field that was changed is found by the hash of the order that gave it, a user that is gone by its absence
  await shop.query("UPDATE user_stats SET contact_email = 'changed' WHERE user_id = $1", [user]);
  assert.match(
    (await shop.run(4, ['rebuild', '--table', 'user_stats'], away)).stdout,
    new RegExp(`of 1 user\\(s\\) .* ${user}\\): run glossier rebuild`),
  );
  await shop.query('TRUNCATE user_stats');
  const { stdout } = await shop.run(4, ['rebuild', '--table', 'user_stats', '--json'], away);
  const { differences, unsure } = JSON.parse(stdout);
  assert.equal(differences[0].added, unsure.count);
  await shop.run(0, ['rebuild']);
  await shop.check();
});

test('the tables as they were stand in a schema of their own, by offsets and by time, and the present ones are as before', {
  timeout: 150_000,
}, async t => {
  const { shop, third } = await loadedShop(t, 60);
  const positions = await shop.query('SELECT partition, next_offset FROM glossier.positions ORDER BY 1');
  const offsets = positions.map(p => `${p.partition}:${p.next_offset}`).join(',');
  const time = new Date(Date.now() + 1).toISOString();
  await new Promise(resolve => setTimeout(resolve, 50));
  const then = new Oracle();
  Object.assign(then, { variants: new Map(shop.oracle.variants) });
  await shop.oracle.load(third);
  await shop.run(3, ['load', third]);
  const present = await shop.query('SELECT oid, relname FROM pg_class WHERE relnamespace = $1::regnamespace ORDER BY 1', ['public']);
  for (const [until, into] of [
    [offsets, 'by_offsets'],
    [time, 'by time'],
  ]) {
    await shop.run(0, ['rebuild', '--until', until, '--into', into]);
    assert.deepEqual(await compare(shop.url, into, then), [], into);
  }
  assert.match(await shop.fails(['rebuild', '--until', offsets, '--into', 'by_offsets']), /the schema "by_offsets" is not empty/);
  await shop.run(2, ['rebuild', '--until', '0:1', '--into', 'other']);
  await shop.run(2, ['rebuild', '--until', offsets.replace(/\d+$/, '99999'), '--into', 'other']);
  await shop.run(2, ['rebuild', '--until', '2017-12-04', '--into', 'other']);
  await shop.run(2, ['rebuild', '--until', offsets]);
  const persistence = await shop.query(
    "SELECT DISTINCT relpersistence AS p FROM pg_class WHERE relkind = 'r' AND relnamespace = 'by_offsets'::regnamespace",
  );
  assert.deepEqual(persistence, [{ p: 'p' }]);
  assert.deepEqual(
    await shop.query('SELECT oid, relname FROM pg_class WHERE relnamespace = $1::regnamespace ORDER BY 1', ['public']),
    present,
  );
  await shop.check();
});

test('a topic that was made anew is refused, unless it is accepted as the whole truth', { timeout: 120_000 }, async t => {
  const { shop, third } = await loadedShop(t, 30);
  await shop.kafka(async admin => {
    await admin.deleteTopics({ topics: [shop.topic, `${shop.topic}.drops`] });
  });
  const other = { ORDERS_TOPIC: `${shop.topic}-anew` };
  await shop.run(0, ['produce', third], other);
  assert.match(await shop.fails(['rebuild'], other), /also hold orders of the topic\(s\) .* --accept-topic goes on/);
  await shop.run(4, ['rebuild', '--dry-run', '--accept-topic'], other);
  await shop.run(0, ['rebuild', '--accept-topic'], other);
  const then = new Oracle();
  await then.load(third);
  const left = await compare(shop.url, 'public', then);
  assert.deepEqual(left, []);
  // an identifier that does not fit looks the same
  await shop.query("UPDATE glossier.topics SET topic_id = 'damaged'");
  assert.match(await shop.fails(['rebuild'], other), /was deleted and made anew: .* --accept-topic goes on/);
  await shop.run(0, ['rebuild', '--accept-topic'], other);
  await shop.run(0, ['rebuild', '--dry-run'], other);
  await shop.run(0, ['verify'], other);
});
