/** What a worker knows of its own state, for whoever asks while it runs; and the watchdog, which judges by the same looks. */
import { StalledError } from '../shared/errors.js';
import type { TopicOffsets } from '../shared/kafka.js';
import type { ServiceState } from '../shared/outage.js';
import { Freshness } from './freshness.js';
import type { Breaker } from './load/breaker.js';
import type { Positions } from './load/positions.js';
import { StallWatch } from './stall-watch.js';

/** What a look at the topic and the tables found. */
export interface TopicLook {
  /** When the broker was about to be asked, by the clock in milliseconds. */
  at: number;
  offsets: TopicOffsets[];
  positions: Positions;
  /** Partitions of this worker. */
  mine: ReadonlySet<number>;
}

/** Milliseconds by which the watchdog's own round may be late before it counts as hanging. */
const LATE = 30_000;

export class WorkerView {
  readonly freshness = new Freshness();
  /** The last one. */
  topic: TopicLook | null = null;
  /** When Kafka last answered a look. */
  kafkaAnswered = 0;
  stopping = false;
  breaker: Breaker | undefined;
  consumer: { readonly joined: boolean } | undefined;
  #stalled = false;
  #failed = false;
  readonly #watch: StallWatch;

  /** @param name by which the batches that it loads are told */
  constructor(
    readonly name: string,
    readonly postgres: ServiceState,
    readonly kafka: ServiceState,
    readonly stallTimeout: number,
  ) {
    this.#watch = new StallWatch(stallTimeout);
  }

  /**
   * @param excused true while there is a known reason to stand still
   * @throws StalledError when a partition of this worker stands still
   */
  looked(look: TopicLook, excused: boolean): void {
    this.topic = look;
    this.freshness.look(look.at, look.offsets, look.positions);
    this.#watch.look(Date.now(), look.mine, look.offsets, look.positions, excused);
  }

  failed(error: unknown): void {
    this.#failed = true;
    this.#stalled ||= error instanceof StalledError;
  }

  /** Why this process makes no progress and will make none, in words; null while it does, or has a reason to wait. */
  dead(now: number): string | null {
    if (this.#stalled) return 'a partition stands still although Kafka and Postgres answer';
    if (this.#failed) return 'the worker has failed and is ending';
    // while a server is away the watchdog waits for it as everybody does
    const waits = this.postgres.away || this.kafka.away || this.stopping;
    if (this.topic !== null && !waits && now - this.topic.at > this.stallTimeout + LATE) return 'the watchdog itself hangs';
    return null;
  }
}
