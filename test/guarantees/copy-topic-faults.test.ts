/** A copy of a topic is refused, or mended, where it is not the topic; and a move that fails has told nobody. Each with a topic of a few orders. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { type TestContext, test } from 'node:test';
import kafkajs from 'kafkajs';
import pg from 'pg';
import { readDrops } from '../../producer/drop-journal.js';
import { produceDrop } from '../../producer/produce-drop.js';
import { createKafka } from '../../shared/kafka.js';
import { createLog } from '../../shared/log.js';
import { removeServices, tempDir } from '../support/services.js';
import { order, Shop, until } from './shop.js';
import { everything } from './topic-text.js';

/** A shop of one partition in which a drop of a few orders is published, from id 1 on. */
async function small(
  t: TestContext,
  orders: number,
): Promise<{ shop: Shop; copy: string; drop: (name: string, orders: string[]) => string }> {
  const dir = tempDir();
  t.after(() => removeServices(dir));
  const drop = (name: string, texts: string[]) => {
    writeFileSync(join(dir, name), `{"orders":[${texts.join(',')}]}`);
    return join(dir, name);
  };
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '1' });
  const ids = Array.from({ length: orders }, (_, n) => n + 1);
  await shop.run(0, [
    'produce',
    drop(
      '2017-12-04.json',
      ids.map(id => order(id)),
    ),
  ]);
  return { shop, copy: `${shop.topic}-copy`, drop };
}

async function sendTo(shop: Shop, topic: string, messages: { key?: string; value: string }[]): Promise<void> {
  const producer = new kafkajs.Kafka({ brokers: shop.server.brokers, logLevel: kafkajs.logLevel.NOTHING }).producer();
  await producer.connect();
  for (const message of messages) await producer.send({ topic, messages: [message] });
  await producer.disconnect();
}

test('a producer that asked before the topic was moved does not end well behind it', async t => {
  const { shop, copy } = await small(t, 3);
  const input = new PassThrough();
  const log = await createLog('silent', null);
  const publish = (topic: string, stream: PassThrough) =>
    produceDrop({
      source: '-',
      kafka: createKafka({ brokers: shop.server.brokers, log }),
      settings: {
        topic,
        partitions: 1,
        outageTimeout: 20_000,
        shutdownTimeout: 5000,
        maxOrderBytes: 1_000_000,
        maxEntries: 10,
        maxFileBytes: 1_000_000,
        maxDropBytes: 1_000_000,
        maxRatio: 1000,
      },
      log,
      input: stream,
    });
  const late = assert.rejects(publish(shop.topic, input), /was moved to/);
  await new Promise(resolve => setTimeout(resolve, 1500)); // it has asked by then, and waits for the rest of the drop
  await shop.run(0, ['copy-topic', copy, '--move']);
  const text = `{"orders":[${order(11)},${order(12)}]}`;
  input.end(text);
  await late;
  const again = new PassThrough();
  again.end(text);
  assert.equal((await publish(copy, again)).state, 'published');
  assert.deepEqual((await everything(copy)).end, [5]);
});

test('a copy that somebody else wrote to is refused, also when both have grown', async t => {
  const { shop, copy } = await small(t, 3);
  await shop.run(0, ['copy-topic', copy]);
  await sendTo(shop, copy, [{ value: order(50) }]);
  assert.match(await shop.fails(['copy-topic', copy]), /partition 0 of the copy ends at offset 4, and the topic itself at 3/);
  await sendTo(shop, shop.topic, [{ value: order(51) }]);
  assert.match(await shop.fails(['copy-topic', copy, '--move']), /another message at offset 3/);
  await sendTo(shop, shop.topic, [{ value: order(52) }]);
  assert.match(await shop.fails(['copy-topic', copy]), /another message at offset 3/);
});

test('a copy begins where the topic begins, also when it has more already', async t => {
  const { shop, copy } = await small(t, 5);
  await shop.run(0, ['copy-topic', copy]);
  await shop.kafka(async admin => {
    await admin.fetchTopicOffsets(shop.topic);
    await admin.deleteTopicRecords({ topic: shop.topic, partitions: [{ partition: 0, offset: '2' }] });
  });
  await until('the first messages are gone', 20, async () => (await everything(shop.topic)).low[0] === 2);
  await shop.run(0, ['copy-topic', copy]);
  await until('of the copy, too', 20, async () => (await everything(copy)).low[0] === 2);
});

test('a user who is forgotten while the topic is copied keeps it from being moved, and nobody is told that it was', async t => {
  const { shop, copy, drop } = await small(t, 3);
  await shop.run(0, ['consume', '--until-drained']);
  const client = new pg.Client({ connectionString: shop.url });
  await client.connect();
  await client.query('BEGIN');
  await client.query("INSERT INTO glossier.forgotten_users (user_id, keeps, reason, requested_at) VALUES (7, 'money', 'T', now())");
  const moving = shop.start(['copy-topic', copy, '--move']);
  await until('the move waits for it', 20, async () => (await shop.query('SELECT FROM pg_locks WHERE NOT granted')).length > 0);
  await client.query('COMMIT');
  await client.end();
  const { code, stderr } = await moving.done;
  assert.equal(code, 1);
  assert.match(stderr, /users were forgotten since the copy/);
  await shop.run(0, ['produce', drop('2017-12-05.json', [order(4)])]);

  // the request is in no drops topic but that of the next copy
  await shop.run(0, ['copy-topic', `${copy}2`, '--move']);
  const kafka = createKafka({ brokers: shop.server.brokers, log: await createLog('silent', null) });
  const [before, after] = await shop.kafka(async admin => [
    await readDrops(kafka, admin as never, shop.topic),
    await readDrops(kafka, admin as never, `${copy}2`),
  ]);
  assert.deepEqual([[...before.forgets.keys()], [...after.forgets.keys()]], [[], ['7']]);
});

test('orders that do not compress are copied at the size that Kafka takes by default', async t => {
  const { shop, copy } = await small(t, 1);
  const big = (id: number) => order(id, { more: `,"note":"${randomBytes(480_000).toString('base64')}"` });
  await sendTo(shop, shop.topic, [{ value: big(2) }, { value: big(3) }, { value: big(4) }]);
  await shop.run(0, ['copy-topic', copy], { OUTAGE_TIMEOUT: '15s' });
  assert.ok((await everything(copy)).text === (await everything(shop.topic)).text);
});

test('a copy keeps the times that Kafka gave, and of a forgotten user no number in a key', async t => {
  const { shop, copy } = await small(t, 1);
  const times = (topic: string, value?: string) =>
    shop.kafka(async admin => {
      const [name, type] = ['message.timestamp.type', 2];
      if (value !== undefined)
        await admin.alterConfigs({ validateOnly: false, resources: [{ type, name: topic, configEntries: [{ name, value }] }] });
      const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type, name: topic }] });
      const entries = resources[0].configEntries;
      return ['retention.ms', name].map(n => entries.find(c => c.configName === n)!.configValue);
    });
  await times(shop.topic, 'LogAppendTime');
  await sendTo(shop, shop.topic, [{ key: '4915112345678', value: order(2) }]);
  await sendTo(shop, shop.topic, [{ key: '3', value: order(3) }]);
  await shop.run(0, ['forget', 'user', '7', '--reason', 'T']);
  await shop.run(0, ['copy-topic', copy, '--move']);
  const [before, after] = [await everything(shop.topic), await everything(copy)];
  assert.deepEqual([before.times.length, after.times], [3, before.times]);
  assert.ok(before.text.includes('4915112345678') && !after.text.includes('4915112345678'));
  assert.match(after.text, /^3 /m);
  assert.deepEqual(await times(copy), ['-1', 'LogAppendTime']);
});
