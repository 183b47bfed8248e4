/**
 * A worker: the only file that knows the order of the stages.
 *
 *   order consumer -> batch -> rows -> one transaction -> … ; beside it, on timers: merge, drops, watchdog
 *
 * While one batch is being loaded the next is fetched and made into rows. Settled in one order: rows and position durable in Postgres,
 * then the group's offsets for display, then memory.
 */
import { randomBytes } from 'node:crypto';
import { InterruptedError, ServiceError, StalledError } from '../shared/errors.js';
import { type Admin, ensureTopics, type Kafka, type TopicOffsets, topicInfo, topicOffsets } from '../shared/kafka.js';
import { isKafkaOutage } from '../shared/kafka-outage.js';
import type { Logger } from '../shared/log.js';
import { atMost, pause, ServiceState, throughOutages, unlessAborted } from '../shared/outage.js';
import type { Settings } from '../shared/settings.js';
import { OrderConsumer } from './intake/order-consumer.js';
import { syncDrops } from './load/drop-sync.js';
import { Link } from './load/link.js';
import type { LoadCounts } from './load/load-batch.js';
import { Loader, type LoadResult, type PreparedBatch } from './load/loader.js';
import { claimTopic, readPositions } from './load/positions.js';
import { mergeUsers } from './merge/merge-users.js';
import { migrate } from './schema/migrate.js';
import { Tables } from './schema/tables.js';

export interface WorkerOptions {
  settings: Settings;
  databaseUrl: string;
  kafka: Kafka;
  log: Logger;
  version: string;
  /** Ends the worker: at once when it also fires with a reason of `now`. */
  signal: AbortSignal;
  /** Load what is in the topic now and end; with a promise, what is in the topic when that is kept. When it breaks the worker ends too. */
  untilDrained?: boolean | Promise<unknown>;
  acceptGap?: boolean;
  onProgress?: (progress: WorkerProgress) => void;
}

export interface WorkerProgress extends LoadCounts {
  /** Messages of the topic, up to the ends when the worker started, that are in the tables. */
  done: number;
  total: number;
}

const DRAIN_POLL = 100;
const DRAIN_BATCH_WAIT = 40;
const DROPS_EVERY = 5000;
const WATCH_EVERY = 2000;
const SHOW_EVERY = 5000;
const BUFFER_BATCHES = 1.5;

/** Runs a worker to its end. @returns what this worker loaded */
export async function runWorker(options: WorkerOptions): Promise<LoadCounts> {
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
  /** For merge, drops and watchdog. */
  readonly #side: Link;
  #topicId = '';
  #loader!: Loader;
  #consumer!: OrderConsumer;
  #loading: Promise<LoadResult> | null = null;
  /** Ends of the partitions that a drain goes up to. */
  #ends: TopicOffsets[] = [];
  #sealed = false;
  #failure: unknown = null;

  constructor(options: WorkerOptions) {
    this.#o = options;
    const { settings, log } = options;
    this.#tables = new Tables(settings.databaseSchema);
    this.#postgres = new ServiceState('Postgres', log, settings.outageTimeout);
    this.#kafkaState = new ServiceState('Kafka', log, settings.outageTimeout);
    this.#admin = options.kafka.admin();
    this.#side = new Link(options.databaseUrl, `glossier worker ${this.#name} side`, this.#postgres, this.#stop.signal);
  }

  async run(): Promise<LoadCounts> {
    const { settings, kafka, log, signal, untilDrained } = this.#o;
    const forward = () => {
      this.#stop.abort(signal.reason);
      this.#abandonLater();
    };
    signal.addEventListener('abort', forward, { once: true });
    if (signal.aborted) forward();
    await this.#prepare();
    this.#loader = new Loader({
      databaseUrl: this.#o.databaseUrl,
      target: { tables: this.#tables, topic: settings.topic, topicId: this.#topicId, worker: this.#name, version: this.#o.version },
      postgres: this.#postgres,
      maxDepth: settings.maxDepth,
      signal: this.#stop.signal,
    });
    this.#consumer = new OrderConsumer({
      kafka,
      topic: settings.topic,
      group: settings.kafkaGroup,
      sessionTimeout: settings.sessionTimeout,
      bufferBytes: settings.batchBytes * BUFFER_BATCHES,
      log,
      kafkaState: this.#kafkaState,
      positions: () => this.#currentPositions(),
    });
    this.#consumer.failed.catch(error => this.#fail(error));
    this.#sealed = untilDrained === true;
    if (untilDrained instanceof Promise) untilDrained.then(() => this.#seal()).catch(error => this.#fail(error));
    const drained = await this.#isDrained();
    if (!drained) {
      await this.#kafka(() => this.#consumer.start());
      const timers = [this.#every(DROPS_EVERY, () => this.#syncDrops()), this.#every(WATCH_EVERY, this.#watch()), this.#every(SHOW_EVERY, () => this.#show())];
      if (untilDrained) timers.push(this.#every(DRAIN_POLL, async () => void ((await this.#isDrained()) && this.#stop.abort('drained'))));
      else timers.push(this.#every(settings.mergeEvery, () => this.#merge()));
      await this.#loadBatches();
      this.#stop.abort('ended');
      await atMost(3000, Promise.all(timers)); // one of them may hang in a call to Kafka
    }
    if (this.#failure !== null) throw this.#failure;
    if (untilDrained && !signal.aborted) {
      await this.#syncDrops();
      if (!drained) await this.#show();
    }
    if (untilDrained && signal.aborted) throw new InterruptedError('interrupted before everything was loaded', { hint: 'the same command goes on from here' });
    return this.#counts;
  }

  /** Connects, migrates, makes the topics, claims the topic. A fault that only a person can mend ends the worker here, at once. */
  async #prepare(): Promise<void> {
    const { settings, kafka } = this.#o;
    await this.#side.use(db => migrate(db.client, settings.databaseSchema));
    await this.#kafka(async () => {
      await this.#admin.connect();
      await ensureTopics(this.#admin, settings.topic, settings.partitions);
      const info = await topicInfo(kafka, settings.topic);
      if (info === null) throw new ServiceError(`the topic "${settings.topic}" is not there`);
      this.#topicId = info.id;
      this.#ends = await topicOffsets(this.#admin, settings.topic);
    });
    await this.#side.use(db => claimTopic(db, this.#tables, settings.topic, this.#topicId, this.#ends, this.#o.acceptGap));
  }

  /** Two stages side by side: while a batch is being loaded, the next one is made. */
  async #loadBatches(): Promise<void> {
    const { settings, untilDrained } = this.#o;
    const wait = untilDrained ? DRAIN_BATCH_WAIT : settings.batchWait;
    const stop = this.#stop.signal;
    try {
      while (!stop.aborted) {
        const batch = await this.#consumer.next(settings.batchOrders, settings.batchBytes, wait, stop);
        if (batch === null) {
          await this.#settle();
          continue;
        }
        const prepared = await this.#loader.prepare(batch);
        await this.#settle();
        if (stop.aborted || batch.generation !== this.#consumer.generation) continue;
        this.#loading = this.#load(prepared);
        this.#loading.catch(() => {}); // reported by #settle, which may come much later
      }
      await this.#settle();
    } catch (error) {
      if (!(error instanceof InterruptedError && stop.aborted)) this.#fail(error);
    }
  }

  async #load(prepared: PreparedBatch): Promise<LoadResult> {
    const result = await this.#loader.load(prepared);
    if (result === null) {
      this.#o.log.info({ batch: prepared.batch.segments }, 'another worker had loaded part of a batch; going on from the positions');
      this.#loading = null;
      this.#consumer.rewind();
    } else {
      for (const key of Object.keys(result) as (keyof LoadCounts)[]) this.#counts[key] += result[key];
      this.#progress(prepared);
    }
    return result;
  }

  /** Waits for the batch that is being loaded. */
  async #settle(): Promise<void> {
    const loading = this.#loading;
    await loading;
    if (this.#loading === loading) this.#loading = null;
  }

  /** The positions to fetch from, after the batch under way has settled one way or the other; checks that the topic is still the one. */
  async #currentPositions(): Promise<Map<number, number>> {
    const { settings, kafka } = this.#o;
    await this.#loading?.catch(() => {});
    const offsets = await this.#kafka(async () => {
      const info = await topicInfo(kafka, settings.topic);
      if (info === null) throw new ServiceError(`the topic "${settings.topic}" was deleted`);
      this.#checkId(info.id);
      return topicOffsets(this.#admin, settings.topic);
    });
    return this.#side.use(async db => {
      await claimTopic(db, this.#tables, settings.topic, this.#topicId, offsets, this.#o.acceptGap);
      return readPositions(db, this.#tables, settings.topic);
    });
  }

  #checkId(id: string): void {
    if (id !== this.#topicId) this.#topicId = id; // claimTopic then refuses it by name
  }

  /** From now on what counts as everything is fixed. */
  async #seal(): Promise<void> {
    this.#ends = await this.#kafka(() => topicOffsets(this.#admin, this.#o.settings.topic));
    this.#sealed = true;
  }

  async #isDrained(): Promise<boolean> {
    if (!this.#sealed) return false;
    const positions = await this.#side.use(db => readPositions(db, this.#tables, this.#o.settings.topic));
    return this.#ends.every(e => (positions.get(e.partition) ?? 0) >= e.end);
  }

  #progress(prepared: PreparedBatch): void {
    this.#done += prepared.batch.messages.length;
    this.#o.onProgress?.({ ...this.#counts, done: this.#done, total: this.#total });
  }

  #done = 0;
  get #total(): number {
    return this.#ends.reduce((n, e) => n + e.end, 0);
  }

  async #merge(): Promise<void> {
    const result = await this.#side.use(db => mergeUsers(db, this.#tables));
    if (result.staged > 0) this.#o.log.info(result, 'merged users');
  }

  async #syncDrops(): Promise<void> {
    await this.#side.use(db => syncDrops(db, this.#tables, this.#o.kafka, this.#o.settings.topic));
  }

  async #show(): Promise<void> {
    const positions = await this.#side.use(db => readPositions(db, this.#tables, this.#o.settings.topic));
    await this.#consumer.showPositions([...positions].map(([partition, offset]) => ({ partition, offset })));
  }

  /** The stall watchdog: a partition of ours whose end moves on while its position stands still, although both servers answer. */
  #watch(): () => Promise<void> {
    const { settings } = this.#o;
    const since = new Map<number, { position: number; at: number }>();
    return async () => {
      const offsets = await topicOffsets(this.#admin, settings.topic);
      const positions = await this.#side.use(db => readPositions(db, this.#tables, settings.topic));
      const now = Date.now();
      const mine = new Set(this.#consumer.partitions);
      for (const { partition, end } of offsets) {
        const position = positions.get(partition) ?? 0;
        const last = since.get(partition);
        if (!mine.has(partition) || position >= end || last?.position !== position || this.#postgres.away || this.#kafkaState.away) {
          since.set(partition, { position, at: now });
        } else if (now - last.at > settings.stallTimeout) {
          throw new StalledError(`partition ${partition} stands at offset ${position} of ${end} for ${Math.round((now - last.at) / 1000)} s although Kafka and Postgres answer`, {
            hint: 'start the worker again; if it comes back, run with --log-level debug',
          });
        }
      }
    };
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
      this.#loader?.destroy();
      this.#side.destroy();
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
    const deadline = this.#o.settings.shutdownTimeout * 0.8;
    await Promise.all([this.#consumer?.stop(deadline), atMost(deadline, Promise.resolve(this.#loading)), atMost(deadline, this.#admin.disconnect())]);
    await Promise.all([this.#loader?.end(), this.#side.end()]);
  }
}

/** kafkajs' own errors that pass by themselves; those of Postgres have been waited out below. */
function isKafkaTrouble(error: unknown): boolean {
  return error instanceof Error && (error.name.startsWith('KafkaJS') || error instanceof TypeError) && isKafkaOutage(error);
}
