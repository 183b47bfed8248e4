import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { BatchSize } from '../../../consumer/batch-size.js';

/** A size, and the lines that it has logged. */
function sized(options: { orders?: number; bytes?: number; memory?: number } = {}) {
  const lines: Record<string, unknown>[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  return { size: new BatchSize({ orders: 4000, bytes: 6_000_000, memory: 240e6, log, ...options }), lines };
}

/** By what a batch is limited that has grown as far as it may. */
function sizedLimit(options: { memory?: number }): unknown {
  const { size, lines } = sized(options);
  for (let n = 0; n < 10; n++) size.settle(100, 90e6, n * 120_000);
  return lines.at(-1)!.limited_by;
}

test('a batch grows to the limits that are set, and the log says so once', () => {
  const { size, lines } = sized();
  assert.deepEqual([size.orders, size.bytes], [1000, 1_500_000]);
  for (let n = 0; n < 10; n++) size.settle(200, 120e6);
  assert.deepEqual([size.orders, size.bytes], [4000, 6_000_000]);
  assert.deepEqual(
    lines.map(l => l.limited_by),
    ['settings'],
  );
});

test('where transactions take long they get smaller until they take a second, and larger again when they are fast', () => {
  const { size, lines } = sized();
  const perOrder = 2; // milliseconds
  for (let n = 0; n < 20; n++) size.settle(size.orders * perOrder, 120e6, n * 120_000);
  assert.ok(size.orders > 250 && size.orders <= 500, String(size.orders));
  assert.equal(lines.at(-1)!.limited_by, 'time');
  for (let n = 20; n < 40; n++) size.settle(size.orders * 0.1, 120e6, n * 120_000);
  assert.equal(size.orders, 4000);
  assert.equal(lines.at(-1)!.limited_by, 'settings');
});

test('a process near its memory takes no more at once, and one beyond it takes less', () => {
  const { size, lines } = sized();
  size.settle(200, 220e6);
  assert.deepEqual([size.orders, lines.at(-1)!.limited_by], [1000, 'memory']);
  for (let n = 0; n < 20; n++) size.settle(200, (250 + 10 * n) * 1e6);
  assert.deepEqual([size.orders, size.bytes], [1000, 1_500_000], 'memory alone makes it no smaller than that');
  const large = sized();
  for (let n = 0; n < 10; n++) large.size.settle(200, 120e6);
  for (let n = 0; n < 20; n++) large.size.settle(200, 250e6, Date.now() + n * 120_000);
  assert.deepEqual([large.size.orders, large.lines.at(-1)!.limited_by], [2666, 'memory'], 'it grows no more, so it is let be');
  for (let n = 0; n < 20; n++) large.size.settle(200, (260 + 10 * n) * 1e6);
  assert.equal(large.size.orders, 1000, 'it went on growing');
  const peak = sized();
  for (let n = 0; n < 10; n++) peak.size.settle(200, 120e6);
  peak.size.settle(200, 600e6);
  for (let n = 0; n < 10; n++) peak.size.settle(200, 120e6);
  assert.equal(peak.size.orders, 4000, 'what was taken has been given back');
  for (let n = 0; n < 10; n++) peak.size.settle(200, 500e6, Date.now() + n * 120_000);
  assert.deepEqual(
    [peak.size.orders, peak.lines.at(-1)!.limited_by],
    [2666, 'memory'],
    'and is taken again: less than at the peak, and too much',
  );
});

test('less memory allows for smaller batches, and limits that are set low are kept', () => {
  const small = sized({ memory: 120e6 }).size;
  for (let n = 0; n < 10; n++) small.settle(100, 90e6);
  assert.equal(small.bytes, 1_000_000);
  assert.equal(sizedLimit({ memory: 120e6 }), 'memory');
  const low = sized({ orders: 20, bytes: 2048 }).size;
  for (let n = 0; n < 10; n++) low.settle(5000, 900e6);
  assert.deepEqual([low.orders, low.bytes], [20, 2048]);
});
