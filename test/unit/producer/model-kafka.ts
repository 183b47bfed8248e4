/**
 * A Kafka of one broker in memory, as far as idempotent writing goes: it decodes what the writer sends by kafkajs' own decoders, keeps
 * sequence numbers per producer and partition as the real one does, and fails as it is told.
 */
import { createRequire } from 'node:module';
import '../../../shared/kafka.js'; // brings lz4 to kafkajs
import type { Kafka } from '../../../shared/kafka.js';

const require = createRequire(import.meta.url);
const Decoder = require('kafkajs/src/protocol/decoder.js');
const decodeBatch = require('kafkajs/src/protocol/recordBatch/v0/decoder.js');

export interface DecodedRecord {
  key: Buffer | null;
  value: Buffer | null;
  headers: Record<string, Buffer>;
}

export interface DecodedBatch {
  producerId: string;
  firstSequence: number;
  records: DecodedRecord[];
}

/** Decodes one record batch by kafkajs. */
export async function decodeRecordBatch(batch: Buffer): Promise<DecodedBatch> {
  return decodeBatch(new Decoder(batch));
}

/** What happens to the next request: an error code for one partition, or the connection breaks before or after it is stored. */
export type Failure = { partition: number; error: number } | 'lost' | 'stored but not confirmed' | 'one partition is not answered';

interface Log {
  records: DecodedRecord[];
  /** By producer id: the last batch. */
  last: Map<string, { first: number; count: number }>;
}

export class ModelKafka {
  readonly logs = new Map<string, Log>();
  readonly failures: (Failure | null)[] = [];
  /** Partitions that the metadata does not list. */
  readonly hidden = new Set<number>();
  producers = 0;
  connects = 0;
  requests = 0;
  inFlight = 0;
  mostInFlight = 0;
  largestBatch = 0;
  down = false;
  /** Milliseconds that a request takes. */
  delay = 0;

  /** As the writer wants it. */
  get kafka(): Kafka {
    return { [Symbol('private:Kafka:createCluster')]: () => this.#cluster() } as unknown as Kafka;
  }

  log(topic: string, partition: number): Log {
    const key = `${topic}/${partition}`;
    const log = this.logs.get(key) ?? { records: [], last: new Map() };
    this.logs.set(key, log);
    return log;
  }

  /** All values of a topic, by partition. */
  values(topic: string, partition: number): string[] {
    return this.log(topic, partition).records.map(r => String(r.value));
  }

  #cluster(): unknown {
    const broker = {
      initProducerId: async () => ({ producerId: String(1000 + this.producers++), producerEpoch: 0 }),
      connectionPool: { send: (call: Call) => this.#send(call) },
    };
    return {
      connect: async () => {
        this.connects++;
        if (this.down) throw Object.assign(new Error('connect ECONNREFUSED'), { name: 'KafkaJSConnectionError' });
      },
      disconnect: async () => {},
      refreshMetadata: async () => {},
      addTargetTopic: async () => {},
      findLeaderForPartitions: (_: string, [p]: number[]) => (this.hidden.has(p) ? {} : { '1': [p] }),
      findBroker: async () => broker,
      findControllerBroker: async () => broker,
    };
  }

  async #send(call: Call): Promise<unknown> {
    this.requests++;
    this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight);
    if (this.delay > 0) await new Promise(resolve => setTimeout(resolve, this.delay));
    const closed = () => Object.assign(new Error('Closed connection'), { name: 'KafkaJSConnectionClosedError' });
    const failure = this.failures.shift() ?? null;
    try {
      if (failure === 'lost' || this.down) throw closed();
      const { buffer } = await call.request.encode();
      const answers: { topic: string; partition: number; error: number }[] = [];
      for (const { topic, partition, batch } of decodeRequest(buffer)) {
        this.largestBatch = Math.max(this.largestBatch, batch.length);
        if (failure === 'one partition is not answered' && answers.length > 0) continue;
        const refused = typeof failure === 'object' && failure?.partition === partition ? failure.error : null;
        answers.push({
          topic,
          partition,
          error: refused ?? this.#append(topic, partition, await decodeRecordBatch(batch)),
        });
      }
      if (failure === 'stored but not confirmed') throw closed();
      return await call.response.parse(await call.response.decode(encodeResponse(answers)));
    } finally {
      this.inFlight--;
    }
  }

  #append(topic: string, partition: number, { producerId, firstSequence, records }: DecodedBatch): number {
    const log = this.log(topic, partition);
    const last = log.last.get(producerId);
    if (last?.first === firstSequence && last.count === records.length) return 0; // a repeat: acknowledged, not stored
    if (firstSequence !== (last ? last.first + last.count : 0)) return 45;
    log.last.set(producerId, { first: firstSequence, count: records.length });
    log.records.push(...records);
    return 0;
  }
}

interface Call {
  request: { encode(): Promise<{ buffer: Buffer }> };
  response: { decode(b: Buffer): Promise<Buffer>; parse(b: Buffer): Promise<unknown> };
}

/** Decodes a Produce request, version 3. */
export function decodeRequest(request: Buffer): { topic: string; partition: number; batch: Buffer }[] {
  const d = new Decoder(request);
  d.readString();
  if (d.readInt16() !== -1) throw new Error('acks is not -1');
  d.readInt32();
  const found: { topic: string; partition: number; batch: Buffer }[] = [];
  d.readArray((t: typeof d) => {
    const topic = t.readString();
    t.readArray((p: typeof d) => found.push({ topic, partition: p.readInt32(), batch: p.readBytes() }));
  });
  return found;
}

function encodeResponse(answers: { topic: string; partition: number; error: number }[]): Buffer {
  const Encoder = require('kafkajs/src/protocol/encoder.js');
  const topics = answers.map(a =>
    new Encoder()
      .writeString(a.topic)
      .writeArray([new Encoder().writeInt32(a.partition).writeInt16(a.error).writeInt64(5n).writeInt64(-1n)]),
  );
  return new Encoder().writeArray(topics).writeInt32(0).buffer;
}
