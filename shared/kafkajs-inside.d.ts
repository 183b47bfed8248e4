/** Files of kafkajs 2.2.4 that are not in its types. */

declare module 'kafkajs/src/consumer/batch.js' {
  import type { Batch } from 'kafkajs';

  /** Leaves out control records and what was aborted, as its consumer does. */
  const InnerBatch: new (topic: string, fetchedOffset: string, partition: unknown) => Batch;
  export default InnerBatch;
}

declare module 'kafkajs/src/protocol/message/compression/index.js' {
  const compression: {
    /** By the low bits of a batch's attributes; null for 0, not packed. */
    lookupCodecByAttributes(attributes: number): { decompress(packed: Buffer): Promise<Buffer> } | null;
  };
  export default compression;
}

declare module 'kafkajs/src/protocol/recordBatch/v0/decoder.js' {
  /** Its reader of record batches; in the bundle (cli/bundle.ts) a place that takes another one. */
  const decoder: { use(read: (from: never) => unknown): void };
  export default decoder;
}
