/** Waiting out an outage: capped backoff with jitter, one log line when it begins and one when it ends, and a deadline. */
import { setTimeout as sleep } from 'node:timers/promises';
import { InterruptedError, oneLine, ServiceError } from './errors.js';
import type { Logger } from './log.js';

const FIRST_WAIT = 100;
const LONGEST_WAIT = 5000;

/** Whether a server is thought to be there. Shared by all connections to it, so that each change is logged once. */
export class ServiceState {
  /** When the outage began, by the clock in milliseconds; 0 while the service is there. */
  #since = 0;
  #told = false;

  /**
   * @param name as a sentence begins with it: `Postgres`
   * @param deadline milliseconds for which it may be away
   * @param quiet milliseconds after which an outage is worth a line: a topic that was just made has no leader for a moment
   */
  constructor(
    readonly name: string,
    readonly log: Logger,
    readonly deadline: number,
    readonly quiet = 1500,
  ) {}

  get away(): boolean {
    return this.#since > 0;
  }

  /**
   * Notes a failure.
   *
   * @param patience milliseconds for this kind of failure, where it is not the service's deadline
   * @throws ServiceError when the outage has lasted beyond it
   */
  failed(error: unknown, patience = this.deadline): void {
    const now = Date.now();
    if (this.#since === 0) this.#since = now;
    if (!this.#told && now - this.#since >= this.quiet) {
      this.#told = true;
      this.log.warn({ reason: oneLine(error) }, `${this.name} is away, waiting`);
    }
    if (now - this.#since >= patience) {
      throw new ServiceError(`${this.name} has been away for ${Math.round((now - this.#since) / 1000)} s: ${oneLine(error)}`, {
        cause: error,
      });
    }
  }

  succeeded(): void {
    if (this.#since === 0) return;
    if (this.#told) this.log.info({ seconds: Math.round((Date.now() - this.#since) / 1000) }, `${this.name} is back`);
    this.#since = 0;
    this.#told = false;
  }
}

/**
 * Runs `work` until it succeeds, waiting between failures.
 *
 * @param patience is this failure to be waited out: false to throw it on, true for as long as the service may be away, or milliseconds
 * @throws what `work` threw where it is no outage; ServiceError when the outage lasts beyond the deadline; InterruptedError on the signal
 */
export async function throughOutages<T>(
  service: Pick<ServiceState, 'name' | 'failed' | 'succeeded'>,
  patience: (error: unknown) => boolean | number,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      const result = await work();
      service.succeeded();
      return result;
    } catch (error) {
      const wait = patience(error);
      if (wait === false) throw error;
      if (signal?.aborted) throw new InterruptedError(`interrupted while waiting for ${service.name}`, { cause: error });
      service.failed(error, wait === true ? undefined : wait);
      await pause(backoff(attempt), signal);
    }
  }
}

/** Milliseconds before try number `attempt` + 1: doubling, capped, with jitter so that workers do not come back all at once. */
export function backoff(attempt: number): number {
  return Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.min(attempt, 10)) * (0.5 + Math.random() / 2);
}

/** Sleeps, and wakes early when the signal fires. Never throws. */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch(() => {});
}

/** Waits for `work`, but `milliseconds` at the most; what becomes of it is not asked. Leaves no timer behind that would keep the process. */
export async function atMost(milliseconds: number, work: Promise<unknown>): Promise<void> {
  const late = new AbortController();
  const settled = work.then(
    () => {},
    () => {},
  );
  await Promise.race([settled, pause(milliseconds, late.signal)]);
  late.abort();
}

/** What `work` comes to, unless the signal fires first: then InterruptedError at once, and what becomes of `work` is not asked. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => {});
  let onAbort!: () => void;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(new InterruptedError('interrupted'));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
