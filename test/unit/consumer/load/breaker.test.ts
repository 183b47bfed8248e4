import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MessageBatch, messageOf } from '../../../../consumer/intake/batch.js';
import { Breaker } from '../../../../consumer/load/breaker.js';
import type { RejectedMessage } from '../../../../consumer/transform/batch-rows.js';
import { RefusalsError } from '../../../../shared/errors.js';
import type { RejectionCode } from '../../../../shared/rejection.js';

/** A batch of so many messages of which these, from the first on, are refused. */
function batch(
  count: number,
  refused: Partial<Record<RejectionCode, number>>,
  drop: string | null = 'd1',
): [MessageBatch, RejectedMessage[]] {
  const messages = Array.from({ length: count }, (_, i) =>
    messageOf(3, 40 + i, null, drop === null ? null : { drop, file: '2017-12-04.json', index: i, month: null }),
  );
  const rejected: RejectedMessage[] = [];
  for (const [code, n] of Object.entries(refused) as [RejectionCode, number][])
    for (let i = 0; i < n; i++) {
      const at = rejected.length;
      rejected.push({
        message: messages[at],
        at,
        rejection: { code, path: 'test', reason: 'test is "secret"' },
        forgotten: false,
        orderId: '',
      });
    }
  return [{ messages, segments: [], bytes: 0, reason: 'orders', generation: 1 }, rejected];
}

const stops = (breaker: Breaker, given: [MessageBatch, RejectedMessage[]]) => {
  try {
    breaker.check(...given);
    return '';
  } catch (error) {
    assert.ok(error instanceof RefusalsError);
    return error.message;
  }
};

test('a batch is judged from the number of orders and the share on, for one reason alone', () => {
  const breaker = new Breaker(100, 50);
  assert.equal(stops(breaker, batch(99, { bad_type: 99 })), '', 'too few to tell');
  assert.equal(stops(breaker, batch(100, { bad_type: 49, bad_id: 49 })), '', 'no reason has the share');
  assert.notEqual(stops(breaker, batch(100, { bad_type: 50 })), '');
  assert.equal(stops(breaker, batch(5000, { bad_type: 2499 })), '');
  assert.notEqual(stops(breaker, batch(5000, { bad_type: 2500 })), '');
});

test('small batches are judged with those before them, of a large one only itself', () => {
  const breaker = new Breaker(100, 50);
  for (let i = 0; i < 3; i++) {
    assert.equal(stops(breaker, batch(30, { bad_type: 25 })), '');
    breaker.passed(...batch(30, { bad_type: 25 }));
  }
  assert.equal(stops(breaker, batch(30, { bad_id: 1 })), '', 'its own reason is rare');
  assert.match(stops(breaker, batch(30, { bad_type: 1 })), /^\d\d of the last 100 orders/);
  assert.equal(stops(breaker, batch(100, { bad_type: 49 })), '');
  for (let i = 0; i < 4; i++) breaker.passed(...batch(30, {}));
  assert.equal(stops(breaker, batch(30, { bad_type: 30 })), '', 'what is long past is forgotten');
});

test('what is committed is counted exactly', () => {
  const breaker = new Breaker(10, 50);
  breaker.passed(...batch(8, { bad_type: 4 }));
  assert.match(stops(breaker, batch(4, { bad_type: 4 })), /^6 of the last 10 /, 'of the six before, two');
  assert.equal(stops(breaker, batch(4, { bad_type: 2 })), '', 'with two more it is 4 of 10');
});

test('it says the reason, the numbers, the drop, a place and what to do, and no value', () => {
  const breaker = new Breaker(100, 50);
  assert.equal(
    stops(breaker, batch(200, { bad_type: 150 })),
    '150 of the last 200 orders are refused as bad_type, of drop d1; such as 2017-12-04.json[0] at test. Nothing of this batch is loaded',
  );
  assert.match(stops(breaker, batch(200, { bad_type: 150 }, null)), /, of no drop; such as partition 3 offset 40 at test\./);
});
