/** Records of one partition with keys, headers and times of their own, as a copy of a topic writes them. */
import lz4 from 'lz4-napi';
import { type PackedRecords, writeVarint } from './record-batch.js';

export interface CopiedRecord {
  key: Buffer | null;
  value: Buffer | null;
  /** As a record has them: their number, then each key and value behind its length. */
  headers: Buffer;
  /** Milliseconds since 1970. */
  time: number;
}

/** Milliseconds between the first record of a batch and any other that a varint holds: twelve days. */
const WIDEST = 2 ** 30 - 1;

/** Bytes of a record beside its key, value and headers, at the most. */
const MOST_AROUND = 32;

export class CopiedBatch {
  readonly #parts: Buffer[] = [];
  count = 0;
  bytes = 0;
  #first = 0;
  #latest = 0;

  /**
   * False where a record begins another batch: its time is too far from the first one's, or the two would be more than `most` bytes. What does not
   * compress is sent as large as it is.
   */
  takes({ key, value, headers, time }: CopiedRecord, most: number): boolean {
    if (this.count === 0) return true;
    const bytes = MOST_AROUND + (key?.length ?? 0) + (value?.length ?? 0) + headers.length;
    return this.bytes + bytes <= most && Math.abs(time - this.#first) <= WIDEST;
  }

  add({ key, value, headers, time }: CopiedRecord): void {
    if (this.count === 0) this.#first = this.#latest = time;
    this.#latest = Math.max(this.#latest, time);
    const body = Buffer.concat([
      Buffer.of(0), // attributes
      varint(time - this.#first),
      varint(this.count),
      varint(key?.length ?? -1),
      key ?? NONE,
      varint(value?.length ?? -1),
      value ?? NONE,
      headers,
    ]);
    const length = varint(body.length);
    this.#parts.push(length, body);
    this.bytes += length.length + body.length;
    this.count++;
  }

  /** Packs what is there, and is empty then. */
  async pack(): Promise<PackedRecords> {
    const body = await lz4.compressFrame(Buffer.concat(this.#parts));
    const packed = { count: this.count, body, timestamp: this.#first, latest: this.#latest };
    this.#parts.length = 0;
    this.count = this.bytes = 0;
    return packed;
  }
}

const NONE = Buffer.alloc(0);

function varint(n: number): Buffer {
  const b = Buffer.alloc(5);
  return b.subarray(0, writeVarint(b, 0, n));
}
