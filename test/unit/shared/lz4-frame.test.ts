/** LZ4 frames of this program, of the Java client and of librdkafka. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import lz4 from 'lz4-napi';
import { unpackLz4 } from '../../../shared/lz4-frame.js';

const RUNS = { seed: 20171204, numRuns: 300 };
/** Long runs, so that lengths are written in several bytes, beside bytes that do not pack. */
const texts = fc
  .array(fc.tuple(fc.constantFrom('{"id":1,', 'ab', '\u0000', 'x'), fc.integer({ min: 0, max: 700 }), fc.uint8Array({ maxLength: 40 })), {
    maxLength: 12,
  })
  .map(parts => Buffer.concat(parts.flatMap(([text, times, bytes]) => [Buffer.from(text.repeat(times)), bytes])));

/** As the Java client frames it: independent blocks, each packed or stored. */
function framed(blocks: { bytes: Buffer; stored: boolean }[], contentSize: boolean): Buffer {
  const head = Buffer.from([0x04, 0x22, 0x4d, 0x18, contentSize ? 0x68 : 0x60, 0x40, ...(contentSize ? [9, 0, 0, 0, 0, 0, 0, 0] : []), 0]);
  const pieces = blocks.flatMap(({ bytes, stored }) => {
    const body = stored ? bytes : lz4.compressSync(bytes).subarray(4);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(stored ? body.length + 0x80000000 : body.length);
    return [length, body];
  });
  return Buffer.concat([head, ...pieces, Buffer.alloc(4)]);
}

test('whatever was packed comes back, and the frame is left as it was', () => {
  fc.assert(
    fc.property(texts, bytes => {
      const frame = lz4.compressFrameSync(bytes);
      const before = Buffer.from(frame);
      assert.deepEqual(unpackLz4(frame), bytes);
      assert.deepEqual(frame, before);
      assert.deepEqual(unpackLz4(lz4.compressFrameSync(bytes, { contentChecksum: true, blockChecksums: true })), bytes);
    }),
    RUNS,
  );
});

test('frames of several blocks, packed and stored, come back in one', () => {
  const block = fc.record({ bytes: texts.filter(t => t.length > 0), stored: fc.boolean() });
  fc.assert(
    fc.property(fc.array(block, { maxLength: 4 }), fc.boolean(), (blocks, contentSize) => {
      assert.deepEqual(unpackLz4(framed(blocks, contentSize)), Buffer.concat(blocks.map(b => b.bytes)));
    }),
    RUNS,
  );
});

test('a damaged frame is refused or unpacks to something, and takes neither for ever nor memory for what is not there', () => {
  fc.assert(
    fc.property(texts, fc.nat(), fc.integer({ min: 0, max: 255 }), fc.nat(), (bytes, place, value, cut) => {
      const frame = lz4.compressFrameSync(bytes);
      frame[place % frame.length] = value;
      const damaged = frame.subarray(0, frame.length - (cut % 3 === 0 ? cut % frame.length : 0));
      try {
        assert.ok(unpackLz4(damaged).length < 300 * frame.length);
      } catch (error) {
        assert.ok(error instanceof Error && error.name !== 'AssertionError', String(error));
      }
    }),
    RUNS,
  );
});
