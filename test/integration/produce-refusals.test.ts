/** Drops that are broken in part or as a whole, topics that do not take them, and a Kafka that is not there. */
import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { readDrops } from '../../producer/drop-journal.js';
import { produceDrop } from '../../producer/produce-drop.js';
import { DropError, ServiceError } from '../../shared/errors.js';
import { createKafka } from '../../shared/kafka.js';
import { freshName } from '../support/services.js';
import { altered, localsOf, makeZip } from '../unit/producer/zips.js';

import { folder, generated, kafka, lines, log, produce, readTopic, settings } from './produce-support.js';

test('a broken file is recorded with its fault; an empty drop is published too', async () => {
  const topic = freshName('faults');
  const zip = await makeZip([
    { name: '2017-12-01.json', data: '{"orders":[{"id":1},{"id":2},{"id":3' },
    { name: '2017-12-02.json', data: '{"orders":[{"id":4},5]}' },
    { name: 'x.json', data: '{}' },
  ]);
  const result = await produce(folder.save(zip), topic);
  assert.deepEqual([result.orders, result.sent], [4, 4]);
  const fault = { reason: 'the file is cut off: it ends inside its JSON', byte: 36, orders: 2 };
  const sums = result.files.map(f => f.sums);
  assert.deepEqual(
    sums.map(s => [s?.bytes, s?.items, s?.price]),
    [16, 9, 0].map(bytes => [bytes, 0, '0.0000']),
  );
  const files = result.files.map(({ sums: _, ...rest }) => rest);
  assert.deepEqual(files, [
    { name: '2017-12-01.json', month: '2017_12', bytes: 36, orders: 2, fault },
    { name: '2017-12-02.json', month: '2017_12', bytes: 23, orders: 2 },
    {
      name: 'x.json',
      month: null,
      bytes: 2,
      orders: 0,
      fault: { reason: 'there is no `orders` array', byte: 1, orders: 0 },
    },
  ]);
  assert.deepEqual((await readTopic(topic)).map(m => m.value).sort(), ['5', '{"id":1}', '{"id":2}', '{"id":4}']);
  const empty = await produce(folder.save(await makeZip([{ name: 'a.json', data: '{"orders":[]}' }])), topic);
  assert.deepEqual([empty.state, empty.orders], ['published', 0]);

  const admin = kafka.admin();
  await admin.connect();
  const { drops } = await readDrops(kafka, admin, topic);
  await admin.disconnect();
  assert.deepEqual([...drops.keys()].sort(), [result.id, empty.id].sort());
  assert.deepEqual(drops.get(result.id)!.manifest.files, result.files);
});

test('of a zip that is damaged anywhere nothing is published, and no drop is told of', async () => {
  const topic = freshName('damaged');
  const zip = await makeZip([
    { name: '2017-12-01.json', data: '{"orders":[{"id":1}]}' },
    { name: '2017-12-02.json', data: '{"orders":[{"id":2}]}', stored: true },
  ]);
  const damaged = altered(zip, z => {
    z[localsOf(z)[1] + 60] ^= 1;
  });
  await assert.rejects(produce(folder.save(damaged), topic), DropError);
  await assert.rejects(produce(path.join(folder.path, 'none.zip'), topic), DropError);
  await produce(folder.save(zip), topic);
  assert.equal((await readTopic(topic)).length, 2);
});

test('a topic that was deleted and made anew gets the drop once more', async () => {
  const topic = freshName('anew');
  const zip = await generated(2, 50);
  const first = await produce(zip, topic);
  const admin = kafka.admin();
  await admin.connect();
  await admin.deleteTopics({ topics: [topic] });
  await admin.disconnect();
  const second = await produce(zip, topic);
  assert.deepEqual([second.id, second.state, second.sent, second.resumed], [first.id, 'published', 100, false]);
  assert.equal((await readTopic(topic)).length, 100);
  assert.equal((await produce(zip, topic)).state, 'already');
});

test('an order that the topic does not take ends it in one line', async () => {
  const topic = freshName('large');
  await produce(folder.save(await makeZip([{ name: 'a.json', data: '{"orders":[]}' }])), topic);
  const admin = kafka.admin();
  await admin.connect();
  await admin.alterConfigs({
    validateOnly: false,
    resources: [{ type: 2, name: topic, configEntries: [{ name: 'max.message.bytes', value: '2000' }] }],
  });
  await admin.disconnect();
  const noise = Buffer.from(Uint8Array.from({ length: 5000 }, (_, n) => (n * 7919 * (n + 13)) >> 3)).toString('base64');
  const zip = await makeZip([{ name: 'a.json', data: `{"orders":[{"id":1,"x":"${noise}"}]}` }]);
  await assert.rejects(produce(folder.save(zip), topic), (e: ServiceError) => {
    assert.ok(e instanceof ServiceError);
    assert.match(`${e.message} ${e.hint}`, /larger than the topic takes .* max\.message\.bytes/);
    return true;
  });
});

test('a Kafka that is not there is waited for as long as the setting says, and a wrong drop is told of meanwhile', async () => {
  const away = createKafka({ brokers: ['127.0.0.1:1'], log });
  const options = { kafka: away, log, settings: { ...settings('x'), outageTimeout: 1 } };
  const zip = folder.save(await makeZip([{ name: 'a.json', data: '{"orders":[]}' }]));
  lines.length = 0;
  await assert.rejects(produceDrop({ source: zip, ...options }), /^ServiceError: Kafka has been away for \d+ s/);
  assert.deepEqual(lines, ['Kafka is away, waiting']);
  await assert.rejects(produceDrop({ source: folder.path, ...options }), DropError);
});
