/**
 * Kafka's Produce request, version 3, and its answer: version 3 is the oldest that carries record batches of format 2 and is taken by
 * every broker from 0.11 to 4.x. kafkajs has it too, but only together with its own record encoder (see record-batch.ts).
 */

/** One partition's share of a request. */
export interface PartitionBatch {
  topic: string;
  partition: number;
  /** An encoded record batch. */
  batch: Buffer;
}

/** What the broker says of one partition's share; error 0 is success. */
export interface PartitionAnswer {
  topic: string;
  partition: number;
  error: number;
}

/** A request and its decoder as kafkajs' connections take them. */
export interface WireCall<T> {
  request: {
    apiKey: number;
    apiVersion: number;
    apiName: string;
    encode(): Promise<{ buf: Buffer; buffer: Buffer; size(): number }>;
  };
  response: { decode(payload: Buffer): Promise<Buffer>; parse(payload: Buffer): Promise<T> };
}

/** @param timeout milliseconds that the broker may wait for its replicas */
export function produceRequest(batches: PartitionBatch[], timeout: number): WireCall<PartitionAnswer[]> {
  return {
    request: {
      apiKey: 0,
      apiVersion: 3,
      apiName: 'Produce',
      encode: async () => {
        const body = encode(batches, timeout);
        return { buf: body, buffer: body, size: () => body.length };
      },
    },
    response: { decode: async payload => payload, parse: async payload => decode(payload) },
  };
}

function encode(batches: PartitionBatch[], timeout: number): Buffer {
  const topics = new Map<string, PartitionBatch[]>();
  for (const b of batches) topics.set(b.topic, [...(topics.get(b.topic) ?? []), b]);
  const head = Buffer.alloc(12);
  head.writeInt16BE(-1, 0); // no transaction
  head.writeInt16BE(-1, 2); // acks: all replicas in sync
  head.writeInt32BE(timeout, 4);
  head.writeInt32BE(topics.size, 8);
  const parts: Buffer[] = [head];
  for (const [topic, shares] of topics) {
    const name = Buffer.from(topic);
    const topicHead = Buffer.alloc(2 + name.length + 4);
    topicHead.writeInt16BE(name.length, 0);
    topicHead.set(name, 2);
    topicHead.writeInt32BE(shares.length, 2 + name.length);
    parts.push(topicHead);
    for (const { partition, batch } of shares) {
      const shareHead = Buffer.alloc(8);
      shareHead.writeInt32BE(partition, 0);
      shareHead.writeInt32BE(batch.length, 4);
      parts.push(shareHead, batch);
    }
  }
  return Buffer.concat(parts);
}

function decode(b: Buffer): PartitionAnswer[] {
  const answers: PartitionAnswer[] = [];
  let at = 4;
  for (let topics = b.readInt32BE(0); topics > 0; topics--) {
    const length = b.readInt16BE(at);
    const topic = b.toString('utf8', at + 2, at + 2 + length);
    at += 2 + length;
    const partitions = b.readInt32BE(at);
    at += 4;
    for (let n = 0; n < partitions; n++) {
      answers.push({ topic, partition: b.readInt32BE(at), error: b.readInt16BE(at + 4) });
      at += 22; // partition, error, base offset, append time
    }
  }
  return answers;
}
