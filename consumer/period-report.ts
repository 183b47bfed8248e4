/** One line a period of a worker in normal running. Pure but for the log. */
import type { TopicOffsets } from '../shared/kafka.js';
import type { Logger } from '../shared/log.js';
import type { LoadCounts } from './load/ledger.js';
import type { Positions } from './load/positions.js';

export class PeriodReport {
  #before = { read: 0, loaded: 0, bypassed: 0, rejected: 0 };
  #lag: number | null = null;

  /** @param at the clock in milliseconds, when the first period begins */
  constructor(
    readonly log: Logger,
    private at: number,
  ) {}

  /** Notes how much of the topic is not in the tables, whoever is to load it. */
  looked(offsets: readonly TopicOffsets[], positions: Positions): void {
    this.#lag = offsets.reduce((sum, o) => sum + Math.max(0, o.end - (positions.get(o.partition) ?? 0)), 0);
  }

  /**
   * Writes what has come since the last line.
   *
   * @param read messages that this worker has settled since it started
   * @param counts what became of them
   */
  tell(now: number, read: number, { loaded, bypassed, rejected }: LoadCounts): void {
    const sum = { read, loaded, bypassed, rejected };
    const seconds = Math.max(0.001, (now - this.at) / 1000);
    const since = Object.fromEntries(Object.entries(sum).map(([name, n]) => [name, n - this.#before[name as keyof typeof sum]]));
    // seldom are messages waiting and nothing read: another worker loads them, or a server is away, which has a line of its own
    this.log.info({ ...since, lag: this.#lag, rate: Math.round(since.read / seconds) }, since.read > 0 ? 'loading' : 'idle');
    this.#before = sum;
    this.at = now;
  }
}
