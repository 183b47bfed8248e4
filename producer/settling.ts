/** Failures that belong to normal running: a topic that has just been made, a broker that has just started, a leader that moves. */
import { pause } from '../shared/outage.js';

const SETTLING = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_FOR_PARTITION',
  'GROUP_LOAD_IN_PROGRESS', // also said of producer ids
]);

const TRIES = 10;
const WAIT = 100;

/** Repeats what fails so for about a second, without a word; if it fails on, it is an outage to tell of. */
export async function whileSettling<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!isSettling(error) || tries === TRIES) throw error;
      await pause(WAIT);
    }
  }
}

/** kafkajs nests the broker's error as the cause. */
function isSettling(error: unknown): boolean {
  const { type, cause } = (error ?? {}) as { type?: unknown; cause?: unknown };
  if (typeof type === 'string' && SETTLING.has(type)) return true;
  return cause !== undefined && cause !== null && cause !== error && isSettling(cause);
}
