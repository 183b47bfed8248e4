/** Publishing the files of a zip to a writer that keeps what it is given. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { RecordWriter, Share } from '../../../producer/idempotent-writer.js';
import { asDropEntries } from '../../../producer/inflate-entry.js';
import { OrderPublisher } from '../../../producer/order-publisher.js';
import { type Mark, publishFiles, START } from '../../../producer/publish-files.js';
import { encodeRecordBatch } from '../../../producer/record-batch.js';
import { readZipEntries } from '../../../producer/zip-entries.js';
import { decodeHeaders } from '../../../shared/order-message.js';
import { decodeRecordBatch } from './model-kafka.js';
import { Folder, makeZip } from './zips.js';

const folder = new Folder();
after(() => folder.remove());

export const PARTITIONS = 4;

export interface Sent {
  partition: number;
  key: string | null;
  value: string;
  file: string;
  index: number;
  month: string | null;
}

/** Keeps what is written; slow enough for a send to be under way while the next is gathered. */
export class FakeWriter implements RecordWriter {
  readonly sends: Sent[][] = [];
  readonly rawBytes: number[] = [];
  readonly shareBytes: number[] = [];
  inFlight = 0;
  mostInFlight = 0;
  failAt = Number.POSITIVE_INFINITY;

  async write(shares: Share[]): Promise<void> {
    this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight);
    await setImmediate();
    if (this.sends.length >= this.failAt) throw new Error('the broker is gone');
    const sent: Sent[] = [];
    for (const { partition, records } of shares) {
      const batch = encodeRecordBatch(records, { producerId: 1n, producerEpoch: 0, baseSequence: 0 });
      for (const r of (await decodeRecordBatch(batch)).records) {
        const place = decodeHeaders(r.headers);
        assert.ok(place, 'headers are whole');
        assert.equal(place.drop, 'd1');
        const { file, index, month } = place;
        sent.push({
          partition,
          key: r.key === null ? null : String(r.key),
          value: String(r.value),
          file,
          index,
          month,
        });
      }
      this.shareBytes.push(batch.length);
    }
    this.sends.push(sent);
    this.inFlight--;
  }

  async close(): Promise<void> {}
}

export async function publish(
  files: Record<string, string>,
  from: Mark = START,
  options: { maxOrderBytes?: number; writer?: FakeWriter; signal?: AbortSignal } = {},
) {
  const { writer = new FakeWriter(), maxOrderBytes = 900_000, signal } = options;
  const path = folder.save(await makeZip(Object.entries(files).map(([name, data]) => ({ name, data, stored: true }))));
  const zipped = await readZipEntries(path, 'd', {
    maxEntries: 100,
    maxFileBytes: 1e9,
    maxDropBytes: 1e9,
    maxRatio: 1000,
  });
  const marks: Mark[] = [];
  const publisher = new OrderPublisher({
    writer,
    topic: 't',
    partitions: PARTITIONS,
    drop: 'd1',
    onConfirmed: (upTo, sent) => {
      marks.push({ ...upTo, orders: from.orders + sent });
    },
  });
  let bytes = 0;
  const input = { entries: asDropEntries(path, zipped), limits: { maxOrderBytes }, signal, onBytes: (n: number) => (bytes += n) };
  const found = await publishFiles(input, from, publisher);
  return { found, writer, marks, publisher, bytes, sent: writer.sends.flat() };
}
