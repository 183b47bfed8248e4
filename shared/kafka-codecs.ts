/** What kafkajs 2.2.4 is taught: to unpack what Kafka's producers pack by, and a faster reader of record batches. */
import { createRequire } from 'node:module';
import { decompress } from 'fzstd';
import kafkajs from 'kafkajs';
import compression from 'kafkajs/src/protocol/message/compression/index.js';
import decoder from 'kafkajs/src/protocol/recordBatch/v0/decoder.js';
import lz4 from 'lz4-napi';
import { ServiceError } from './errors.js';
import { type InnerDecoder, readRecordBatch } from './fetched-records.js';
import { unpackLz4 } from './lz4-frame.js';
import { unpackSnappy } from './snappy.js';

const { CompressionCodecs, CompressionTypes } = kafkajs;

/** Once a process, before the first fetch. kafkajs has gzip alone built in. */
export function teachKafkajs(): void {
  CompressionCodecs[CompressionTypes.LZ4] = () => ({
    compress: async (encoder: { buffer: Buffer }) => lz4.compressFrame(encoder.buffer),
    // on this thread: 50 MB less resident than from the thread pool, where each thread's malloc keeps its own, and as fast
    decompress: async (packed: Buffer) => unpackLz4(packed),
  });
  // what other producers may use; the program itself never packs by it
  CompressionCodecs[CompressionTypes.Snappy] = () => ({
    compress: async () => {
      throw new ServiceError('packing by Snappy is not built in');
    },
    decompress: async (packed: Buffer) => unpackSnappy(packed),
  });
  CompressionCodecs[CompressionTypes.ZSTD] = () => ({
    compress: async () => {
      throw new ServiceError('packing by zstd is not built in');
    },
    decompress: async (packed: Buffer) => Buffer.from(decompress(packed)), // Node's own zstd is there from 22.15 on
  });
  const read = (from: InnerDecoder) => readRecordBatch(from, compression.lookupCodecByAttributes);
  if (typeof BUNDLED === 'undefined') exchangeReader(read);
  else decoder.use(read);
}

/** Defined where cli/bundle.ts has put the program into few files, with a place for our reader in that of kafkajs'. */
declare const BUNDLED: true | undefined;

/** kafkajs asks for its own reader by this name at its first fetch. */
function exchangeReader(read: (from: InnerDecoder) => unknown): void {
  const require = createRequire(import.meta.url);
  require.cache[require.resolve('kafkajs/src/protocol/recordBatch/v0/decoder')]!.exports = read;
}
