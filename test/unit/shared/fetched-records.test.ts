/** Our reader of record batches, held against kafkajs' own. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import fc from 'fast-check';
import lz4 from 'lz4-napi';
import { encodeRecordBatch, encodeRecordHeaders, RecordBatchBuilder } from '../../../producer/record-batch.js';
import { type FetchedRecord, type InnerDecoder, readRecordBatch, type Unpack } from '../../../shared/fetched-records.js';

const require = createRequire(import.meta.url);
const Decoder = require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => InnerDecoder;
const theirs = require('kafkajs/src/protocol/recordBatch/v0/decoder') as (decoder: InnerDecoder) => Promise<{ records: Theirs[] }>;
const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0') as { RecordBatch: (o: object) => Promise<{ buffer: Buffer }> };
const Record = require('kafkajs/src/protocol/recordBatch/record/v0') as (record: object) => unknown;
const { lookupCodecByAttributes, Codecs } = require('kafkajs/src/protocol/message/compression') as {
  lookupCodecByAttributes: Unpack;
  Codecs: object[];
};
Codecs[3] = () => ({ decompress: async (packed: Buffer) => lz4.decompressFrameSync(packed) });

type Theirs = Pick<
  FetchedRecord,
  'offset' | 'timestamp' | 'key' | 'value' | 'headers' | 'attributes' | 'magicByte' | 'isControlRecord' | 'batchContext'
>;

/** What a consumer can see of a record. */
function seen(r: Theirs) {
  const { producerId, inTransaction } = r.batchContext;
  return {
    offset: String(r.offset), // a number of ours is a text of theirs
    timestamp: r.timestamp,
    key: r.key,
    value: r.value,
    headers: Object.entries(r.headers).sort(([a], [b]) => (a < b ? -1 : 1)),
    attributes: r.attributes,
    magicByte: r.magicByte,
    isControlRecord: r.isControlRecord,
    producerId,
    inTransaction,
  };
}

const bytes = fc.uint8Array({ maxLength: 200 }).map(b => Buffer.from(b));
const records = fc.array(
  fc.record({
    key: fc.option(bytes),
    value: fc.option(bytes),
    headers: fc.dictionary(fc.string({ maxLength: 9 }), fc.oneof(bytes, fc.array(bytes, { minLength: 2, maxLength: 3 })), {
      maxKeys: 4,
      noNullPrototype: true,
    }),
    timestampDelta: fc.integer({ min: -5000, max: 2 ** 31 - 1 }),
  }),
  { minLength: 1, maxLength: 8 },
);

test('every record reads as kafkajs reads it', async () => {
  await fc.assert(
    fc.asyncProperty(
      records,
      fc.integer({ min: 0, max: 2 ** 40 }),
      fc.constantFrom(0, 1),
      fc.boolean(),
      async (all, first, packing, transactional) => {
        const batch = await RecordBatch({
          compression: packing,
          firstOffset: BigInt(first),
          firstTimestamp: 1512396000000,
          maxTimestamp: 1512396000999,
          lastOffsetDelta: all.length - 1,
          producerId: 77n,
          transactional,
          records: all.map((r, offsetDelta) => Record({ ...r, offsetDelta })),
        });
        const twice = Buffer.concat([batch.buffer, batch.buffer]);
        const decoder = new Decoder(twice);
        const read = await readRecordBatch(decoder, lookupCodecByAttributes);
        assert.equal(decoder.offset, batch.buffer.length);
        const expected = await theirs(new Decoder(twice));
        assert.deepEqual(read.records.map(seen), expected.records.map(seen));
      },
    ),
    { seed: 20171204, numRuns: 300 },
  );
});

test("this program's own batches read as kafkajs reads them", async () => {
  const builder = new RecordBatchBuilder();
  const order = Buffer.from('{"id":17629413379,"note":"é"}');
  for (let index = 0; index < 300; index++)
    builder.add(
      order,
      0,
      order.length,
      6,
      6 + (index % 12),
      encodeRecordHeaders({ drop: 'd', file: '2017-12-04.json', index: String(index) }, 0),
    );
  const batch = encodeRecordBatch(await builder.pack(), { producerId: 5n, producerEpoch: 1, baseSequence: 0 });
  const read = await readRecordBatch(new Decoder(batch), lookupCodecByAttributes);
  const expected = await theirs(new Decoder(batch));
  assert.equal(read.records.length, 300);
  assert.deepEqual(read.records.map(seen), expected.records.map(seen));
});

test('a batch that the response cuts off ends the reading as kafkajs expects it', async () => {
  const { buffer } = await RecordBatch({ firstOffset: 0n, records: [Record({ key: null, value: Buffer.from('x') })] });
  for (const length of [49, buffer.length - 1])
    await assert.rejects(readRecordBatch(new Decoder(buffer.subarray(0, length)), lookupCodecByAttributes), {
      name: 'KafkaJSPartialMessageError',
    });
});

test('a record that runs out of its batch is refused', async () => {
  const { buffer } = await RecordBatch({ firstOffset: 0n, records: [Record({ key: null, value: Buffer.from('xyz') })] });
  buffer.writeInt32BE(2, 57); // two records where there is one
  await assert.rejects(readRecordBatch(new Decoder(buffer), lookupCodecByAttributes), /malformed/);
});

test('a part of a fetch that unpacks to very much is read to its second megabyte, and the rest is left for the next fetch', async () => {
  const builder = new RecordBatchBuilder();
  const order = Buffer.from(`{"id":1,"note":"${'the same '.repeat(90_000)}"}`);
  builder.add(order, 0, order.length, 6, 7, encodeRecordHeaders({ drop: 'd', file: '2017-12-04.json', index: '0' }, 0));
  const batch = encodeRecordBatch(await builder.pack(), { producerId: 5n, producerEpoch: 1, baseSequence: 0 });
  const decoder = new Decoder(Buffer.concat(Array(9).fill(batch)));
  for (let n = 0; n < 2; n++) assert.equal((await readRecordBatch(decoder, lookupCodecByAttributes)).records.length, 1);
  await assert.rejects(readRecordBatch(decoder, lookupCodecByAttributes), { name: 'KafkaJSPartialMessageError' });
  assert.equal(decoder.offset, 2 * batch.length);
  // the next part begins anew
  assert.equal((await readRecordBatch(new Decoder(batch), lookupCodecByAttributes)).records.length, 1);
});
