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
import { atMost, pause, ServiceState, throughOutages, unlessAborted } from '../shared/outage.js';
import { OrderConsumer } from './intake/order-consumer.js';
import { Breaker } from './load/breaker.js';
import { dropsOffset, readDrops, writeDrops } from './load/drop-sync.js';
import type { LoadCounts } from './load/ledger.js';
import { Link } from './load/link.js';
import { Loader, type LoadResult, type PreparedBatch } from './load/loader.js';
import { readPositions } from './load/positions.js';
import { mergeUsers } from './merge/merge-users.js';
import { PeriodReport } from './period-report.js';
import { Tables } from './schema/tables.js';
import { StallWatch } from './stall-watch.js';
import { driftWords, untoldDrift } from './status/drift.js';
import { TopicState } from './topic-state.js';
import type { WorkerOptions, WorkerResult } from './worker-options.js';

export type { WorkerProgress } from './worker-options.js';

const DRAIN_POLL = 100;
const DRAIN_BATCH_WAIT = 40;
const DROPS_EVERY = 5000;
const WATCH_EVERY = 2000;
const SHOW_EVERY = 5000;
const BUFFER_BATCHES = 1.5;
/**
 * Transactions at a time. A COPY is questions and answers too, and with one of them Postgres waited for this process and this one for
 * Postgres: see below
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
  #consumer!: OrderConsumer;
  /** By lane. */
  #loaders: Loader[] = [];
  /** The batch under way, by lane. */
  readonly #loading: (Promise<LoadResult> | null)[] = [];
  #failure: unknown = null;

  constructor(options: WorkerOptions) {
    this.#o = options;
    const { settings, log } = options;
    this.#tables = new Tables(settings.databaseSchema);
    this.#postgres = new ServiceState('Postgres', log, settings.outageTimeout);
    this.#kafkaState = new ServiceState('Kafka', log, settings.outageTimeout);
    this.#report = new PeriodReport(log, Date.now());
    this.#admin = options.kafka.admin();
    this.#side = new Link(options.databaseUrl, `glossier worker ${this.#name} side`, this.#postgres, this.#stop.signal);
    this.#topic = new TopicState(options, this.#tables, this.#admin, this.#side, work => this.#kafka(work));
    this.#merging = new Link(options.databaseUrl, `glossier merge by ${this.#name}`, this.#postgres, this.#stop.signal);
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
    this.#stop.abort(this.#o.signal.reason);
    this.#abandonLater();
  };

  async #run(): Promise<WorkerResult> {
    const { settings, kafka, log, signal, untilDrained } = this.#o;
    await this.#topic.open();
    const target = { tables: this.#tables, topic: settings.topic, topicId: this.#topic.id, worker: this.#name, version: this.#o.version };
    const breaker = this.#o.acceptRejects ? undefined : new Breaker(settings.breakerOrders, settings.breakerShare);
    const loaderOptions = {
      databaseUrl: this.#o.databaseUrl,
      target,
      postgres: this.#postgres,
      maxDepth: settings.maxDepth,
      breaker,
      signal: this.#stop.signal,
    };
    this.#loaders = Array.from({ length: LANES }, () => new Loader(loaderOptions));
    this.#consumer = new OrderConsumer({
      kafka,
      topic: settings.topic,
      group: settings.kafkaGroup,
      sessionTimeout: settings.sessionTimeout,
      lanes: LANES,
      bufferBytes: settings.batchBytes * BUFFER_BATCHES,
      log,
      kafkaState: this.#kafkaState,
      positions: async () => {
        await Promise.allSettled(this.#loading); // the batches under way settle first, one way or the other
        return this.#topic.positions();
      },
    });
    this.#consumer.failed.catch(error => this.#fail(error));
    if (untilDrained === true) this.#topic.sealed = true;
    else if (untilDrained) untilDrained.then(() => this.#topic.seal()).catch(error => this.#fail(error));
    if (!(await this.#endIfDrained())) {
      await this.#kafka(() => this.#consumer.start());
      const watch = new StallWatch(settings.stallTimeout);
      const timers = [
        this.#every(DROPS_EVERY, () => this.#syncDrops()),
        this.#every(WATCH_EVERY, () => this.#watch(watch)),
        this.#every(settings.logEvery, async () => this.#report.tell(Date.now(), this.#done, this.#counts)),
        this.#every(SHOW_EVERY, () => this.#show()),
      ];
      if (untilDrained) timers.push(this.#every(DRAIN_POLL, async () => void (await this.#endIfDrained())));
      else timers.push(this.#every(settings.mergeEvery, () => this.#merge()));
      await Promise.all(this.#loaders.map((_, lane) => this.#loadBatches(lane)));
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

  /** Two stages side by side: while a batch is being loaded, the next one is made. */
  async #loadBatches(lane: number): Promise<void> {
    const { settings, untilDrained } = this.#o;
    const loader = this.#loaders[lane];
    const wait = untilDrained ? DRAIN_BATCH_WAIT : settings.batchWait;
    const stop = this.#stop.signal;
    try {
      while (!stop.aborted) {
        const batch = await this.#consumer.next(lane, settings.batchOrders, settings.batchBytes, wait, stop);
        if (batch === null) {
          await this.#settle(lane);
          continue;
        }
        const [prepared] = await Promise.all([loader.prepare(batch), this.#topic.check()]);
        await this.#settle(lane);
        if (stop.aborted || batch.generation !== this.#consumer.generation) continue;
        const loading = this.#load(lane, prepared);
        this.#loading[lane] = loading;
        loading.catch(() => {}); // reported by #settle, which may come much later
      }
      await this.#settle(lane);
    } catch (error) {
      if (!(error instanceof InterruptedError && stop.aborted)) this.#fail(error);
    }
  }

  async #load(lane: number, prepared: PreparedBatch): Promise<LoadResult> {
    const result = await this.#loaders[lane].load(prepared);
    if (result === null) {
      this.#o.log.info({ batch: prepared.batch.segments }, 'another worker had loaded part of a batch; going on from the positions');
      this.#loading[lane] = null; // the positions are read when all that is under way has settled, and this has
      this.#consumer.rewind();
    } else {
      for (const key of Object.keys(result) as (keyof LoadCounts)[]) this.#counts[key] += result[key];
      this.#progress(prepared);
    }
    return result;
  }

  /** Waits for the lane's batch that is being loaded. */
  async #settle(lane: number): Promise<void> {
    const loading = this.#loading[lane];
    await loading;
    if (this.#loading[lane] === loading) this.#loading[lane] = null;
  }

  /** When everything is loaded: tells the drops and the group so, and ends the worker. */
  async #endIfDrained(): Promise<boolean> {
    if (!(await this.#topic.isDrained())) return false;
    await this.#syncDrops();
    await this.#show();
    this.#stop.abort('drained');
    return true;
  }

  #progress(prepared: PreparedBatch): void {
    this.#done += prepared.batch.messages.length;
    this.#o.onProgress?.({
      ...this.#counts,
      done: this.#done,
      total: Math.max(this.#done, this.#topic.waitingAtStart),
    });
  }

  #done = 0;
  #brokenFiles = 0;
  async #merge(): Promise<void> {
    const result = await this.#merging.use(db => mergeUsers(db, this.#tables));
    if (result.staged > 0) this.#o.log.debug(result, 'merged users');
  }

  async #syncDrops(): Promise<void> {
    const { kafka, settings, log } = this.#o;
    const from = await this.#side.use(db => dropsOffset(db, this.#tables, settings.topic));
    const news = await this.#kafka(() => readDrops(kafka, settings.topic, from));
    if (news.next > from) this.#brokenFiles += await this.#side.use(db => writeDrops(db, this.#tables, settings.topic, news));
    for (const { drop, name, drift } of await this.#side.use(db => untoldDrift(db, this.#tables, settings.topic))) {
      log.warn({ drop, drop_name: name }, `the export has changed: ${driftWords(drift)}`);
    }
  }

  async #show(): Promise<void> {
    const positions = await this.#side.use(db => readPositions(db, this.#tables, this.#o.settings.topic));
    await this.#consumer.showPositions([...positions].map(([partition, offset]) => ({ partition, offset })));
  }

  async #watch(watch: StallWatch): Promise<void> {
    const { topic } = this.#o.settings;
    await this.#topic.check();
    const offsets = await topicOffsets(this.#admin, topic);
    const positions = await this.#side.use(db => readPositions(db, this.#tables, topic));
    this.#report.looked(offsets, positions);
    const excused = this.#postgres.away || this.#kafkaState.away || this.#loaders.some(l => l.waitingForLock);
    watch.look(Date.now(), new Set(this.#consumer.partitions), offsets, positions, excused);
  }

  #kafka<T>(work: () => Promise<T>): Promise<T> {
    const stop = this.#stop.signal;
    return throughOutages(this.#kafkaState, isKafkaOutage, stop, () => unlessAborted(work(), stop));
  }

  /** Runs `work` again and again until the worker ends. A failure of Kafka is for the consumer to report; any other ends the worker. */
  async #every(milliseconds: number, work: () => Promise<void>): Promise<void> {
    const stop = this.#stop.signal;
    while (!stop.aborted) {
      await pause(milliseconds, stop);
      if (stop.aborted) return;
      await work().catch(error => {
        if (!stop.aborted && !isKafkaTrouble(error)) this.#fail(error);
      });
    }
  }

  /** A stop waits for the batch under way; when that takes too long its connection is cut and the server rolls it back. */
  #abandonLater(): void {
    const timer = setTimeout(() => {
      for (const loader of this.#loaders) loader.destroy();
      this.#side.destroy();
      this.#merging.destroy();
    }, this.#o.settings.shutdownTimeout * 0.7);
    timer.unref();
  }

  #fail(error: unknown): void {
    if (error instanceof InterruptedError && this.#stop.signal.aborted) return; // a part that was waiting when the stop came
    this.#failure ??= error;
    this.#stop.abort('failed');
  }

  async close(): Promise<void> {
    this.#stop.abort('closed');
    this.#o.signal.removeEventListener('abort', this.#onSignal);
    const deadline = this.#o.settings.shutdownTimeout * 0.8;
    await Promise.all([
      this.#consumer?.stop(deadline),
      atMost(deadline, Promise.all(this.#loading)),
      atMost(deadline, this.#admin.disconnect()),
      atMost(deadline, this.#topic.close()),
    ]);
    await Promise.all([...this.#loaders.map(loader => loader.end()), this.#side.end(), this.#merging.end()]);
  }
}

/** kafkajs' own errors that pass by themselves; those of Postgres have been waited out below. */
function isKafkaTrouble(error: unknown): boolean {
  return error instanceof Error && (error.name.startsWith('KafkaJS') || error instanceof TypeError) && isKafkaOutage(error);
}
