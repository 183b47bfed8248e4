/**
 * Reads Kafka's record batch (format 2) out of a fetch: in place of kafkajs' own reader, with what its consumer needs of a record.
 *
 * kafkajs makes a decoder, two BigInts and five buffers for each record and an object anew for each of its headers: 1.5 s of 8.3 s for
 * 131,830 orders. Here a record is one object that knows where its parts stand in the bytes of its batch, and they are read by those who
 * ask. It is also the message that goes through the program up to the commit, as what lives that long is copied twice by the garbage
 * collector: with a message beside each record and a view of its value, 11 % of a worker's time was collecting.
 */
import type { OrderPlace, Redacted } from './order-message.js';

/** What of kafkajs' decoder is used: a position in the bytes of a response. */
export interface InnerDecoder {
  readonly buffer: Buffer;
  readonly offset: number;
  forward(bytes: number): void;
}

/** Unpacks the records of a batch, by kafkajs' number of the compression (the low bits of the attributes); null for 0. */
export type Unpack = (attributes: number) => { decompress(packed: Buffer): Promise<Buffer> } | null;

/** Of all records of a batch; the names are kafkajs'. */
interface BatchContext {
  firstOffset: string;
  firstTimestamp: string;
  partitionLeaderEpoch: number;
  inTransaction: boolean;
  isControlBatch: boolean;
  /** The broker's time counts, not the producer's. */
  appendTime: boolean;
  lastOffsetDelta: number;
  producerId: string;
  producerEpoch: number;
  firstSequence: number;
  maxTimestamp: string;
  magicByte: number;
}

const HEADER_BYTES = 61;
/** Bytes that the length does not count: the first offset and the length itself. */
const BEFORE_LENGTH = 12;
const LOG_APPEND_TIME = 0x08;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;

/** A record as kafkajs' consumer wants it, and the program's message in one. */
export class FetchedRecord {
  /** Whose message it is: set by the consumer, as a batch does not tell its partition. */
  partition = -1;
  /** Where it came from, read from its headers by the consumer; null for a message of no drop. */
  place: OrderPlace | null = null;
  /** Set likewise. */
  redacted: Redacted | null = null;

  constructor(
    readonly batchContext: BatchContext,
    readonly attributes: number,
    /** A number where kafkajs has text: it takes both, and makes a BigInt of either. */
    readonly offset: number,
    /** Milliseconds after the batch's first record. */
    readonly timeDelta: number,
    /** Bytes of the batch's records. What follows are places in them. */
    readonly bytes: Buffer,
    /** Length and bytes of the key. */
    readonly keyFrom: number,
    /** First byte of the value; -1 where there is none. */
    readonly from: number,
    /** Byte behind the value. */
    readonly to: number,
    /** Number of the headers, then key and value of each. */
    readonly headersFrom: number,
    readonly headersTo: number,
  ) {}

  get isControlRecord(): boolean {
    return this.batchContext.isControlBatch;
  }

  get key(): Buffer | null {
    return new Reader(this.bytes, this.keyFrom, this.headersFrom).bytes();
  }

  /** A view, made anew for each who asks. */
  get value(): Buffer | null {
    return this.from < 0 ? null : this.bytes.subarray(this.from, this.to);
  }

  get magicByte(): number {
    return this.batchContext.magicByte;
  }

  /** Milliseconds since 1970. */
  get timestamp(): string {
    const { appendTime, firstTimestamp, maxTimestamp } = this.batchContext;
    return appendTime ? maxTimestamp : String(Number(firstTimestamp) + this.timeDelta);
  }

  /** By key; of a key that stands several times all values, in their order. */
  get headers(): Record<string, Buffer | (Buffer | null)[] | null> {
    const found: Record<string, Buffer | (Buffer | null)[] | null> = {};
    const reader = new Reader(this.bytes, this.headersFrom, this.headersTo);
    for (let count = reader.varint(); count > 0; count--) {
      const key = (reader.bytes() ?? EMPTY).toString();
      const value = reader.bytes();
      const had = Object.hasOwn(found, key) ? found[key] : undefined;
      if (had === undefined) Object.defineProperty(found, key, { value, enumerable: true, configurable: true, writable: true });
      else if (Array.isArray(had)) had.push(value);
      else found[key] = [had, value];
    }
    return found;
  }
}

const EMPTY = Buffer.alloc(0);

/** Values behind each other, lengths as zigzag varints. Reading beyond the end throws. */
class Reader {
  constructor(
    readonly b: Buffer,
    public at: number,
    public end: number,
  ) {}

  /** Of up to 32 bits. */
  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      if (this.at >= this.end) break;
      const byte = this.b[this.at++];
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1);
    }
    throw new Error('a record in Kafka is malformed');
  }

  /** Of up to 53 bits, which hold any time and its difference to another. */
  varlong(): number {
    let value = 0;
    let factor = 1;
    for (let n = 0; n < 10 && this.at < this.end; n++) {
      const byte = this.b[this.at++];
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      factor *= 128;
    }
    throw new Error('a record in Kafka is malformed');
  }

  /** A view; null where the length is negative. */
  bytes(): Buffer | null {
    const length = this.varint();
    if (length < 0) return null;
    const from = this.skip(length);
    return this.b.subarray(from, this.at);
  }

  /** @returns where the skipped bytes begin */
  skip(length: number): number {
    const from = this.at;
    this.at += length;
    if (this.at > this.end) throw new Error('a record in Kafka is malformed');
    return from;
  }
}

/**
 * Bytes that one partition's part of a fetch may unpack to before the rest of it is left for the next fetch. Brokers count packed bytes, and
 * kafkajs unpacks all of a fetch at once: 128 KiB a partition are 1.3 MB of usual orders, and were 12 MB of orders that shrink a
 * hundred times: 540 MB in a worker of orders of 0.5 MB each.
 */
const MOST_UNPACKED = 1_000_000;

/** How much was unpacked by each decoder, which is one partition's part of one fetch. */
const unpackedBy = new WeakMap<InnerDecoder, number>();

/** kafkajs takes what it has of the partition then, and asks for the rest again. */
function endHere(why: string): Error {
  return Object.assign(new Error(why), { name: 'KafkaJSPartialMessageError' });
}

/**
 * Reads the batch at the decoder's position and moves it behind.
 *
 * @throws an error named KafkaJSPartialMessageError where the response ends within the batch, or holds more than is unpacked at once
 */
export async function readRecordBatch(decoder: InnerDecoder, unpack: Unpack): Promise<BatchContext & { records: FetchedRecord[] }> {
  const b = decoder.buffer;
  const at = decoder.offset;
  const length = b.readInt32BE(at + 8);
  const end = at + BEFORE_LENGTH + length;
  if (end > b.length || length < HEADER_BYTES - BEFORE_LENGTH) throw endHere('a record batch is cut off');
  const before = unpackedBy.get(decoder) ?? 0;
  if (before > MOST_UNPACKED) throw endHere('enough of this partition');
  decoder.forward(BEFORE_LENGTH + length);
  const attributes = b.readInt16BE(at + 21);
  const count = b.readInt32BE(at + 57);
  const context: BatchContext = {
    firstOffset: String(b.readBigInt64BE(at)),
    partitionLeaderEpoch: b.readInt32BE(at + 12),
    magicByte: b[at + 16],
    inTransaction: (attributes & TRANSACTIONAL) !== 0,
    isControlBatch: (attributes & CONTROL) !== 0,
    appendTime: (attributes & LOG_APPEND_TIME) !== 0,
    lastOffsetDelta: b.readInt32BE(at + 23),
    firstTimestamp: String(b.readBigInt64BE(at + 27)),
    maxTimestamp: String(b.readBigInt64BE(at + 35)),
    producerId: String(b.readBigInt64BE(at + 43)),
    producerEpoch: b.readInt16BE(at + 51),
    firstSequence: b.readInt32BE(at + 53),
  };
  const packed = b.subarray(at + HEADER_BYTES, end);
  const codec = count > 0 ? unpack(attributes) : null;
  const bytes = codec === null ? packed : await codec.decompress(packed);
  const records = readRecords(bytes, Math.max(0, count), context);
  // what comes behind a batch whose end was compacted away is asked for by an offset within it: it must be seen in one fetch with it
  const whole = records.at(-1)?.offset === Number(context.firstOffset) + context.lastOffsetDelta;
  if (whole) unpackedBy.set(decoder, before + bytes.length);
  return { ...context, records };
}

function readRecords(bytes: Buffer, count: number, context: BatchContext): FetchedRecord[] {
  const firstOffset = Number(context.firstOffset);
  const records: FetchedRecord[] = [];
  const reader = new Reader(bytes, 0, bytes.length);
  for (let n = 0; n < count; n++) {
    reader.end = bytes.length;
    const length = reader.varint();
    const from = reader.skip(length);
    const end = reader.at;
    reader.at = from;
    reader.end = end;
    const attributes = bytes[reader.skip(1)];
    const timeDelta = reader.varlong();
    const offset = firstOffset + reader.varint();
    const keyFrom = reader.at;
    reader.skip(Math.max(0, reader.varint()));
    const size = reader.varint();
    const valueFrom = size < 0 ? -1 : reader.skip(size);
    records.push(new FetchedRecord(context, attributes, offset, timeDelta, bytes, keyFrom, valueFrom, reader.at, reader.at, end));
    reader.at = end;
  }
  return records;
}
