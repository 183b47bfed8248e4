/**
 * Publishes orders: gathers them by partition, and while one send is under way gathers the next (double buffering).
 *
 * Exactly one send is in flight, so what is confirmed is always everything before one place in the drop, and each partition holds the
 * orders of the drop in the order of (file, index).
 */
import { encodeHeaders, HEADER } from '../shared/order-message.js';
import type { CutBatch } from './cut-batch.js';
import type { RecordWriter, Share } from './idempotent-writer.js';
import { murmur2, partitionOf } from './murmur2.js';
import { encodeRecordHeaders, NumberHeader, RecordBatchBuilder } from './record-batch.js';

/**
 * Raw bytes of one partition's share of a send at the most: with the broker's default `message.max.bytes` of 1 MiB it fits also
 * where lz4 gains nothing. A single larger order goes alone.
 */
const SHARE_BYTES = 800_000;
/** Raw bytes of a send at the most, over all partitions. 6 MB are no faster and take 15 MB more memory. */
const SEND_BYTES = 3_000_000;

/** A place in a drop: the order `index` of the file `file`, both from 0. */
export interface Place {
  file: number;
  index: number;
}

export interface PublisherOptions {
  writer: RecordWriter;
  topic: string;
  /** Partitions to spread the keys over. */
  partitions: number;
  /** The drop's id. */
  drop: string;
  /** Called after each send, one call at a time; the next send waits for it. `sent` counts the orders of this publisher. */
  onConfirmed?: (upTo: Place, sent: number) => Promise<void> | void;
}

export class OrderPublisher {
  /** Orders confirmed. */
  sent = 0;
  readonly #options: PublisherOptions;
  #filling: RecordBatchBuilder[];
  #resting: RecordBatchBuilder[];
  #bytes = 0;
  #orders = 0;
  #next: Place = { file: 0, index: 0 };
  #inFlight: Promise<void> = Promise.resolve();
  #name = '';
  #headers: Buffer = Buffer.alloc(0);
  readonly #indexHeader = new NumberHeader(HEADER.index);

  constructor(options: PublisherOptions) {
    this.#options = options;
    const builders = () => Array.from({ length: options.partitions }, () => new RecordBatchBuilder());
    this.#filling = builders();
    this.#resting = builders();
  }

  /** Says which file the next orders are of. */
  startFile(file: number, name: string, month: string | null): void {
    const { index: _, ...constant } = encodeHeaders({ drop: this.#options.drop, file: name, index: 0, month });
    this.#name = name;
    this.#headers = encodeRecordHeaders(constant, 1);
    this.#next = { file, index: 0 };
  }

  /**
   * Takes the orders of a batch from number `first` on. Their bytes are copied before it returns.
   *
   * @throws what the send under way ended with (see RecordWriter)
   */
  async add(batch: CutBatch, first = 0): Promise<void> {
    const { bytes, index, starts, ends, keyStarts, keyEnds, count } = batch;
    const { partitions } = this.#options;
    const overhead = this.#headers.length + 64; // 64: key, index and lengths
    for (let n = first; n < count; n++) {
      const hash = keyEnds[n] === 0 ? murmur2(Buffer.from(`${this.#name}:${index + n}`)) : murmur2(bytes, keyStarts[n], keyEnds[n]);
      const partition = partitionOf(hash, partitions);
      let builder = this.#filling[partition];
      const size = ends[n] - starts[n] + overhead;
      if ((builder.count > 0 && builder.length + size > SHARE_BYTES) || (this.#orders > 0 && this.#bytes + size > SEND_BYTES)) {
        await this.#send();
        builder = this.#filling[partition];
      }
      const before = builder.length;
      builder.add(bytes, starts[n], ends[n], keyStarts[n], keyEnds[n], this.#headers, this.#indexHeader.of(index + n));
      this.#bytes += builder.length - before;
      this.#orders++;
      this.#next.index = index + n + 1;
    }
  }

  /** Resolves when everything given so far is confirmed. */
  async flush(): Promise<void> {
    if (this.#orders > 0) await this.#send();
    await this.#inFlight;
  }

  /** Resolves when nothing is in flight any more; what was gathered since is dropped. */
  async settle(): Promise<void> {
    await this.#inFlight;
  }

  /** Starts packing what was gathered, waits for the send before, and starts this one. */
  async #send(): Promise<void> {
    const { topic, writer, onConfirmed } = this.#options;
    const shares = this.#filling.flatMap((builder, partition) =>
      builder.count === 0 ? [] : [builder.pack().then((records): Share => ({ topic, partition, records }))],
    );
    const packed = Promise.all(shares);
    packed.catch(() => {});
    const upTo = { ...this.#next };
    const orders = this.#orders;
    [this.#filling, this.#resting] = [this.#resting, this.#filling];
    this.#bytes = 0;
    this.#orders = 0;
    await this.#inFlight;
    this.#inFlight = (async () => {
      await writer.write(await packed);
      this.sent += orders;
      await onConfirmed?.(upTo, this.sent);
    })();
    this.#inFlight.catch(() => {}); // whoever sends next gets it
  }
}
