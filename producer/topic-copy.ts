/** Writes a copy of a topic: every record, as it is given here, at the very offset that it has there, so that positions and places mean the same in both. */
import { HEADER } from '../shared/order-message.js';
import { CopiedBatch, type CopiedRecord } from './copied-batch.js';
import type { RecordWriter } from './idempotent-writer.js';
import { encodeRecordHeaders } from './record-batch.js';

/** A record with the offset that it has in the topic. */
export type PlacedRecord = Omit<CopiedRecord, 'headers'> & { offset: number; headers: Buffer | Record<string, string> };

/** Raw bytes and records that are sent at once, but for a record that is larger by itself: below Kafka's own max.message.bytes of 1,048,588. */
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
    /** What a batch may be, in bytes, where that is less than Kafka's own limit. */
    readonly maxMessageBytes = Infinity,
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
    const most = Math.min(MOST_BYTES, 0.9 * this.maxMessageBytes);
    if (!this.#batch.takes(record, most) || this.#batch.count >= MOST_RECORDS) await this.flush();
    this.#batch.add(record);
    this.end++;
  }

  /** Sends what is held. */
  async flush(): Promise<void> {
    if (this.#batch.count > 0)
      await this.writer.write([{ topic: this.topic, partition: this.partition, records: await this.#batch.pack() }]);
  }
}
