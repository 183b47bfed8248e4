/** Loads the topic into the copy once more, through the very stages that loaded it the first time. */
import { InterruptedError, InvariantError } from '../../shared/errors.js';
import type { Kafka } from '../../shared/kafka.js';
import { isKafkaOutage } from '../../shared/kafka-outage.js';
import { type ServiceState, throughOutages, unlessAborted } from '../../shared/outage.js';
import type { Settings } from '../../shared/settings.js';
import { TopicReader } from '../intake/topic-reader.js';
import { Loader, type LoadResult } from '../load/loader.js';
import type { Positions } from '../load/positions.js';
import type { Tables } from '../schema/tables.js';
import { REPLAYER } from './copy-schema.js';

export interface ReplayOptions {
  /** The copy. */
  tables: Tables;
  settings: Settings;
  databaseUrl: string;
  kafka: Kafka;
  kafkaState: ServiceState;
  postgres: ServiceState;
  topicId: string;
  version: string;
  signal: AbortSignal;
  /** Where the copy stands: at the first offset that each partition still has. */
  from: Positions;
  /** Told how many messages were replayed by one batch. */
  onMessages: (count: number) => void;
}

export class Replay {
  /** Next offset by partition: what lies before is in the copy. */
  readonly positions: Positions;
  readonly #reader: TopicReader;
  readonly #loader: Loader;

  constructor(readonly options: ReplayOptions) {
    const { settings, kafka, kafkaState, signal } = options;
    this.positions = new Map(options.from);
    this.#reader = new TopicReader({
      kafka,
      topic: settings.topic,
      from: options.from,
      stallTimeout: settings.stallTimeout,
      signal,
      patiently: work => throughOutages(kafkaState, isKafkaOutage, signal, () => unlessAborted(work(), signal)),
    });
    this.#loader = new Loader({
      databaseUrl: options.databaseUrl,
      target: { tables: options.tables, topic: settings.topic, topicId: options.topicId, worker: REPLAYER, version: options.version },
      postgres: options.postgres,
      maxDepth: settings.maxDepth,
      signal,
    });
  }

  /** For what else is to be done in the copy by itself, in transactions of its own. */
  get link() {
    return this.#loader.link;
  }

  /**
   * Replays on to exactly these offsets; partitions that stand there or beyond stay.
   *
   * @throws InterruptedError on the signal
   */
  async to(limits: Positions): Promise<void> {
    const { settings, signal } = this.options;
    let loading: Promise<LoadResult> = Promise.resolve(null);
    for (;;) {
      // while a batch is being loaded the next one is made, as a worker does it
      const batch = await this.#reader.next(limits, settings.batchOrders, settings.batchBytes);
      if (batch === null) break;
      const prepared = await this.#loader.prepare(batch);
      await loading;
      if (signal.aborted) break;
      loading = this.#loader.load(prepared).then(result => {
        if (result === null) throw new InvariantError('somebody else has written into the copy of the tables', { hint: 'run it again' });
        for (const s of batch.segments) this.positions.set(s.partition, s.to);
        this.options.onMessages(batch.messages.length);
        return result;
      });
      loading.catch(() => {}); // reported by the next await
    }
    await loading;
    if (signal.aborted)
      throw new InterruptedError('interrupted while the topic was replayed', { hint: 'nothing has changed; run it again' });
  }

  /** Cuts the connections at once. */
  destroy(): void {
    this.#loader.destroy();
  }

  async close(): Promise<void> {
    await Promise.all([this.#reader.close(), this.#loader.end()]);
  }
}
