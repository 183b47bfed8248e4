import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  BatchQueue,
  type FetchedMessages,
  type MessageBatch,
  messageBytes,
  messageOf,
  type OrderMessage,
} from '../../../../consumer/intake/batch.js';

function message(partition: number, offset: number, size: number): OrderMessage {
  return messageOf(partition, offset, size < 0 ? null : Buffer.alloc(size), null);
}

/** Fetches of some partitions, each going on where the one before ended, with holes as control records leave them. */
const fetches = fc
  .array(
    fc.record({
      partition: fc.integer({ min: 0, max: 3 }),
      steps: fc.array(fc.record({ gap: fc.integer({ min: 0, max: 2 }), size: fc.integer({ min: -1, max: 900 }) }), {
        maxLength: 8,
      }),
      tail: fc.integer({ min: 0, max: 2 }),
    }),
    { maxLength: 12 },
  )
  .map(list => {
    const next = new Map<number, number>();
    return list.flatMap(({ partition, steps, tail }): FetchedMessages[] => {
      const from = next.get(partition) ?? 100;
      let at = from;
      const messages = steps.map(({ gap, size }) => {
        at += gap;
        return message(partition, at++, size);
      });
      at += tail;
      next.set(partition, at);
      if (at === from) return [];
      return [{ partition, from, to: at, messages, bytes: messages.reduce((n, m) => n + messageBytes(m), 0) }];
    });
  });

function takeAll(fetched: FetchedMessages[], maxOrders: number, maxBytes: number): MessageBatch[] {
  const queue = new BatchQueue();
  for (const f of fetched) queue.push(f);
  const batches: MessageBatch[] = [];
  for (let batch = queue.take(maxOrders, maxBytes, 7); batch !== null; batch = queue.take(maxOrders, maxBytes, 7)) {
    assert.ok(batches.push(batch) < 1000, 'it ends');
    assert.equal(queue.orders, fetched.reduce((n, f) => n + f.messages.length, 0) - batches.reduce((n, b) => n + b.messages.length, 0));
  }
  assert.deepEqual([queue.empty, queue.orders, queue.bytes], [true, 0, 0]);
  return batches;
}

test('every message is in one batch, in the order of its partition, within the bounds', () => {
  fc.assert(
    fc.property(fetches, fc.integer({ min: 1, max: 10 }), fc.integer({ min: 300, max: 4000 }), (fetched, maxOrders, maxBytes) => {
      const batches = takeAll(fetched, maxOrders, maxBytes);
      assert.deepEqual(
        batches.flatMap(b => b.messages),
        fetched.flatMap(f => f.messages),
      );
      for (const b of batches) {
        const bytes = b.messages.reduce((n, m) => n + messageBytes(m), 0);
        assert.equal(b.bytes, bytes);
        assert.ok(b.messages.length <= maxOrders);
        assert.ok(bytes <= maxBytes || b.messages.length === 1, 'one message goes however large it is');
        assert.equal(b.generation, 7);
      }
    }),
    { numRuns: 1000 },
  );
});

test('the segments of a partition follow on each other without a gap, and hold their messages', () => {
  fc.assert(
    fc.property(fetches, fc.integer({ min: 1, max: 10 }), fc.integer({ min: 300, max: 4000 }), (fetched, maxOrders, maxBytes) => {
      const at = new Map<number, number>();
      for (const b of takeAll(fetched, maxOrders, maxBytes)) {
        assert.deepEqual(
          b.segments.map(s => s.partition),
          [...new Set(b.segments.map(s => s.partition))].sort((x, y) => x - y),
        );
        assert.equal(
          b.segments.reduce((n, s) => n + s.messages, 0),
          b.messages.length,
        );
        for (const s of b.segments) {
          assert.equal(s.from, at.get(s.partition) ?? 100);
          assert.ok(s.to > s.from, 'a segment moves its position');
          at.set(s.partition, s.to);
          const mine = b.messages.filter(m => m.partition === s.partition);
          assert.equal(mine.length, s.messages);
          assert.ok(mine.every(m => m.offset >= s.from && m.offset < s.to));
        }
      }
      for (const f of fetched) assert.ok(at.get(f.partition)! >= f.to);
    }),
    { numRuns: 1000 },
  );
});

test('a batch says why it was closed', () => {
  const fetched = (): FetchedMessages => ({
    partition: 0,
    from: 0,
    to: 4,
    messages: [0, 1, 2, 3].map(o => message(0, o, 100)),
    bytes: 4 * 356,
  });
  assert.deepEqual(
    takeAll([fetched()], 3, 10_000).map(b => [b.reason, b.messages.length]),
    [
      ['orders', 3],
      ['time', 1],
    ],
  );
  assert.deepEqual(
    takeAll([fetched()], 100, 800).map(b => [b.reason, b.messages.length]),
    [
      ['bytes', 2],
      ['time', 2],
    ],
  );
});

test('control records alone move the position', () => {
  assert.deepEqual(takeAll([{ partition: 2, from: 5, to: 6, messages: [], bytes: 0 }], 10, 1000)[0].segments, [
    { partition: 2, from: 5, to: 6, messages: 0 },
  ]);
});

test('cleared, a queue gives nothing', () => {
  const queue = new BatchQueue();
  queue.push({ partition: 0, from: 0, to: 1, messages: [message(0, 0, 10)], bytes: 266 });
  queue.clear();
  assert.deepEqual([queue.take(10, 1000, 1), queue.empty, queue.bytes, queue.orders], [null, true, 0, 0]);
});
