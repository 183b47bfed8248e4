import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { crc32c } from '../../../producer/crc32c.js';
import { produceRequest } from '../../../producer/produce-request.js';
import { encodeRecordBatch, encodeRecordHeaders, NO_HEADERS, NumberHeader, RecordBatchBuilder } from '../../../producer/record-batch.js';
import { decodeRecordBatch, decodeRequest } from './model-kafka.js';

const SENDER = { producerId: 4611686018427387904n, producerEpoch: 3, baseSequence: 77 };

test('kafkajs decodes any records that we encode', async () => {
  const record = fc.record({
    key: fc.option(fc.stringMatching(/^[1-9][0-9]{0,18}$/)),
    value: fc.string({ maxLength: 300 }),
    file: fc.string({ minLength: 1, maxLength: 80 }),
    index: fc.oneof(fc.nat(20), fc.nat(999_999_999)),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 150 }), async records => {
      const builder = new RecordBatchBuilder();
      const number = new NumberHeader('index');
      for (const { key, value, file, index } of records) {
        const bytes = Buffer.from(`${key ?? ''}${value}`);
        const keyEnd = key?.length ?? 0;
        builder.add(bytes, keyEnd, bytes.length, 0, keyEnd, encodeRecordHeaders({ file, drop: 'd' }, 1), number.of(index));
      }
      const raw = builder.length;
      const packed = await builder.pack();
      assert.deepEqual([packed.count, builder.count, builder.length], [records.length, 0, 0]);
      const batch = encodeRecordBatch(packed, SENDER);
      assert.equal(batch.readUInt32BE(17), crc32c(batch.subarray(21)));
      assert.equal(batch.readInt32BE(8), batch.length - 12);
      const decoded = await decodeRecordBatch(batch);
      assert.equal(decoded.producerId, String(SENDER.producerId));
      assert.equal(decoded.firstSequence, 77);
      assert.ok(raw > 0);
      assert.deepEqual(
        decoded.records.map(r => ({
          key: r.key === null ? null : String(r.key),
          value: String(r.value),
          file: String(r.headers.file),
          index: Number(r.headers.index),
        })),
        records.map(r => ({ ...r, value: Buffer.from(r.value).toString(), file: Buffer.from(r.file).toString() })),
      );
    }),
    { numRuns: 60 },
  );
});

test('lengths around the steps of varints are right', async () => {
  for (const size of [0, 1, 57, 58, 63, 64, 65, 8100, 8191, 8192, 8200, 1_048_570, 1_048_576, 1_050_000]) {
    const builder = new RecordBatchBuilder();
    const value = Buffer.alloc(size, 0x61);
    for (let n = 0; n < 3; n++) builder.add(value, 0, size, 0, 0, NO_HEADERS);
    const { records } = await decodeRecordBatch(encodeRecordBatch(await builder.pack(), SENDER));
    assert.deepEqual(
      records.map(r => [r.key, r.value?.length]),
      Array(3).fill([null, size]),
    );
  }
});

test('a builder is used again without a trace of before', async () => {
  const builder = new RecordBatchBuilder();
  for (const text of ['a'.repeat(100_000), 'b', 'c'.repeat(200)]) {
    const value = Buffer.from(text);
    builder.add(value, 0, value.length, 0, 0, NO_HEADERS);
    const { records } = await decodeRecordBatch(encodeRecordBatch(await builder.pack(), SENDER));
    assert.deepEqual(
      records.map(r => String(r.value)),
      [text],
    );
  }
});

test('a number header writes any index', () => {
  const header = new NumberHeader('index');
  for (const n of [0, 1, 9, 10, 99, 100, 12345, 999_999_999, 2 ** 31, 1e15 - 1]) {
    const b = header.of(n);
    assert.equal(b.toString('latin1', 7), String(n));
    assert.equal(b[6] >> 1, String(n).length);
  }
});

test('a request carries every share of every topic', async () => {
  const batches = [
    { topic: 'a', partition: 1, batch: Buffer.from('x') },
    { topic: 'a', partition: 0, batch: Buffer.from('yy') },
    { topic: 'ü', partition: 7, batch: Buffer.alloc(70_000, 1) },
  ];
  const { request } = produceRequest(batches, 1000);
  assert.deepEqual(decodeRequest((await request.encode()).buffer), batches);
});
