/**
 * Writes record batches to Kafka, each exactly once as long as one producer id lives, and at least once whatever happens.
 *
 * One write at a time, one request per broker: with never more than one batch of a partition under way, a batch that failed in doubt is
 * sent again under the same sequence numbers, and the broker drops it where it has it already. kafkajs' own idempotent producer
 * rolls its numbers back after a failure, skips brokers that have answered when it repeats a send, and leaves partitions out that the
 * metadata does not list; here each partition must be confirmed by name.
 */
import { GlossierError } from '../shared/errors.js';
import { type InnerCluster, type Kafka, openCluster } from '../shared/kafka.js';
import { isKafkaOutage } from '../shared/kafka-outage.js';
import { type ServiceState, throughOutages } from '../shared/outage.js';
import { DUPLICATE_SEQUENCE, NO_LEADER, ProduceRefused, refused } from './produce-refusal.js';
import { type PartitionAnswer, produceRequest } from './produce-request.js';
import { encodeRecordBatch, type PackedRecords } from './record-batch.js';
import { whileSettling } from './settling.js';

/** Milliseconds that the broker may wait for its replicas; below the client's request timeout of 15 s. */
const REPLICA_TIMEOUT = 10_000;

/** One partition's share of a write. */
export interface Share {
  topic: string;
  partition: number;
  records: PackedRecords;
}

/** What the publisher and the journal need of Kafka. */
export interface RecordWriter {
  /**
   * Resolves when all in-sync replicas have every share. At most one share a partition.
   *
   * @throws ServiceError when Kafka refuses for good or stays away too long; InterruptedError when the signal fires in an outage
   */
  write(shares: Share[]): Promise<void>;
  close(): Promise<void>;
}

export interface WriterOptions {
  kafka: Kafka;
  /** Kafka, as the whole program sees it. */
  service: ServiceState;
  /** Ends the waiting in an outage; an attempt that is under way is not cut short. */
  signal?: AbortSignal;
}

interface Producer {
  producerId: bigint;
  producerEpoch: number;
  /** Next sequence number by topic and partition. */
  sequences: Map<string, number>;
}

export class IdempotentWriter implements RecordWriter {
  readonly #options: WriterOptions;
  #cluster: InnerCluster | null = null;
  #producer: Producer | null = null;
  #busy: Promise<unknown> = Promise.resolve();

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  write(shares: Share[]): Promise<void> {
    const turn = this.#busy.then(() => this.#write(shares));
    this.#busy = turn.catch(() => {});
    return turn;
  }

  async #write(shares: Share[]): Promise<void> {
    const { service, signal } = this.#options;
    const missing = new Set(shares);
    try {
      await throughOutages(service, isKafkaOutage, signal, () => whileSettling(() => this.#try(missing)));
    } catch (error) {
      // a share may be stored although we never heard so: another one under the same numbers would be taken for it and dropped
      this.#producer = null;
      throw error;
    }
  }

  async #try(missing: Set<Share>): Promise<void> {
    try {
      await this.#attempt(missing);
    } catch (error) {
      if (error instanceof ProduceRefused && error.newProducer) this.#producer = null;
      this.#hangUp(); // the next attempt starts from fresh connections and metadata
      throw error;
    }
  }

  /** Sends what is missing once, and takes out of it what is confirmed. */
  async #attempt(missing: Set<Share>): Promise<void> {
    this.#cluster ??= await openCluster(this.#options.kafka);
    const cluster = this.#cluster;
    for (const topic of new Set([...missing].map(s => s.topic))) await cluster.addTargetTopic(topic);
    this.#producer ??= await initProducer(cluster);
    const producer = this.#producer;

    const byLeader = new Map<string, Share[]>();
    for (const share of missing) {
      const leader = Object.keys(cluster.findLeaderForPartitions(share.topic, [share.partition]))[0];
      if (leader === undefined) throw new ProduceRefused(share.topic, share.partition, NO_LEADER);
      const list = byLeader.get(leader);
      if (list) list.push(share);
      else byLeader.set(leader, [share]);
    }
    const sent = await Promise.allSettled(
      [...byLeader].map(async ([nodeId, shares]) => {
        const broker = await cluster.findBroker({ nodeId });
        const request = produceRequest(
          shares.map(s => ({
            topic: s.topic,
            partition: s.partition,
            batch: encodeRecordBatch(s.records, nextOf(producer, s)),
          })),
          REPLICA_TIMEOUT,
        );
        confirm(producer, shares, (await broker.connectionPool.send(request)) as PartitionAnswer[], missing);
      }),
    );
    const failures = sent.flatMap(one => (one.status === 'rejected' ? [one.reason as unknown] : []));
    // what waiting cannot help goes before what it can
    if (failures.length > 0) throw failures.find(f => f instanceof GlossierError) ?? failures[0];
    if (missing.size > 0) throw new Error('Kafka did not confirm every partition');
  }

  #hangUp(): void {
    this.#cluster?.disconnect().catch(() => {});
    this.#cluster = null;
  }

  async close(): Promise<void> {
    const cluster = this.#cluster;
    this.#cluster = null;
    await cluster?.disconnect().catch(() => {});
  }
}

async function initProducer(cluster: InnerCluster): Promise<Producer> {
  const broker = await cluster.findControllerBroker();
  const { producerId, producerEpoch } = await broker.initProducerId({ transactionTimeout: 60_000 });
  return { producerId: BigInt(producerId), producerEpoch, sequences: new Map() };
}

function nextOf(producer: Producer, share: Share): { producerId: bigint; producerEpoch: number; baseSequence: number } {
  const { producerId, producerEpoch, sequences } = producer;
  return { producerId, producerEpoch, baseSequence: sequences.get(`${share.topic}/${share.partition}`) ?? 0 };
}

/** @throws for the first partition that was refused, after all that were taken are noted */
function confirm(producer: Producer, shares: Share[], answers: PartitionAnswer[], missing: Set<Share>): void {
  let failure: PartitionAnswer | null = null;
  for (const answer of answers) {
    const share = shares.find(s => s.topic === answer.topic && s.partition === answer.partition);
    if (share === undefined) continue;
    if (answer.error !== 0 && answer.error !== DUPLICATE_SEQUENCE) {
      failure ??= answer;
      continue;
    }
    const key = `${share.topic}/${share.partition}`;
    // sequence numbers are 31 bits wide and go round
    producer.sequences.set(key, ((producer.sequences.get(key) ?? 0) + share.records.count) % 2 ** 31);
    missing.delete(share);
  }
  if (failure) throw refused(failure.topic, failure.partition, failure.error);
}
