import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { tally, tallyRetries } from '../../../../consumer/load/books.js';
import type { MessageOutcome } from '../../../../consumer/transform/batch-rows.js';

const outcome: fc.Arbitrary<MessageOutcome> = fc
  .record({
    outcome: fc.constantFrom('loaded' as const, 'bypassed' as const, 'rejected' as const),
    fileNo: fc.integer({ min: 1, max: 2 }),
    index: fc.integer({ min: -1, max: 12 }),
    partition: fc.integer({ min: 0, max: 1 }),
    month: fc.constantFrom('2017_11', '2017_12'),
    lineItems: fc.integer({ min: 0, max: 3 }),
    offset: fc.nat(99),
    orderId: fc.constantFrom('1', '2'),
    content: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    bytes: fc.nat(9),
  })
  .map(o => (o.outcome === 'loaded' ? { ...o, hasRow: true } : { ...o, month: '', lineItems: 0, hasRow: false }));

const o = (what: MessageOutcome['outcome'], index: number): MessageOutcome => ({
  outcome: what,
  fileNo: 1,
  index,
  partition: 0,
  month: what === 'loaded' ? '2017_12' : '',
  hasRow: what === 'loaded',
  lineItems: 0,
  offset: index,
  orderId: '1',
  content: 1n,
  bytes: 1,
});

test('every message counts once, under its file, partition and month', () => {
  fc.assert(
    fc.property(fc.array(outcome, { maxLength: 40 }), fc.integer({ min: -1, max: 6 }), (outcomes, before) => {
      const { entries, repeats } = tally(outcomes, () => before);
      const sum = (key: 'loaded' | 'bypassed' | 'rejected' | 'repeated' | 'lineItems') => entries.reduce((n, e) => n + e[key], 0);
      assert.equal(sum('loaded') + sum('bypassed') + sum('rejected') + sum('repeated'), outcomes.length);
      assert.equal(sum('repeated'), repeats.size);
      assert.equal(sum('loaded'), outcomes.filter(x => x.outcome === 'loaded').length, 'what is loaded is never a repeat');
      assert.equal(
        sum('lineItems'),
        outcomes.reduce((n, x) => n + x.lineItems, 0),
      );
      assert.equal(new Set(entries.map(e => `${e.fileNo}/${e.partition}/${e.month}`)).size, entries.length);
    }),
  );
});

test('what is counted has its bytes and its content in the sums, and a repeat has not', () => {
  fc.assert(
    fc.property(fc.array(outcome, { maxLength: 40 }), fc.integer({ min: -1, max: 6 }), (outcomes, before) => {
      const { entries, repeats } = tally(outcomes, () => before);
      const counted = outcomes.filter((_, at) => !repeats.has(at));
      assert.equal(
        entries.reduce((n, e) => n + e.bytes, 0),
        counted.reduce((n, x) => n + x.bytes, 0),
      );
      assert.equal(
        entries.reduce((n, e) => n + e.content, 0n),
        counted.reduce((n, x) => n + x.content, 0n),
      );
      const moved = tallyRetries(outcomes);
      assert.deepEqual([moved.reduce((n, e) => n + e.bytes, 0), moved.reduce((n, e) => n + e.content, 0n)], [0, 0n]);
    }),
  );
});

test('a repeat is what stands at or below the greatest index that was seen of its file in its partition', () => {
  fc.assert(
    fc.property(fc.array(outcome, { maxLength: 40 }), fc.integer({ min: -1, max: 6 }), (outcomes, before) => {
      const { repeats } = tally(outcomes, () => before);
      outcomes.forEach((x, i) => {
        const seen = Math.max(
          before,
          ...outcomes
            .slice(0, i)
            .filter(y => y.fileNo === x.fileNo && y.partition === x.partition)
            .map(y => y.index),
        );
        assert.equal(repeats.has(i), x.outcome !== 'loaded' && x.index >= 0 && x.index <= seen);
      });
    }),
  );
});

test('the greatest index of a file is in its entries, whichever comes last', () => {
  const { entries } = tally([o('loaded', 3), o('bypassed', 4), o('loaded', 5), o('loaded', 6)], () => 2);
  assert.equal(Math.max(...entries.map(e => e.lastIndex)), 6);
});

test('messages of no drop are never repeats', () => {
  assert.equal(tally([o('bypassed', -1), o('rejected', -1)], () => -1).repeats.size, 0);
});

test('a retry takes from the rejected what it loads or bypasses, and changes no sum', () => {
  fc.assert(
    fc.property(fc.array(outcome, { maxLength: 40 }), outcomes => {
      const entries = tallyRetries(outcomes);
      const sum = (key: 'loaded' | 'bypassed' | 'rejected' | 'repeated') => entries.reduce((n, e) => n + e[key], 0);
      const count = (what: MessageOutcome['outcome']) => outcomes.filter(x => x.outcome === what).length;
      assert.deepEqual([sum('loaded'), sum('bypassed'), sum('repeated')], [count('loaded'), count('bypassed'), 0]);
      for (const e of entries) assert.ok(e.rejected <= 0 && (e.month === '' || e.rejected === 0) && e.lastIndex === -1);
      const places = new Set(outcomes.map(x => `${x.fileNo}/${x.partition}`));
      for (const place of places) {
        const here = entries.filter(e => `${e.fileNo}/${e.partition}` === place);
        assert.equal(
          here.reduce((n, e) => n + e.loaded + e.bypassed + e.rejected, 0),
          0,
          'what leaves one column enters another, of the same file and partition',
        );
      }
    }),
  );
});
