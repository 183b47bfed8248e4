/** Snappy by hand: no packer is at hand, so each kind of element is written out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { unpackSnappy } from '../../../shared/snappy.js';

const raw = (length: number, ...bytes: (number | string)[]): Buffer =>
  Buffer.concat([Buffer.from([length]), ...bytes.map(b => (typeof b === 'string' ? Buffer.from(b) : Buffer.from([b])))]);
const text = (packed: Buffer): string => unpackSnappy(packed).toString();

test('literals and the three kinds of copies, overlapping ones too', () => {
  assert.equal(text(raw(3, 2 << 2, 'abc')), 'abc');
  assert.equal(text(raw(3, 60 << 2, 2, 'abc')), 'abc');
  assert.equal(text(raw(3, 61 << 2, 2, 0, 'abc')), 'abc');
  assert.equal(text(raw(9, 2 << 2, 'abc', (2 << 2) | 1, 3)), 'abcabcabc');
  assert.equal(text(raw(8, 2 << 2, 'abc', (4 << 2) | 2, 3, 0)), 'abcabcab');
  assert.equal(text(raw(5, 2 << 2, 'abc', (1 << 2) | 3, 1, 0, 0, 0)), 'abccc');
  const far = Buffer.concat([
    Buffer.from([0x84, 0x04, 61 << 2, 0xff, 0x01]),
    Buffer.alloc(512, 'xyz!'),
    Buffer.from([(0 << 2) | 1 | (1 << 5), 0x00]),
  ]);
  assert.equal(text(far).slice(512), 'xyz!', 'the high bits of a copy stand in its tag');
});

test('frames of the Java client follow on each other', () => {
  const frame = (piece: Buffer): Buffer => Buffer.concat([Buffer.from([0, 0, 0, piece.length]), piece]);
  const head = Buffer.from('\u0082SNAPPY\0\0\0\0\u0001\0\0\0\u0001', 'latin1');
  assert.equal(text(Buffer.concat([head, frame(raw(3, 2 << 2, 'abc')), frame(raw(2, 1 << 2, 'de'))])), 'abcde');
  assert.throws(() => unpackSnappy(Buffer.concat([head, frame(raw(3, 2 << 2, 'abc')).subarray(0, 6)])), /not the Snappy/);
});

test('whatever else it is handed, it says so and writes nowhere else', () => {
  for (const bad of [
    raw(3),
    raw(4, 2 << 2, 'abc'),
    raw(2, 2 << 2, 'abc'),
    raw(3, (2 << 2) | 2, 1, 0),
    raw(7, 2 << 2, 'abc', 1, 0),
    raw(3, 60 << 2),
  ]) {
    assert.throws(() => unpackSnappy(bad), /not the Snappy/);
  }
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), bytes => {
      const [first] = bytes;
      bytes[0] = first & 0x7f; // a length that is soon made
      try {
        assert.equal(unpackSnappy(Buffer.from(bytes)).length, bytes[0]);
      } catch (error) {
        assert.match(String(error), /not the Snappy/);
      }
    }),
  );
});
