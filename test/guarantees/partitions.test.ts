/** Partitions that are added to the topic later are loaded too. */
import { test } from 'node:test';
import { order, Shop, until } from './shop.js';

test('a running worker takes up partitions that are added to its topic', { timeout: 150_000 }, async t => {
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '1', BATCH_WAIT: '50ms', MERGE_EVERY: '1h' });
  const worker = shop.start(['consume']);
  await worker.waitFor(/joined the group/);
  const values = Array.from({ length: 12 }, (_, i) => order(1 + i));
  await shop.kafka(admin => admin.createPartitions({ topicPartitions: [{ topic: shop.topic, count: 3 }] }));
  await shop.send(values.map((value, i) => ({ value, partition: i % 3 })));
  await until('the new partitions are loaded', 90, async () => {
    const at = await Promise.all([0, 1, 2].map(p => shop.position(p)));
    return at.every(n => n === 4);
  });
  await worker.stop();
  shop.oracle.message(...values.map(v => Buffer.from(v)));
  await shop.run(0, ['merge']);
  await shop.check();
});

test('a worker says that others hold partitions of its group which they do not read', { timeout: 150_000 }, async t => {
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '2' });
  const worker = shop.start(['consume']);
  await worker.waitFor(/joined the group/);
  const other = shop.start(['consume'], { ORDERS_TOPIC: `${shop.topic}-other` });
  await worker.waitFor(/"strangers":"glossier \([^"]*-other\)","msg":"others are in the group and hold partitions/, 60_000);
  await other.stop();
  await worker.stop();
});
