import assert from 'node:assert/strict';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import * as path from 'node:path';
import { after, test } from 'node:test';
import { pino } from 'pino';
import { readDrops } from '../../producer/drop-journal.js';
import { inflateEntry } from '../../producer/inflate-entry.js';
import { murmur2, partitionOf } from '../../producer/murmur2.js';
import {
  type ProduceOptions,
  type ProduceProgress,
  type ProduceSettings,
  produceDrop,
} from '../../producer/produce-drop.js';
import { readZipEntries } from '../../producer/zip-entries.js';
import { DropError, InterruptedError, ServiceError } from '../../shared/errors.js';
import { createKafka, topicInfo } from '../../shared/kafka.js';
import { decodeHeaders, type Headers } from '../../shared/order-message.js';
import { resolveSettings } from '../../shared/settings.js';
import { freshName, testServices } from '../support/services.js';
import { altered, Folder, localsOf, makeZip } from '../unit/producer/zips.js';

const { brokers } = testServices();
const lines: string[] = [];
const log = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line).msg) });
const kafka = createKafka({ brokers, log });
const folder = new Folder();
after(() => folder.remove());

const PARTITIONS = 5;

function settings(topic: string): ProduceSettings {
  return resolveSettings(
    { topic, partitions: String(PARTITIONS), kafkaBrokers: brokers.join(), databaseUrl: 'postgres://unused' },
    {},
  ).settings;
}

function produce(source: string, topic: string, more: Partial<ProduceOptions> = {}) {
  return produceDrop({ source, kafka, settings: settings(topic), log, ...more });
}

interface Message {
  partition: number;
  offset: number;
  key: string | null;
  value: string;
  drop: string;
  file: string;
  index: number;
  month: string | null;
}

/** Every message of a topic, by partition and offset. */
async function readTopic(topic: string): Promise<Message[]> {
  const admin = kafka.admin();
  await admin.connect();
  const ends = new Map((await admin.fetchTopicOffsets(topic)).map(o => [o.partition, Number(o.high)]));
  await admin.disconnect();
  const messages: Message[] = [];
  const open = new Set([...ends].filter(([, end]) => end > 0).map(([p]) => p));
  if (open.size === 0) return messages;
  const consumer = kafka.consumer({ groupId: freshName('reader') });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    consumer.on(consumer.events.CRASH, e => reject(e.payload.error));
    void consumer.run({
      eachBatch: async ({ batch }) => {
        for (const m of batch.messages) {
          const place = decodeHeaders(m.headers as Headers);
          assert.ok(place, 'headers');
          messages.push({
            partition: batch.partition,
            offset: Number(m.offset),
            key: m.key && String(m.key),
            value: String(m.value),
            ...place,
          });
        }
        if (Number(batch.lastOffset()) + 1 >= ends.get(batch.partition)!) open.delete(batch.partition);
        if (open.size === 0) resolve();
      },
    });
  });
  await consumer.disconnect();
  return messages.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
}

/** The orders of a zip by JSON.parse, as file -> values. */
async function ordersOf(zip: string): Promise<Map<string, unknown[]>> {
  const entries = await readZipEntries(zip, 'x', settings('x'));
  const file = await open(zip);
  const found = new Map<string, unknown[]>();
  for (const entry of entries) {
    const chunks: Buffer[] = [];
    for await (const c of inflateEntry(file, entry)) chunks.push(c);
    found.set(entry.name, JSON.parse(Buffer.concat(chunks).toString()).orders);
  }
  await file.close();
  return found;
}

/** The real drop where it is, else a small one. */
async function realDrop(): Promise<{ zip: string; orders: number | null }> {
  const place = process.env.GLOSSIER_DROP ?? path.resolve('../shared/real');
  if (existsSync(place)) {
    const zip = statSync(place).isDirectory() ? readdirSync(place).find(f => f.endsWith('.zip')) : '';
    if (zip !== undefined)
      return { zip: path.join(place, zip), orders: zip.startsWith('orders-2017-10-30') ? 13_183 : null };
  }
  return { zip: await generated(5, 400), orders: 2000 };
}

/** A drop of so many files of so many orders of about 1 KB each. */
async function generated(files: number, orders: number): Promise<string> {
  const day = (f: number) => `2017-12-${String((f % 28) + 1).padStart(2, '0')}.json`;
  const order = (f: number, n: number) =>
    JSON.stringify({ id: 1 + f * 1_000_000 + n, note: `${f}/${n} `.repeat(100), total_price: '1.00' });
  const data = (f: number) => `{"orders":[${Array.from({ length: orders }, (_, n) => order(f, n))}]}`;
  return folder.save(
    await makeZip(Array.from({ length: files }, (_, f) => ({ name: `part-${f}/${day(f)}`, data: data(f) }))),
  );
}

/** In each partition no order stands before all earlier ones of that partition have been there. */
function assertOrder(messages: Message[], files: string[]): void {
  const places = new Map<number, number[]>();
  for (const m of messages) {
    const list = places.get(m.partition) ?? [];
    list.push(files.indexOf(m.file) * 1e9 + m.index);
    places.set(m.partition, list);
  }
  for (const list of places.values()) {
    const sorted = [...new Set(list)].sort((a, b) => a - b);
    let reached = 0;
    for (const place of list) {
      if (place === sorted[reached]) reached++;
      else
        assert.ok(reached > 0 && place <= sorted[reached - 1], 'an order came before an earlier one of its partition');
    }
  }
}

test('publishes the real drop: every order once, its bytes, its key, its place', async () => {
  const { zip, orders } = await realDrop();
  const topic = freshName('real');
  lines.length = 0;
  const progress: ProduceProgress[] = [];
  const result = await produce(zip, topic, { onProgress: p => progress.push(p) });
  const expected = await ordersOf(zip);
  const count = [...expected.values()].reduce((sum, list) => sum + list.length, 0);
  if (orders !== null) assert.equal(count, orders);
  assert.deepEqual([result.state, result.orders, result.sent, result.resumed], ['published', count, count, false]);
  assert.deepEqual(
    result.files.map(f => [f.name, f.orders]),
    [...expected].map(([name, list]) => [name, list.length]),
  );
  assert.deepEqual(lines, [], 'nothing is logged in normal running');

  const messages = await readTopic(topic);
  assert.equal(messages.length, count);
  assert.equal((await topicInfo(kafka, topic))?.partitions, PARTITIONS);
  const seen = new Set<string>();
  for (const m of messages) {
    seen.add(`${m.file}:${m.index}`);
    const order = expected.get(m.file)![m.index] as { id: number };
    assert.deepEqual(JSON.parse(m.value), order);
    assert.equal(m.key, String(order.id));
    assert.equal(m.partition, partitionOf(murmur2(Buffer.from(m.key)), PARTITIONS));
    assert.equal(m.drop, result.id);
    assert.match(m.month!, /^2017_1[0-2]$/);
  }
  assert.equal(seen.size, count);
  assertOrder(messages, [...expected.keys()]);

  for (const phase of ['check', 'publish'] as const) {
    const last = progress.filter(p => p.phase === phase).at(-1)!;
    assert.equal(last.bytesDone, last.bytesTotal);
    assert.equal(last.orders, phase === 'publish' ? count : 0);
  }

  const already = await produce(zip, topic);
  assert.deepEqual(
    [already.state, already.id, already.orders, already.sent, already.files],
    ['already', result.id, count, 0, result.files],
  );
  const again = await produce(zip, topic, { again: true });
  assert.deepEqual([again.state, again.id, again.sent], ['published', `${result.id}-2`, count]);
  assert.equal((await readTopic(topic)).length, 2 * count);
});

test('interrupted, it goes on where it was, and again does not double it', async () => {
  const zip = await generated(12, 3000);
  const topic = freshName('resume');
  const abort = new AbortController();
  const onProgress = (p: ProduceProgress) => {
    if (p.phase === 'publish' && p.orders > 15_000) abort.abort();
  };
  await assert.rejects(produce(zip, topic, { signal: abort.signal, onProgress }), (e: InterruptedError) => {
    assert.ok(e instanceof InterruptedError);
    assert.match(`${e.message} ${e.hint}`, /\d+ orders of .* published the same command goes on/);
    return true;
  });
  const before = await readTopic(topic);
  assert.ok(before.length > 0 && before.length < 36_000);
  const result = await produce(zip, topic, { again: true });
  assert.deepEqual(
    [result.state, result.orders, result.sent, result.resumed],
    ['published', 36_000, 36_000 - before.length, true],
  );
  const messages = await readTopic(topic);
  assert.equal(messages.length, 36_000, 'what was confirmed is not sent again');
  assert.equal(new Set(messages.map(m => m.key)).size, 36_000);
  assertOrder(
    messages,
    result.files.map(f => f.name),
  );
  assert.equal((await produce(zip, topic)).state, 'already');
});

test('two producers of one drop at once do no harm', async () => {
  const zip = await generated(4, 2000);
  const topic = freshName('twice');
  const results = await Promise.all([produce(zip, topic), produce(zip, topic)]);
  assert.deepEqual(
    results.map(r => [r.id, r.orders]),
    Array(2).fill([results[0].id, 8000]),
  );
  const messages = await readTopic(topic);
  assert.equal(new Set(messages.map(m => m.key)).size, 8000);
  assertOrder(
    messages,
    results[0].files.map(f => f.name),
  );
  assert.equal((await produce(zip, topic)).state, 'already');
});

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
  assert.deepEqual(result.files, [
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
