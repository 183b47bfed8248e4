import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CopyText } from '../../../../consumer/transform/copy-text.js';
import { idIsGreater, UserDeltas } from '../../../../consumer/transform/user-delta.js';
import { instantText, unitsToText } from '../../../../shared/values.js';
import { decodeCopy } from './copy-decode.js';

interface Order {
  user: string;
  id: bigint;
  seconds: number;
  micros: number;
  units: bigint;
}

const order: fc.Arbitrary<Order> = fc.record({
  user: fc.constantFrom('7', '9007199254740993'),
  id: fc.bigInt({ min: 1n, max: 2n ** 63n - 1n }),
  seconds: fc.integer({ min: 1_500_000_000, max: 1_500_000_000 + 40 * 86_400 }),
  micros: fc.constantFrom(0, 1, 999_999),
  units: fc.oneof(fc.bigInt({ min: -(10n ** 10n), max: 10n ** 10n }), fc.bigInt({ min: -(10n ** 19n), max: 10n ** 19n })),
});

const micros = (o: Order) => BigInt(o.seconds) * 1_000_000n + BigInt(o.micros);

test('whatever orders in whatever order: one row a user, with count, sum, extremes, days, and the fields of the newest', () => {
  fc.assert(
    fc.property(fc.array(order, { maxLength: 30 }), orders => {
      const deltas = new UserDeltas();
      for (const o of orders) {
        const small = o.units > -(10n ** 10n) && o.units < 10n ** 10n;
        deltas.add(o.user, String(o.id), o.seconds, o.micros, small ? Number(o.units) : Number.NaN, o.units, () => `${o.id}\ta\tb\tc`);
      }
      const out = new CopyText();
      deltas.write(out);
      const got = decodeCopy(Buffer.concat(out.chunks())).map(r => r.map(c => c!.toString()));
      const want = [...new Set(orders.map(o => o.user))].map(user => {
        const mine = orders.filter(o => o.user === user);
        const byTime = [...mine].sort((a, b) => Number(micros(a) - micros(b)) || (a.id < b.id ? -1 : 1));
        const [first, newest] = [byTime[0], byTime.at(-1)!];
        const days = (micros(newest) - micros(first)) / 86_400_000_000n + 1n;
        const sum = mine.reduce((n, o) => n + o.units, 0n);
        return [
          user,
          String(newest.id),
          'a',
          'b',
          'c',
          String(mine.length),
          unitsToText(sum),
          instantText(first.seconds, first.micros),
          instantText(newest.seconds, newest.micros),
          String(days),
          String(newest.id),
        ];
      });
      assert.deepEqual(got, want);
      assert.equal(deltas.size, want.length);
    }),
    { numRuns: 500 },
  );
});

test('ids are compared as numbers, not as text', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 1n, max: 2n ** 63n }), fc.bigInt({ min: 1n, max: 2n ** 63n }), (a, b) => {
      assert.equal(idIsGreater(String(a), String(b)), a > b);
    }),
  );
  assert.equal(idIsGreater('10', '9'), true);
});

test('the fields of an order that is not the newest are not asked for', () => {
  const deltas = new UserDeltas();
  deltas.add('1', '5', 100, 0, 1, 0n, () => '');
  deltas.add('1', '9', 99, 999_999, 1, 0n, () => assert.fail('older'));
  deltas.add('1', '4', 100, 0, 1, 0n, () => assert.fail('smaller id at the same instant'));
});
