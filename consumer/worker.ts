/**
 * A worker: the only file that knows the order of the stages.
 *
 *   order consumer -> batch -> rows -> one transaction -> … ; beside it, on timers: merge, drops, watchdog
 *
 * The partitions are dealt out to two lanes. In each, while one batch is being loaded the next is fetched and made into rows; so two
 * transactions are under way, of different partitions, as if by two workers. Settled in one order: rows and position durable in Postgres, then
 * the group's offsets for display, then memory.
 */
import { randomBytes } from 'node:crypto';
import { InterruptedError } from '../shared/errors.js';
import { type Admin, topicOffsets } from '../shared/kafka.js';
import { isKafkaOutage } from '../shared/kafka-outage.js';
import { atMost, ServiceState, throughOutages, unlessAborted } from '../shared/outage.js';
import { BatchSize } from './batch-size.js';
import { every } from './every.js';
import { enterRequests } from './forget/forget-users.js';
import { Forgetting } from './forget/forgetting.js';
import { MoveWatch } from './forget/move-watch.js';
import type { MessageBatch } from './intake/batch.js';
import { OrderConsumer } from './intake/order-consumer.js';
import { Lane } from './lane.js';
import { Breaker } from './load/breaker.js';
import { dropsOffset, readDrops, writeDrops } from './load/drop-sync.js';
import type { LoadCounts } from './load/ledger.js';
import { Link } from './load/link.js';
import { checkMoved, readPositions } from './load/positions.js';
import { mergeUsers } from './merge/merge-users.js';
import { PeriodReport } from './period-report.js';
import { Tables } from './schema/tables.js';
import { driftWords, untoldDrift } from './status/drift.js';
import { StrangerWatch } from './strangers.js';
import { TopicState } from './topic-state.js';
import type { WorkerOptions, WorkerResult } from './worker-options.js';
import { WorkerView } from './worker-view.js';

export type { WorkerProgress } from './worker-options.js';

const DRAIN_POLL = 50;
const DRAIN_BATCH_WAIT = 40;
const DROPS_EVERY = 5000;
const WATCH_EVERY = 2000;
const SHOW_EVERY = 5000;
/** Batches that wait fetched in a lane. With 1.5 of them a worker took 20 MB more and was no faster. */
const BUFFER_BATCHES = 1;
/**
 * Transactions at a time. A load is some twenty questions and their answers, and with one of them Postgres waited for this process and this
 * process for Postgres: 131,830 orders took 9.0 and 9.3 s by one lane and 8.3 and 8.6 s by two, in turns on two cores, for 40 MB more.
 */
const LANES = 2;

/** Runs a worker to its end. @returns what this worker loaded */
export async function runWorker(options: WorkerOptions): Promise<WorkerResult> {
  const worker = new Worker(options);
  try {
    return await worker.run();
  } finally {
    await worker.close();
  }
}

class Worker {
  readonly #o: WorkerOptions;
  readonly #tables: Tables;
  readonly #name = randomBytes(4).toString('hex');
  readonly #postgres: ServiceState;
  readonly #kafkaState: ServiceState;
  readonly #admin: Admin;
  readonly #counts: LoadCounts = { loaded: 0, bypassed: 0, rejected: 0, repeated: 0, lineItems: 0 };
  /** Ends everything: the caller's signal, or a failure of a part. */
  readonly #stop = new AbortController();
  /** For positions, drops and watchdog. */
  readonly #side: Link;
  /** A fold may take minutes, and a rebalance must not wait for it. */
  readonly #merging: Link;
  readonly #topic: TopicState;
  readonly #report: PeriodReport;
  readonly #view: WorkerView;
  readonly #size: BatchSize;
  readonly #strangers: StrangerWatch;
  readonly #forgetting: Forgetting;
  readonly #moves: MoveWatch;
  #consumer!: OrderConsumer;
  #lanes: Lane[] = [];
  #failure: unknown = null;

  constructor(options: WorkerOptions) {
    this.#o = options;
    const { settings, log } = options;
    this.#tables = Tables.of(settings);
    this.#postgres = new ServiceState('Postgres', log, settings.outageTimeout);
    this.#kafkaState = new ServiceState('Kafka', log, settings.outageTimeout);
    this.#report = new PeriodReport(log, Date.now());
    this.#view = new WorkerView(this.#name, this.#postgres, this.#kafkaState, settings.stallTimeout);
    options.observer?.begins(this.#view);
    this.#size = new BatchSize({ orders: settings.batchOrders, bytes: settings.batchBytes, memory: settings.memory, log });
    this.#admin = options.kafka.admin();
    this.#strangers = new StrangerWatch(this.#admin, settings.kafkaGroup, settings.topic, log);
    this.#side = new Link(options.databaseUrl, `glossier worker ${this.#name} side`, this.#postgres, this.#stop.signal);
    this.#topic = new TopicState(options, this.#tables, this.#admin, this.#side, work => this.#kafka(work));
    this.#merging = new Link(options.databaseUrl, `glossier merge by ${this.#name}`, this.#postgres, this.#stop.signal);
    this.#forgetting = new Forgetting(this.#merging, this.#tables, log);
    this.#moves = new MoveWatch(this.#side, this.#tables, settings.topic);
  }

  async run(): Promise<WorkerResult> {
    const { signal } = this.#o;
    signal.addEventListener('abort', this.#onSignal, { once: true });
    if (signal.aborted) this.#onSignal();
    try {
      return await this.#run();
    } catch (error) {
      throw this.#failure ?? error; // what stopped the others is the cause of what they say
    }
  }

  readonly #onSignal = () => {
    this.#view.stopping = true;
    this.#stop.abort(this.#o.signal.reason);
    this.#abandonLater();
  };

  async #run(): Promise<WorkerResult> {
    const { settings, kafka, log, signal, untilDrained } = this.#o;
    await this.#topic.open();
    this.#view.breaker = this.#o.acceptRejects ? undefined : new Breaker(settings.breakerOrders, settings.breakerShare);
    this.#consumer = new OrderConsumer({
      kafka,
      topic: settings.topic,
      group: settings.kafkaGroup,
      sessionTimeout: settings.sessionTimeout,
      lanes: LANES,
      drains: Boolean(untilDrained),
      bufferBytes: () => this.#size.bytes * BUFFER_BATCHES,
      log,
      kafkaState: this.#kafkaState,
      positions: async begun => {
        await Promise.all(this.#lanes.map(lane => lane.settled())); // the batches under way settle first, one way or the other
        return this.#topic.positions(begun);
      },
    });
    this.#view.consumer = this.#consumer;
    this.#lanes = Array.from({ length: LANES }, (_, lane) => this.#lane(lane));
    this.#consumer.failed.catch(error => this.#fail(error));
    if (untilDrained === true) this.#topic.sealed = true;
    else if (untilDrained) untilDrained.then(() => this.#topic.seal()).catch(error => this.#fail(error));
    if (!(await this.#endIfDrained())) {
      // whom to forget is known before the first order is loaded: the database may have been put back to before a request
      await Promise.all([this.#kafka(() => this.#consumer.start()), this.#syncDrops()]);
      const timers = [
        this.#every(DROPS_EVERY, () => this.#syncDrops()),
        this.#every(WATCH_EVERY, () => this.#watch()),
        this.#every(settings.logEvery, async () => this.#report.tell(Date.now(), this.#done, this.#counts)),
        this.#every(SHOW_EVERY, () => this.#show()),
      ];
      if (untilDrained) timers.push(this.#every(DRAIN_POLL, async () => void (await this.#endIfDrained())));
      else timers.push(this.#every(settings.mergeEvery, () => this.#merge()));
      await Promise.all(this.#lanes.map(lane => lane.run().catch(error => this.#fail(error))));
      this.#stop.abort('ended');
      await atMost(3000, Promise.all(timers)); // one of them may hang in a call to Kafka
    }
    if (this.#failure !== null) throw this.#failure;
    if (untilDrained && signal.aborted)
      throw new InterruptedError('interrupted before everything was loaded', {
        hint: 'the same command goes on from here',
      });
    return { ...this.#counts, brokenFiles: this.#brokenFiles };
  }

  #lane(lane: number): Lane {
    const { settings, databaseUrl, version, untilDrained, log, observer } = this.#o;
    return new Lane({
      lane,
      loader: {
        databaseUrl,
        target: { tables: this.#tables, topic: settings.topic, topicId: this.#topic.id, worker: this.#name, version },
        postgres: this.#postgres,
        maxDepth: settings.maxDepth,
        breaker: this.#view.breaker,
        signal: this.#stop.signal,
      },
      consumer: this.#consumer,
      topic: this.#topic,
      size: this.#size,
      wait: untilDrained ? DRAIN_BATCH_WAIT : settings.batchWait,
      stop: this.#stop.signal,
      onLoaded: (batch, counts, committed, milliseconds) => {
        for (const key of Object.keys(counts) as (keyof LoadCounts)[]) this.#counts[key] += counts[key];
        this.#progress(batch);
        if (committed) observer?.loaded(batch, counts, committed, milliseconds);
      },
      onOvertaken: batch => {
        log.info({ batch: batch.segments }, 'another worker had loaded part of a batch; going on from the positions');
        this.#consumer.rewind();
      },
    });
  }

  /** When everything is loaded: tells the drops and the group so, and ends the worker. */
  async #endIfDrained(): Promise<boolean> {
    if (!(await this.#topic.isDrained())) return false;
    await this.#syncDrops();
    await this.#show();
    this.#stop.abort('drained');
    return true;
  }

  #progress(batch: MessageBatch): void {
    this.#done += batch.messages.length;
    this.#o.onProgress?.({
      ...this.#counts,
      done: this.#done,
      total: Math.max(this.#done, this.#topic.waitingAtStart),
    });
  }

  #done = 0;
  #brokenFiles = 0;
  async #merge(): Promise<void> {
    const began = performance.now();
    const result = await this.#merging.use(db => mergeUsers(db, this.#tables));
    this.#o.observer?.merged(result, performance.now() - began);
    if (result.staged > 0) this.#o.log.debug(result, 'merged users');
  }

  async #syncDrops(): Promise<void> {
    const { kafka, settings, log } = this.#o;
    const from = await this.#side.use(db => dropsOffset(db, this.#tables, settings.topic));
    const news = await this.#kafka(() => readDrops(kafka, settings.topic, from));
    if (await this.#moves.look(news.movedTo)) return;
    // before the offset that they stand at is passed: a worker that ends in between would have lost them
    await this.#merging.use(db => enterRequests(db, this.#tables, news.forgets));
    if (news.next > from) this.#brokenFiles += await this.#side.use(db => writeDrops(db, this.#tables, settings.topic, news));
    await this.#forgetting.carryOut();
    for (const { drop, name, drift } of await this.#side.use(db => untoldDrift(db, this.#tables, settings.topic))) {
      log.warn({ drop, drop_name: name }, `the export has changed: ${driftWords(drift)}`);
    }
  }

  async #show(): Promise<void> {
    const positions = await this.#side.use(db => readPositions(db, this.#tables, this.#o.settings.topic));
    await this.#consumer.showPositions([...positions].map(([partition, offset]) => ({ partition, offset })));
  }

  async #watch(): Promise<void> {
    const { topic } = this.#o.settings;
    const at = Date.now();
    await this.#topic.check();
    const offsets = await topicOffsets(this.#admin, topic);
    this.#view.kafkaAnswered = Date.now();
    if (this.#consumer.joined) await this.#strangers.look(this.#consumer.generation);
    const positions = await this.#side.use(async db => {
      const found = await readPositions(db, this.#tables, topic);
      if (found.size === 0) await checkMoved(db, this.#tables, topic);
      return found;
    });
    this.#report.looked(offsets, positions);
    const excused = this.#postgres.away || this.#kafkaState.away || this.#lanes.some(l => l.waits);
    this.#view.looked({ at, offsets, positions, mine: new Set(this.#consumer.partitions) }, excused);
  }

  #kafka<T>(work: () => Promise<T>): Promise<T> {
    const stop = this.#stop.signal;
    return throughOutages(this.#kafkaState, isKafkaOutage, stop, () => unlessAborted(work(), stop));
  }

  #every(milliseconds: number, work: () => Promise<void>): Promise<void> {
    return every(milliseconds, this.#stop.signal, work, error => this.#fail(error));
  }

  /** A stop waits for the batch under way; when that takes too long its connection is cut and the server rolls it back. */
  #abandonLater(): void {
    const timer = setTimeout(() => {
      for (const lane of this.#lanes) lane.destroy();
      this.#side.destroy();
      this.#merging.destroy();
    }, this.#o.settings.shutdownTimeout * 0.7);
    timer.unref();
  }

  #fail(error: unknown): void {
    if (error instanceof InterruptedError && this.#stop.signal.aborted) return; // a part that was waiting when the stop came
    this.#failure ??= error;
    this.#view.failed(this.#failure);
    this.#stop.abort('failed');
  }

  async close(): Promise<void> {
    this.#stop.abort('closed');
    this.#o.signal.removeEventListener('abort', this.#onSignal);
    const deadline = this.#o.settings.shutdownTimeout * 0.8;
    await Promise.all([
      this.#consumer?.stop(deadline),
      atMost(deadline, Promise.all(this.#lanes.map(lane => lane.settled()))),
      atMost(deadline, this.#admin.disconnect()),
      atMost(deadline, this.#topic.close()),
    ]);
    await Promise.all([...this.#lanes.map(lane => lane.end()), this.#side.end(), this.#merging.end()]);
  }
}
