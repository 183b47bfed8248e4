import assert from 'node:assert/strict';
import { test } from 'node:test';
import { murmur2, partitionOf } from '../../producer/murmur2.js';
import type { ProduceProgress } from '../../producer/produce-drop.js';
import { InterruptedError } from '../../shared/errors.js';
import { topicInfo } from '../../shared/kafka.js';
import { freshName } from '../support/services.js';

import { assertOrder, generated, kafka, lines, ordersOf, PARTITIONS, produce, readTopic, realDrop } from './produce-support.js';

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
  assert.deepEqual([result.state, result.orders, result.sent, result.resumed], ['published', 36_000, 36_000 - before.length, true]);
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
