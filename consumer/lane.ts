/**
 * A lane of a worker: a share of its partitions, loaded one transaction after the other. Two stages side by side: while a batch is being
 * loaded, the next one is fetched and made into rows.
 */
import { InterruptedError } from '../shared/errors.js';
import type { BatchSize } from './batch-size.js';
import type { MessageBatch } from './intake/batch.js';
import type { OrderConsumer } from './intake/order-consumer.js';
import type { LoadCounts } from './load/ledger.js';
import { type Committed, Loader, type LoaderOptions, type LoadResult, type PreparedBatch } from './load/loader.js';
import type { TopicState } from './topic-state.js';

export interface LaneOptions {
  /** Which of the consumer's lanes this is. */
  lane: number;
  loader: LoaderOptions;
  consumer: OrderConsumer;
  topic: TopicState;
  size: BatchSize;
  /** Milliseconds that an order may wait for others. */
  wait: number;
  stop: AbortSignal;
  /** A batch is in the tables; `milliseconds` since it was taken. */
  onLoaded: (batch: MessageBatch, counts: LoadCounts, committed: Committed | undefined, milliseconds: number) => void;
  /** The positions were not where this worker thought: all that it has fetched is worthless. */
  onOvertaken: (batch: MessageBatch) => void;
}

export class Lane {
  readonly #loader: Loader;
  /** The batch under way. */
  #loading: Promise<LoadResult> | null = null;
  #committed: Committed | undefined;

  constructor(readonly options: LaneOptions) {
    const onCommitted = (committed: Committed) => {
      this.#committed = committed;
    };
    this.#loader = new Loader({ ...options.loader, onCommitted });
  }

  /** Loads batches until the stop. @throws what ends the worker */
  async run(): Promise<void> {
    const { lane, consumer, topic, size, wait, stop } = this.options;
    try {
      while (!stop.aborted) {
        const batch = await consumer.next(lane, size.orders, size.bytes, wait, stop);
        if (batch === null) {
          await this.#settle();
          continue;
        }
        const taken = performance.now();
        const [prepared] = await Promise.all([this.#loader.prepare(batch), topic.check()]);
        await this.#settle();
        if (stop.aborted || batch.generation !== consumer.generation) continue;
        this.#loading = this.#load(prepared, taken);
        this.#loading.catch(() => {}); // reported by #settle, which may come much later
      }
      await this.#settle();
    } catch (error) {
      if (!(error instanceof InterruptedError && stop.aborted)) throw error;
    }
  }

  async #load(prepared: PreparedBatch, taken: number): Promise<LoadResult> {
    this.#committed = undefined;
    const result = await this.#loader.load(prepared);
    if (result === null) {
      this.#loading = null; // the positions are read again when all that is under way has settled, and this has
      this.options.onOvertaken(prepared.batch);
    } else {
      const { reason } = prepared.batch;
      const committed = this.#committed as Committed | undefined; // set meanwhile
      if (committed !== undefined && (reason === 'orders' || reason === 'bytes'))
        this.options.size.settle(committed.transactionMilliseconds, process.memoryUsage.rss());
      this.options.onLoaded(prepared.batch, result, committed, performance.now() - taken);
    }
    return result;
  }

  async #settle(): Promise<void> {
    const loading = this.#loading;
    await loading;
    if (this.#loading === loading) this.#loading = null;
  }

  /** Waits for the batch under way to end one way or the other. */
  async settled(): Promise<void> {
    await this.#loading?.catch(() => {});
  }

  get waits(): boolean {
    return this.#loader.waits;
  }

  /** Cuts the connections: what is under way is rolled back by the server. */
  destroy(): void {
    this.#loader.destroy();
  }

  end(): Promise<void> {
    return this.#loader.end();
  }
}
