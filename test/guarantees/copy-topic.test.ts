/** A topic can be copied without what it holds of forgotten users, and workers moved to the copy, with nothing lost or loaded twice. */
import assert from 'node:assert/strict';
import { createWriteStream, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type TestContext, test } from 'node:test';
import kafkajs from 'kafkajs';
import yazl from 'yazl';
import { makeDrop } from '../support/make-drop.js';
import { removeServices, tempDir } from '../support/services.js';
import { order, Shop, until } from './shop.js';
import { everything } from './topic-text.js';

const SECRET = 'Zebedee';
const MANY = 300;

async function drops(t: TestContext): Promise<string[]> {
  const dir = tempDir();
  t.after(() => removeServices(dir));
  const made = ['a', 'b', 'c'].map(name => join(dir, `${name}.zip`));
  for (const [n, path] of made.entries())
    await makeDrop(path, {
      seed: 90 + n,
      dates: [`2017-1${n}-05`],
      orders: MANY,
      awkward: 0.2,
      bad: n === 0,
      firstId: BigInt(n + 1) * 2n ** 50n,
    });
  return made;
}

/** A drop of a person, and the same without what is personal, under the same name. */
async function person(t: TestContext, id: number): Promise<[delivered: string, redacted: string]> {
  const of = (more: string, items: string) =>
    `{"orders":[{"id":${id},"user_id":77,"processed_at":"2017-12-04T10:00:00Z","total_price":"3.50"${more},"line_items":[{"id":${id},"quantity":2${items}}]}]}`;
  const made: string[] = [];
  for (const text of [of(`,"email":"${SECRET}@x","phone":"${SECRET}","gift":{"to":"${SECRET}"}`, `,"engraved":"${SECRET}"`), of('', '')]) {
    const dir = tempDir();
    t.after(() => removeServices(dir));
    const zip = new yazl.ZipFile();
    zip.addBuffer(Buffer.from(text), '2017-12-04.json');
    zip.end();
    made.push(join(dir, 'person.zip'));
    await pipeline(zip.outputStream, createWriteStream(made.at(-1)!));
  }
  return made as [string, string];
}

/** Files of the broker that hold a topic. */
async function logFiles(shop: Shop, topic: string): Promise<Buffer[]> {
  const { resources } = await shop.kafka(admin =>
    admin.describeConfigs({ includeSynonyms: false, resources: [{ type: 4, name: '1', configNames: ['log.dirs'] }] }),
  );
  // relative to the broker's folder, which stands beside that of Postgres in a run of the tests
  const [{ data }] = await shop.query("SELECT current_setting('data_directory') AS data");
  const dir = resolve(data, '..', '..', 'kafka', resources[0].configEntries[0].configValue);
  return readdirSync(dir)
    .filter(name => name.startsWith(`${topic}-`))
    .flatMap(name => readdirSync(join(dir, name)).map(file => readFileSync(join(dir, name, file))));
}

test('a topic is copied without the person, and workers under load move to the copy with nothing lost or doubled', {
  timeout: 180_000,
}, async t => {
  const [a, b, c] = await drops(t);
  const [delivered, redacted] = await person(t, 5);
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '3', BATCH_ORDERS: '60', MERGE_EVERY: '1s' });
  const copy = `${shop.topic}-copy`;
  const old = shop.start(['consume']);
  await shop.run(0, ['produce', a]);
  await shop.run(0, ['produce', delivered]);
  // markers of a transaction take offsets in which there is no message
  const producer = new kafkajs.Kafka({ brokers: shop.server.brokers, logLevel: kafkajs.logLevel.NOTHING }).producer({
    transactionalId: shop.topic,
    maxInFlightRequests: 1,
    idempotent: true,
  });
  await producer.connect();
  for (const end of ['commit', 'abort'] as const) {
    const transaction = await producer.transaction();
    for (const partition of [0, 1, 2])
      await transaction.send({
        topic: shop.topic,
        messages: [{ partition, key: SECRET, value: order(end === 'abort' ? 9000 : 9001 + partition), headers: { of: SECRET } }],
      });
    await transaction[end]();
  }
  await producer.send({
    topic: shop.topic,
    messages: [{ partition: 1, key: SECRET, value: order(9010, { user: 77, more: `,"note":"${SECRET}"` }), headers: { of: SECRET } }],
  });
  await producer.send({
    topic: shop.topic,
    messages: [{ partition: 1, value: `{"id":9011,"user_id":77,"note":"${SECRET}","processed_at":"never"}` }],
  });
  await producer.disconnect();
  assert.match((await shop.run(2, ['copy-topic', shop.topic])).stderr, /is the topic itself/);
  await shop.run(0, ['forget', 'user', '77', '--reason', 'T1']);

  // a copy that is killed at any moment goes on from there
  for (const wait of [350, 450, 600]) {
    const killed = shop.start(['copy-topic', copy]);
    await new Promise(resolve => setTimeout(resolve, wait));
    await killed.stop('SIGKILL');
  }
  await shop.run(0, ['copy-topic', copy]);
  await shop.run(0, ['produce', b]);
  const publishing = shop.start(['produce', c]);
  const moved = await shop.run(0, ['copy-topic', copy, '--move']);
  assert.match(moved.stdout, new RegExp(`ORDERS_TOPIC=${copy}`));
  await publishing.done;
  const ended = await old.done;
  assert.equal(ended.code, 1);
  assert.match(ended.stderr, new RegExp(`glossier: the topic "${shop.topic}" was moved to "${copy}" — start with ORDERS_TOPIC=${copy}`));
  assert.match(await shop.fails(['produce', c]), /was moved to/);
  assert.match(await shop.fails(['consume', '--until-drained']), /was moved to/);
  assert.match(await shop.fails(['copy-topic', `${copy}2`]), /was moved to/);

  const there = { ORDERS_TOPIC: copy, KAFKA_GROUP: copy };
  const next = shop.start(['consume'], there);
  await shop.run(0, ['produce', c], there);
  await shop.run(0, ['produce', b], there); // published, and known to be
  await shop.run(0, ['consume', '--until-drained'], there);
  await next.stop();
  await shop.run(0, ['merge'], there);
  for (const drop of [a, redacted, b, c]) await shop.oracle.load(drop);
  shop.oracle.message(
    ...[9001, 9002, 9003].map(id => Buffer.from(order(id))),
    Buffer.from(order(9010, { user: 77 })),
    Buffer.from('{"id":9011,"processed_at":"never"}'),
  );
  await shop.check();
  for (const drop of [a, delivered, b, c]) await shop.run(0, ['verify', drop], there);
  for (const drop of ['a.zip', 'person.zip']) await shop.run(0, ['verify', drop], there);
  await shop.run(0, ['rebuild', '--dry-run'], there);
  const why = JSON.parse((await shop.run(0, ['why', 'order', '5', '--json'], there)).stdout);
  assert.deepEqual([why.from.topic, why.forgotten, why.differing], [copy, 'money', []]);

  const [before, after] = [await everything(shop.topic), await everything(copy)];
  assert.ok(before.text.includes(SECRET));
  assert.ok(
    !after.text.replaceAll('"of"', '').includes(`${SECRET}@`) && after.text.split(SECRET).length - 1 === 6,
    'three orders of another user have it in key and header',
  );
  for (const file of await logFiles(shop, copy)) assert.ok(!file.includes(`${SECRET}@`));
  assert.equal((await shop.query('SELECT count(*) AS n FROM glossier.conflicts'))[0].n, '0');

  // without the old topic nothing is missed
  await shop.kafka(admin => admin.deleteTopics({ topics: [shop.topic, `${shop.topic}.drops`] }));
  await shop.run(0, ['load', b], there);
  await shop.run(0, ['rebuild', '--dry-run'], there);
  await shop.run(0, ['verify'], there);

  // a copy of one that does not go back to its first message begins where that begins
  await shop.kafka(async admin => {
    await admin.fetchTopicOffsets(copy); // kafkajs asks for no metadata by itself here
    await admin.deleteTopicRecords({ topic: copy, partitions: [{ partition: 1, offset: '20' }] });
  });
  await until('the first messages are gone', 20, async () => (await everything(copy)).low[1] === 20);
  const third = `${copy}-3`;
  await shop.run(0, ['copy-topic', third], there);
  const [from, to] = [await everything(copy), await everything(third)];
  assert.deepEqual([to.low, to.end, to.records], [from.low, from.end, from.records]);
  const lines = to.text.split('\n');
  const odd = from.text.split('\n').findIndex((line, n) => line !== lines[n]); // not the texts as a whole: their difference takes minutes to print
  assert.equal(odd === -1 ? '' : `${from.text.split('\n')[odd].slice(0, 300)} / ${lines[odd].slice(0, 300)}`, '');
  await shop.run(0, ['forget', 'user', '78', '--reason', 'T2'], there);
  assert.match(await shop.fails(['copy-topic', third], there), /users were forgotten since the copy/);
});
