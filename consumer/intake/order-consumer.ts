/**
 * Messages of the topic, through a kafkajs consumer group, from the positions that Postgres holds.
 *
 * kafkajs' own offsets are not trusted for anything: the group's committed offsets are for lag displays. After each join the assigned
 * partitions are paused at once (in the same turn of the event loop, so nothing is fetched), their positions are read, and each is
 * sought to. What then arrives is held against the offset that is expected next, message by message.
 */
import type { Consumer, EachBatchPayload } from 'kafkajs';
import { oneLine, ServiceError } from '../../shared/errors.js';
import type { Kafka } from '../../shared/kafka.js';
import { isKafkaOutage } from '../../shared/kafka-outage.js';
import type { Logger } from '../../shared/log.js';
import { atMost, pause, type ServiceState } from '../../shared/outage.js';
import { BatchQueue, type MessageBatch, messageBytes } from './batch.js';
import { toMessages } from './to-messages.js';

export interface OrderConsumerOptions {
  kafka: Kafka;
  topic: string;
  group: string;
  /** Milliseconds. */
  sessionTimeout: number;
  /** Queues that the partitions are dealt out to; batches are taken of each by itself. */
  lanes: number;
  /** It ends when the topic has been read. */
  drains: boolean;
  /** Bytes of messages that may wait in a lane now; fetching for it pauses above them. */
  bufferBytes: () => number;
  log: Logger;
  kafkaState: ServiceState;
  /**
   * Checks that the topic is the one that the positions belong to and gives their positions; waits out outages.
   *
   * @param begun partitions that this worker begins with: what their last owner has under way is waited for
   * @throws TopicError when going on would lose or double orders
   */
  positions: (begun: readonly number[]) => Promise<Map<number, number>>;
}

interface Assigned {
  readonly queue: BatchQueue;
  /** Offset of the next message to take; null until the position is known. */
  next: number | null;
}

/** Milliseconds that the broker may hold a fetch when there is nothing new; also how fast the loop notices a stop, which a drain waits for at its end. */
const FETCH_WAIT = 100;
const DRAIN_FETCH_WAIT = 20;
/** Milliseconds between heartbeats. A worker learns of a rebalance by its heartbeat, and all others wait for it: kafkajs' 3 s cost up to 3 s each. */
const HEARTBEAT = 250;
/** Packed bytes a partition and fetch. kafkajs unpacks a whole fetch at once, of each partition about a megabyte (shared/fetched-records.ts). */
const FETCH_PARTITION_BYTES = 128 * 1024;
const FETCH_BYTES = 1024 * 1024;

export class OrderConsumer {
  /** Rises with every join and every rewind; what was fetched under an older one is worthless. */
  generation = 0;
  /** A member of the group, with partitions or without. */
  joined = false;
  /** Fires when the consumer cannot go on. */
  readonly failed: Promise<never>;
  readonly #queues: readonly BatchQueue[];
  readonly #consumer: Consumer;
  #fail!: (error: unknown) => void;
  #assigned = new Map<number, Assigned>();
  #stopped = false;
  #wake: (() => void)[] = [];
  #restarts = 0;

  constructor(readonly options: OrderConsumerOptions) {
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => {});
    this.#queues = Array.from({ length: options.lanes }, () => new BatchQueue());
    this.#consumer = options.kafka.consumer({
      groupId: options.group,
      sessionTimeout: options.sessionTimeout,
      rebalanceTimeout: options.sessionTimeout, // handlers give way within a heartbeat, so nobody needs longer to join again
      heartbeatInterval: HEARTBEAT,
      maxWaitTimeInMs: options.drains ? DRAIN_FETCH_WAIT : FETCH_WAIT,
      maxBytesPerPartition: FETCH_PARTITION_BYTES,
      maxBytes: FETCH_BYTES,
      metadataMaxAge: 30_000, // so that partitions added later are seen within half a minute
      allowAutoTopicCreation: false,
      // few retries: a connection that swallows everything is given up only by the restart after them, which connects anew
      retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: 3 },
    });
    const { events } = this.#consumer;
    this.#consumer.on(events.GROUP_JOIN, e => this.#joined(e.payload.memberAssignment[options.topic] ?? []));
    this.#consumer.on(events.CRASH, e => this.#crashed(e.payload.error, e.payload.restart));
    this.#consumer.on(events.END_BATCH_PROCESS, e => {
      const { partition, batchSize, lastOffset } = e.payload;
      if (Number(batchSize) === 0) this.#passOver(partition, Number(lastOffset) + 1);
    });
  }

  /** Partitions that are assigned to this worker now. */
  get partitions(): number[] {
    return [...this.#assigned.keys()].sort((a, b) => a - b);
  }

  async start(): Promise<void> {
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topic: this.options.topic, fromBeginning: true });
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 64,
      eachBatch: payload => this.#take(payload),
    });
  }

  /**
   * The next batch of a lane: full by orders or bytes, or what has come after `wait` milliseconds. Null when nothing came, or on the signal.
   */
  async next(lane: number, maxOrders: number, maxBytes: number, wait: number, signal: AbortSignal): Promise<MessageBatch | null> {
    const queue = this.#queues[lane];
    const asked = performance.now();
    while (!signal.aborted && queue.orders < maxOrders && queue.bytes < Math.min(maxBytes, this.options.bufferBytes())) {
      // what a fetch brings for other partitions comes a moment later: flushed a while after the question, orders of 0.5 MB went in one by one
      const left = (queue.empty ? asked : Math.max(asked, queue.since)) + wait - performance.now();
      if (left <= 0) break;
      await this.#changed(left, signal);
    }
    const batch = signal.aborted ? null : queue.take(maxOrders, maxBytes, this.generation);
    this.#notify(); // there is room again
    return batch;
  }

  /** Drops everything fetched and starts again from the positions: they were not where this worker thought. */
  rewind(): void {
    this.#begin(this.partitions);
  }

  /** Tells the group how far the tables are, for those who look at its lag. Best effort. */
  async showPositions(positions: { partition: number; offset: number }[]): Promise<void> {
    const { topic } = this.options;
    const mine = positions.filter(p => this.#assigned.has(p.partition));
    if (this.#stopped || mine.length === 0) return;
    await this.#consumer.commitOffsets(mine.map(p => ({ topic, partition: p.partition, offset: String(p.offset) }))).catch(error => {
      this.options.log.debug({ reason: oneLine(error) }, 'the group did not take the offsets; they are for display');
    });
  }

  /** Leaves the group. Waits `deadline` milliseconds at the most; kafkajs' stop() can hang behind a request. */
  async stop(deadline: number): Promise<void> {
    this.#stopped = true;
    this.joined = false;
    this.#notify();
    await atMost(deadline, this.#consumer.disconnect());
  }

  #joined(partitions: number[]): void {
    if (this.#stopped) {
      // kafkajs' stop() does not end a join that is under way: left alone, it would hold partitions that nobody loads
      void this.#consumer.disconnect().catch(() => {});
      return;
    }
    this.options.kafkaState.succeeded();
    this.#restarts = 0;
    this.joined = true;
    this.options.log.info({ partitions: partitions.length }, 'joined the group');
    this.#begin(partitions);
  }

  /** Pauses the partitions, reads the positions, seeks, resumes. */
  #begin(partitions: number[]): void {
    const { topic } = this.options;
    const generation = ++this.generation;
    this.#clear();
    const queue = (i: number) => this.#queues[i % this.#queues.length];
    this.#assigned = new Map(partitions.toSorted((a, b) => a - b).map((p, i) => [p, { queue: queue(i), next: null }]));
    this.#notify();
    if (partitions.length === 0 || this.#stopped) return;
    try {
      this.#consumer.pause([{ topic, partitions }]);
    } catch (error) {
      this.options.log.debug({ reason: oneLine(error) }, 'the consumer went away before it could be paused');
      return;
    }
    this.#seekPositions(generation, partitions).catch(error => this.#fail(error));
  }

  async #seekPositions(generation: number, partitions: number[]): Promise<void> {
    const { topic } = this.options;
    const positions = await this.options.positions(partitions);
    if (generation !== this.generation || this.#stopped) return;
    for (const partition of partitions) {
      if (!positions.has(partition)) throw new ServiceError(`partition ${partition} of "${topic}" has no position`);
    }
    try {
      for (const partition of partitions) this.#consumer.seek({ topic, partition, offset: String(positions.get(partition)) });
      this.#consumer.resume([{ topic, partitions }]);
    } catch (error) {
      // kafkajs crashed between the join and now, and has not said so yet; it joins again, or CRASH tells
      this.options.log.debug({ reason: oneLine(error) }, 'the consumer went away before it could start from the positions');
      return;
    }
    for (const partition of partitions) this.#assigned.get(partition)!.next = positions.get(partition)!;
  }

  async #take({ batch, heartbeat, resolveOffset }: EachBatchPayload): Promise<void> {
    const generation = this.generation;
    const assigned = this.#assigned.get(batch.partition);
    if (this.#stopped || assigned?.next == null) return;
    const first = Number(batch.firstOffset());
    const last = Number(batch.lastOffset());
    if (first > assigned.next || last < assigned.next) {
      // beyond: compaction lies between, or kafkajs has silently gone elsewhere; before: the latter for certain. The check throws where the
      // broker no longer has what comes next; a gap is believed only of a fetch that asked for exactly what comes next.
      const positions = await this.options.positions([]).catch(error => this.#fail(error));
      if (positions === undefined || generation !== this.generation) return;
      if (last < assigned.next || Number((batch as unknown as { fetchedOffset: string }).fetchedOffset) !== assigned.next) {
        this.#consumer.seek({ topic: batch.topic, partition: batch.partition, offset: String(assigned.next) });
        return;
      }
    }
    const messages = toMessages(batch, assigned.next);
    const { queue } = assigned;
    queue.push({
      partition: batch.partition,
      from: assigned.next,
      to: last + 1,
      messages,
      bytes: messages.reduce((n, m) => n + messageBytes(m), 0),
    });
    assigned.next = last + 1;
    resolveOffset(batch.messages[batch.messages.length - 1].offset);
    this.#notify();
    while (queue.bytes > this.options.bufferBytes() && generation === this.generation && !this.#stopped) {
      await this.#changed(HEARTBEAT);
      await heartbeat();
    }
  }

  /** Control records alone: kafkajs shows no messages, and the position has to pass them all the same. */
  #passOver(partition: number, to: number): void {
    const assigned = this.#assigned.get(partition);
    if (assigned?.next == null || to <= assigned.next) return;
    assigned.queue.push({ partition, from: assigned.next, to, messages: [], bytes: 0 });
    assigned.next = to;
    this.#notify();
  }

  #crashed(error: Error, restart: boolean): void {
    if (this.#stopped) return;
    this.joined = false;
    this.generation++;
    this.#clear();
    try {
      this.options.kafkaState.failed(error);
    } catch (tooLong) {
      this.#fail(tooLong);
      return;
    }
    if (restart) return;
    if (!isKafkaOutage(error)) {
      const hint = `is the group "${this.options.group}" another program's? then set KAFKA_GROUP`;
      this.#fail(new ServiceError(`the Kafka consumer ended: ${oneLine(error)}`, { cause: error, hint }));
      return;
    }
    // kafkajs gives up for good when no broker can be reached; we go on trying for as long as an outage may last
    const wait = Math.min(3000, 200 * 2 ** this.#restarts++);
    void pause(wait)
      .then(() => (this.#stopped ? undefined : this.start()))
      .catch(e => this.#crashed(e, false));
  }

  #clear(): void {
    for (const queue of this.#queues) queue.clear();
    this.#assigned.clear();
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const w of wake) w();
  }

  #changed(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      signal?.addEventListener('abort', done, { once: true });
      this.#wake.push(done);
    });
  }
}
