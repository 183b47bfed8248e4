import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeHeaders, decodeIndex, encodeHeaders, type Headers } from '../../../shared/order-message.js';

const place = fc.record({
  drop: fc.string({ minLength: 1 }).map(s => s.replaceAll('\0', 'x')),
  file: fc.string({ unit: 'grapheme', minLength: 1 }).map(s => s.replaceAll('\0', 'x')),
  index: fc.integer({ min: 0, max: 999_999_999 }),
  month: fc.constantFrom(null, '2017_12', '0001_01'),
});

test('a place that is written is read back, from text and from bytes', () => {
  fc.assert(
    fc.property(place, p => {
      const headers = encodeHeaders(p);
      assert.deepEqual(decodeHeaders(headers), { ...p });
      assert.deepEqual(decodeHeaders(Object.fromEntries(Object.entries(headers).map(([k, v]) => [k, Buffer.from(v)]))), { ...p });
    }),
  );
});

const GOOD: Headers = { drop: 'd', file: 'f', index: '0', month: '2017_12' };

test('without drop, file and index a message belongs to no drop', () => {
  assert.equal(decodeHeaders(undefined), null);
  assert.equal(decodeHeaders({}), null);
  for (const lost of ['drop', 'file', 'index']) assert.equal(decodeHeaders({ ...GOOD, [lost]: undefined }), null, lost);
  assert.equal(decodeHeaders({ ...GOOD, drop: '' }), null);
  for (const index of ['', '-1', '01', '1.0', '1e3', 'x', '1000000000', ' 1']) assert.equal(decodeHeaders({ ...GOOD, index }), null, index);
  assert.equal(decodeIndex(Buffer.from('42')), 42);
});

test('a month that is none is not there', () => {
  for (const month of ['2017-12', '2017_13', '', undefined]) assert.equal(decodeHeaders({ ...GOOD, month })!.month, null);
});

test('of a repeated header the last counts, and NUL, which Postgres cannot hold, is replaced', () => {
  assert.equal(decodeHeaders({ ...GOOD, drop: ['a', Buffer.from('b')] })!.drop, 'b');
  assert.equal(decodeHeaders({ ...GOOD, file: 'a\0b' })!.file, 'a\ufffdb');
});
