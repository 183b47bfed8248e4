/** The topic and the positions in Postgres belong together; where they no longer do, nothing is loaded and a person is told. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe } from '../support/cli.js';
import { oneLineOf, order, Shop, until } from './shop.js';

const TIMEOUT = { timeout: 150_000 };
const DRAIN = ['consume', '--until-drained'];

async function shopWith(t: TestContext, orders: number): Promise<Shop> {
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '1' });
  await shop.run(0, DRAIN); // makes the topic
  await fill(shop, 1, orders);
  await shop.run(0, DRAIN);
  return shop;
}

async function fill(shop: Shop, from: number, to: number): Promise<void> {
  const messages = [];
  for (let id = from; id <= to; id++) messages.push({ value: order(id) });
  await shop.send(messages);
}

function learn(shop: Shop, from: number, to: number): void {
  for (let id = from; id <= to; id++) shop.oracle.message(Buffer.from(order(id)));
}

test('a topic that was deleted and made anew is not taken for the old one', TIMEOUT, async t => {
  const shop = await shopWith(t, 5);
  await shop.kafka(async admin => {
    await admin.deleteTopics({ topics: [shop.topic] });
    await until('the topic is gone', 10, async () => !(await admin.listTopics()).includes(shop.topic));
    await admin.createTopics({ topics: [{ topic: shop.topic, numPartitions: 1 }] });
  });
  await fill(shop, 101, 109); // more than before: by its offsets alone it could be the old one
  assert.match(await shop.fails(DRAIN), /"shop_\w+" was deleted and made anew.* — .*empty database/);
  assert.equal(await shop.position(), 5);
  learn(shop, 1, 5);
  await shop.check();
});

test('a running worker ends when its topic is deleted and made anew', TIMEOUT, async t => {
  const shop = await shopWith(t, 5);
  const worker = shop.start(['consume'], { BATCH_WAIT: '50ms' });
  await worker.waitFor(/joined the group/);
  await fill(shop, 6, 8);
  await until('the worker loads', 20, async () => (await shop.position()) === 8);
  await shop.kafka(async admin => {
    await admin.deleteTopics({ topics: [shop.topic] });
    await until('the topic is gone', 10, async () => !(await admin.listTopics()).includes(shop.topic));
    await admin.createTopics({ topics: [{ topic: shop.topic, numPartitions: 1 }] });
  });
  await fill(shop, 101, 120);
  const { code, stderr } = await worker.done;
  assert.equal(code, 1, stderr);
  assert.match(stderr.trimEnd().split('\n').at(-1)!, /^glossier: .*(made anew|deleted)/);
  learn(shop, 1, 8);
  await shop.run(0, ['merge']);
  await shop.check();
});

test('messages that are gone before they were loaded stop the worker, until a person accepts the gap', TIMEOUT, async t => {
  const shop = await shopWith(t, 5);
  await fill(shop, 6, 20);
  await shop.kafka(async admin => {
    await admin.fetchTopicOffsets(shop.topic); // kafkajs does not ask where the partition is by itself
    await admin.deleteTopicRecords({ topic: shop.topic, partitions: [{ partition: 0, offset: '12' }] });
  });
  assert.match(await shop.fails(DRAIN), /partition 0 .*begins at offset 12.*only up to 5: 7 message\(s\) are gone — .*--accept-gap/);
  assert.equal(await shop.position(), 5);
  await shop.run(0, [...DRAIN, '--accept-gap']);
  learn(shop, 1, 5);
  learn(shop, 13, 20);
  await shop.check();
});

test('a topic that ends before the position stops the worker', TIMEOUT, async t => {
  const shop = await shopWith(t, 5);
  await shop.query('UPDATE glossier.positions SET next_offset = 50');
  assert.match(await shop.fails(DRAIN), /partition 0 .*ends at offset 5, .* up to 50: .* — .*glossier rebuild/);
});

test(
  'a running worker whose next messages are gone ends, where kafkajs alone would go on from the first that is left',
  TIMEOUT,
  async t => {
    const shop = await shopWith(t, 5);
    const worker = shop.start(['consume'], { SESSION_TIMEOUT: '30s' });
    await worker.waitFor(/joined the group/);
    await fill(shop, 6, 8);
    await until('the worker loads', 30, async () => (await shop.position()) === 8);
    worker.child.kill('SIGSTOP');
    await sleep(1000); // the broker has answered the fetch that was under way
    await fill(shop, 9, 20);
    await shop.kafka(async admin => {
      await admin.fetchTopicOffsets(shop.topic);
      await admin.deleteTopicRecords({ topic: shop.topic, partitions: [{ partition: 0, offset: '12' }] });
    });
    worker.child.kill('SIGCONT');
    const result = await worker.done;
    assert.equal(result.code, 1, describe(result));
    assert.match(oneLineOf(result), /partition 0 .*begins at offset 12.*only up to 8: 4 message\(s\) are gone — .*--accept-gap/);
    learn(shop, 1, 8);
    await shop.run(0, ['merge']);
    await shop.check();
  },
);

test('a position that was set by hand or is gone stops the worker, and a rebuild sets it right', TIMEOUT, async t => {
  const shop = await shopWith(t, 5);
  await fill(shop, 6, 8);
  await shop.run(0, DRAIN);
  await fill(shop, 9, 20);
  learn(shop, 1, 20);
  for (const change of [
    'UPDATE glossier.positions SET next_offset = 3',
    'UPDATE glossier.positions SET next_offset = 12',
    'TRUNCATE glossier.positions',
  ]) {
    await shop.query(change);
    assert.match(
      await shop.fails(DRAIN),
      /partition 0 .*stands at offset \d+, and its batches go up to \d+: .*set by hand — `glossier rebuild`/,
    );
    await shop.run(0, ['rebuild']);
    assert.equal(await shop.position(), 20);
    await shop.check();
  }
});
