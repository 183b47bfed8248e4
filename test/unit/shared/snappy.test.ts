/** Snappy of other producers, in both of its forms. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compress } from 'snappyjs';
import { unpackSnappy } from '../../../shared/snappy.js';

/** As the Java client frames it. */
function framed(...pieces: Uint8Array[]): Buffer {
  const head = Buffer.from('\u0082SNAPPY\0\0\0\0\u0001\0\0\0\u0001', 'latin1');
  const frames = pieces.map(piece => {
    const packed = compress(piece);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(packed.length);
    return Buffer.concat([length, packed]);
  });
  return Buffer.concat([head, ...frames]);
}

test('raw and in the frames of the Java client', () => {
  const bytes = fc.array(fc.constantFrom(1, 2, 3, 200), { maxLength: 3000 }).map(all => Buffer.from(all));
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      if (a.length > 0) assert.deepEqual(unpackSnappy(Buffer.from(compress(a))), a);
      assert.deepEqual(unpackSnappy(framed(a, b)), Buffer.concat([a, b]));
    }),
    { seed: 20171204, numRuns: 200 },
  );
});

test('frames that are cut off are refused', () => {
  const whole = framed(Buffer.from('abcabcabcabc'), Buffer.from('de'));
  for (let at = 17; at < whole.length; at++) {
    if (at === 16 + 4 + compress(Buffer.from('abcabcabcabc')).length) continue; // behind the first frame
    assert.throws(() => unpackSnappy(whole.subarray(0, at)), /cut off/);
  }
});
