import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import * as zlib from 'node:zlib';
import fc from 'fast-check';
import { crc32, crc32ByTable } from '../../../producer/crc32.js';
import { crc32c } from '../../../producer/crc32c.js';
import { murmur2, partitionOf } from '../../../producer/murmur2.js';

const require = createRequire(import.meta.url);
const bytes = () => fc.uint8Array({ maxLength: 200 });

test("murmur2 has the values of Kafka's own UtilsTest", () => {
  const vectors: [string, number][] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ];
  for (const [key, hash] of vectors) assert.equal(murmur2(Buffer.from(key)), hash, key);
});

test('murmur2 and the partition agree with kafkajs for any bytes', () => {
  const theirs: (key: Buffer) => number = require('kafkajs/src/producer/partitioners/default/murmur2.js');
  fc.assert(
    fc.property(bytes(), fc.integer({ min: 1, max: 1000 }), (key, partitions) => {
      const hash = theirs(Buffer.from(key));
      assert.equal(murmur2(key), hash);
      assert.equal(partitionOf(murmur2(key), partitions), (hash & 0x7fffffff) % partitions);
    }),
  );
});

test('murmur2 of a range is that of its bytes', () => {
  fc.assert(
    fc.property(bytes(), fc.nat(50), fc.nat(50), (data, a, b) => {
      const at = Math.min(a, data.length);
      const end = Math.min(at + b, data.length);
      assert.equal(murmur2(data, at, end), murmur2(data.slice(at, end)));
    }),
  );
});

test('partitions are never negative', () => {
  assert.equal(partitionOf(-2147483648, 8), 0);
  assert.equal(partitionOf(-1, 8), 7);
});

test('CRC-32C has the known check value and agrees with kafkajs', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
  assert.equal(crc32c(new Uint8Array(0)), 0);
  const theirs: (b: Buffer) => number = require('kafkajs/src/protocol/recordBatch/crc32C/crc32C.js');
  fc.assert(fc.property(bytes(), data => assert.equal(crc32c(data), theirs(Buffer.from(data)))));
});

test("CRC-32 by the table is zlib's, also in parts", () => {
  assert.equal(crc32ByTable(Buffer.from('123456789')), 0xcbf43926);
  fc.assert(
    fc.property(bytes(), bytes(), (a, b) => {
      const whole = crc32ByTable(Buffer.concat([a, b]));
      assert.equal(crc32ByTable(b, crc32ByTable(a)), whole);
      assert.equal(crc32(b, crc32(a)), whole);
      if (zlib.crc32) assert.equal(zlib.crc32(Buffer.concat([a, b])), whole);
    }),
  );
});
