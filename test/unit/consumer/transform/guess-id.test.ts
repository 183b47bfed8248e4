import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { guessId } from '../../../../consumer/transform/guess-id.js';

/** Among other bytes, which must not count. */
const guess = (text: string) => {
  const bytes = Buffer.from(text);
  const among = Buffer.concat([Buffer.from('7'), bytes, Buffer.from('7,"id":1}')]);
  const id = guessId(among, 1, 1 + bytes.length);
  assert.equal(guessId(bytes, 0, bytes.length), id);
  return id;
};

test('an id that an order begins with is guessed, whatever blanks stand around it', () => {
  for (const text of ['{"id":42}', '{"id":42,"a":1}', '\n{ \t"id" :\r\n 42 , "a":1}', '{"id":42,"id":43}']) assert.equal(guess(text), '42');
});

test('whatever is no plain id at the beginning is not guessed', () => {
  for (const text of [
    '',
    '[]',
    '{}',
    '{"id"',
    '{"id":',
    '{"id":4',
    '{"id":"42"}',
    '{"id":-1}',
    '{"id":0}',
    '{"id":007}',
    '{"id":1.5}',
    '{"id":1e3}',
  ])
    assert.equal(guess(text), null, text);
  for (const text of ['{"name":1,"id":42}', '{"id_":42}', '{"id":1234567890123456789}', 'x{"id":42}'])
    assert.equal(guess(text), null, text);
});

test('of any order that is written by JSON.stringify the guess is its id, or none', () => {
  fc.assert(
    fc.property(fc.record({ id: fc.nat(), more: fc.jsonValue() }), fc.integer({ min: 0, max: 2 }), (order, indent) => {
      assert.equal(guess(JSON.stringify(order, null, indent)), order.id === 0 ? null : String(order.id));
    }),
  );
});
