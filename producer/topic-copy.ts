/** Writes a copy of a topic: every record at the very offset that it has there, so that positions and places mean the same in both. */
import { HEADER } from '../shared/order-message.js';
import { CopiedBatch, type CopiedRecord } from './copied-batch.js';
import type { RecordWriter } from './idempotent-writer.js';
import { encodeRecordHeaders } from './record-batch.js';

/** A record with the offset that it has in the topic. */
export type PlacedRecord = Omit<CopiedRecord, 'headers'> & { offset: number; headers: Buffer | Record<string, string> };

/** Raw bytes and records that are sent at once. */
const MOST_BYTES = 700_000;
const MOST_RECORDS = 20_000;

/** What stands where the topic has a control record, or nothing: no order, and known as that by its header. */
const FILLER = { key: null, value: null, headers: encodeRecordHeaders({ [HEADER.filler]: '' }, 0) };

export class TopicCopy {
  readonly #batch = new CopiedBatch();

  constructor(
    readonly writer: RecordWriter,
    readonly topic: string,
    readonly partition: number,
    /** Offset that the next record of the copy will get. */
    public end: number,
  ) {}

  /**
   * Appends records, and fills up what lies between them.
   *
   * @param records in the order of their offsets, none below `end`
   * @param next offset up to which nothing else is to come
   */
  async write(records: readonly PlacedRecord[], next: number): Promise<void> {
    for (const { offset, key, value, headers, time } of records) {
      await this.#fillTo(offset, time);
      await this.#add({ key, value, headers: Buffer.isBuffer(headers) ? headers : encodeRecordHeaders(headers, 0), time });
    }
    await this.#fillTo(next, records.at(-1)?.time ?? Date.now());
  }

  async #fillTo(offset: number, time: number): Promise<void> {
    while (this.end < offset) await this.#add({ ...FILLER, time });
  }

  async #add(record: CopiedRecord): Promise<void> {
    if (!this.#batch.takes(record) || this.#batch.count >= MOST_RECORDS || this.#batch.bytes >= MOST_BYTES) await this.flush();
    this.#batch.add(record);
    this.end++;
  }

  /** Sends what is held. */
  async flush(): Promise<void> {
    if (this.#batch.count > 0)
      await this.writer.write([{ topic: this.topic, partition: this.partition, records: await this.#batch.pack() }]);
  }
}
