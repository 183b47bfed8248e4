/** What a rebuild asks of Kafka: which topic it is, from where to where it can be replayed, what its drops are. */

import { ServiceError, TopicError } from '../../shared/errors.js';
import { type Admin, dropsTopic, type Kafka, type TopicOffsets, topicInfo, topicOffsets } from '../../shared/kafka.js';
import { isKafkaOutage } from '../../shared/kafka-outage.js';
import { pause, type ServiceState, throughOutages, unlessAborted } from '../../shared/outage.js';
import type { OrderMessage } from '../intake/batch.js';
import { PartitionFetch } from '../intake/partition-fetch.js';
import { toMessages } from '../intake/to-messages.js';
import { type DropNews, readDrops } from '../load/drop-sync.js';
import type { Positions } from '../load/positions.js';

/** Tries, and milliseconds between them, before it is believed that a topic is missing or ends before a position, as in topic-state.ts. */
const SHORT_TRIES = 20;
const SHORT_WAIT = 500;
/** Compressed, for a few messages that stand apart. */
const FETCH_BYTES = 32 * 1024;

export class TopicSource {
  readonly #admin: Admin;
  #connected = false;
  readonly #partitions: PartitionFetch;

  constructor(
    readonly kafka: Kafka,
    readonly topic: string,
    readonly state: ServiceState,
    readonly signal: AbortSignal,
  ) {
    this.#admin = kafka.admin();
    this.#partitions = new PartitionFetch(kafka, topic);
  }

  /**
   * A broker that has just started may not know its topics for a moment, so one that is missing is asked for again for ten seconds.
   *
   * @throws ServiceError when there is no such topic
   */
  async id(): Promise<string> {
    for (let tries = 0; ; tries++) {
      const info = await this.#patiently(() => topicInfo(this.kafka, this.topic));
      if (info !== null) return info.id;
      if (tries >= SHORT_TRIES || this.signal.aborted)
        throw new ServiceError(`the topic "${this.topic}" is not there`, { hint: 'check KAFKA_BROKERS and ORDERS_TOPIC' });
      await pause(SHORT_WAIT, this.signal);
    }
  }

  /**
   * First and next offset of each partition. A broker that was killed says too little for a moment, so an end that lies before a position
   * of the tables is asked for again for ten seconds.
   */
  async offsets(positions: Positions): Promise<TopicOffsets[]> {
    for (let tries = 0; ; tries++) {
      const offsets = await this.#patiently(async () => topicOffsets(await this.#connect(), this.topic));
      const short = offsets.some(o => o.end < (positions.get(o.partition) ?? 0));
      if (!short || tries >= SHORT_TRIES || this.signal.aborted) return offsets;
      await pause(SHORT_WAIT, this.signal);
    }
  }

  /** The first offset of each partition that was published at this instant or later. */
  async offsetsAt(time: Date): Promise<Positions> {
    const offsets = await this.#patiently(async () => (await this.#connect()).fetchTopicOffsetsByTimestamp(this.topic, time.getTime()));
    return new Map(offsets.map(o => [o.partition, Number(o.offset)]));
  }

  /** What the drops topic says from an offset on; nothing where there is none. */
  drops(from: number): Promise<DropNews> {
    return this.#patiently(async () => {
      const topics = await (await this.#connect()).listTopics();
      return topics.includes(dropsTopic(this.topic))
        ? readDrops(this.kafka, this.topic, from)
        : { drops: [], forgets: [], movedTo: null, next: from };
    });
  }

  /** The messages at these places that are still there; ask in the order of partitions and offsets, as a fetch brings many. */
  async messages(places: readonly { partition: number; offset: number }[]): Promise<OrderMessage[]> {
    const found: OrderMessage[] = [];
    let near: OrderMessage[] = [];
    for (const { partition, offset } of places) {
      if (!near.some(m => m.partition === partition && m.offset === offset)) {
        const batch = await this.#patiently(() => this.#partitions.fetch(partition, offset, FETCH_BYTES));
        near = batch === null ? [] : toMessages(batch, offset);
      }
      const message = near.find(m => m.partition === partition && m.offset === offset);
      if (message !== undefined) found.push(message);
    }
    return found;
  }

  async #connect(): Promise<Admin> {
    if (!this.#connected) await this.#admin.connect();
    this.#connected = true;
    return this.#admin;
  }

  #patiently<T>(work: () => Promise<T>): Promise<T> {
    return throughOutages(this.state, isKafkaOutage, this.signal, () => unlessAborted(work(), this.signal));
  }

  async close(): Promise<void> {
    await Promise.all([this.#admin.disconnect().catch(() => {}), this.#partitions.close()]);
  }
}

/** @throws TopicError when the topic does not go back to its first message, unless that is accepted */
export function checkBeginning(topic: string, offsets: TopicOffsets[], acceptGap: boolean): void {
  for (const { partition, low } of offsets) {
    if (low > 0 && !acceptGap)
      throw new TopicError(
        `partition ${partition} of "${topic}" begins at offset ${low}: ${low} message(s) are gone and cannot be replayed`,
        {
          hint: 'what only they brought would go from the tables; --accept-gap does it all the same',
        },
      );
  }
}
