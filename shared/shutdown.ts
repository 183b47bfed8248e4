/** Signals: the first asks for an orderly stop, the second ends the process at once, as does a stop that takes too long. */
import { removeTemporaryFolders } from './temporary.js';

export interface StopOptions {
  /** Milliseconds that an orderly stop may take. */
  deadline: number;
  onFirst: (signal: NodeJS.Signals) => void;
  onLate: () => void;
}

/** What a late stop adds to the deadline of the parts, so that these can report first. */
const GRACE = 3000;

/**
 * Listens for SIGINT, SIGTERM and SIGHUP. SIGPIPE is left alone: Node turns it into EPIPE, which the writer sees.
 *
 * @returns the signal that fires at the first, and `done` to stop listening
 */
export function stopSignal({ deadline, onFirst, onLate }: StopOptions): { signal: AbortSignal; done: () => void } {
  const controller = new AbortController();
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  let timer: NodeJS.Timeout | undefined;
  const listener = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) {
      removeTemporaryFolders();
      // dying by the signal itself tells the parent the true cause
      for (const n of names) process.removeListener(n, listener);
      process.kill(process.pid, name);
      return;
    }
    onFirst(name);
    controller.abort(name);
    timer = setTimeout(() => {
      onLate();
      process.exit(1);
    }, deadline + GRACE);
    timer.unref();
  };
  for (const name of names) process.on(name, listener);
  return {
    signal: controller.signal,
    done: () => {
      clearTimeout(timer);
      for (const name of names) process.removeListener(name, listener);
    },
  };
}
