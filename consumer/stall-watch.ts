/** The stall watchdog: pure but for its memory of when each position last moved. */
import { StalledError } from '../shared/errors.js';
import type { TopicOffsets } from '../shared/kafka.js';

export class StallWatch {
  readonly #since = new Map<number, { position: number; at: number }>();

  /** @param timeout milliseconds that a position may stand still while its partition has more */
  constructor(readonly timeout: number) {}

  /**
   * Looks at the partitions once.
   *
   * kafkajs can hold a partition, heartbeat, and fetch nothing (its issues 1456, 1616): no session timeout notices that.
   *
   * @param now the clock in milliseconds
   * @param mine partitions of this worker
   * @param excused true while there is a known reason to stand still: a server is away, somebody holds a lock
   * @throws StalledError when a partition of this worker has more to load and its position has not moved for too long
   */
  look(now: number, mine: ReadonlySet<number>, offsets: TopicOffsets[], positions: ReadonlyMap<number, number>, excused: boolean): void {
    for (const { partition, end } of offsets) {
      const position = positions.get(partition) ?? 0;
      const last = this.#since.get(partition);
      if (!mine.has(partition) || position >= end || last?.position !== position || excused)
        this.#since.set(partition, { position, at: now });
      else if (now - last.at > this.timeout) {
        const seconds = Math.round((now - last.at) / 1000);
        throw new StalledError(
          `partition ${partition} stands at offset ${position} of ${end} for ${seconds} s although Kafka and Postgres answer`,
          {
            hint: 'start the worker again; if it comes back, run with --log-level debug',
          },
        );
      }
    }
  }
}
