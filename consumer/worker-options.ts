/** What a worker is given and what it tells. */
import type { MessageBatch } from './intake/batch.js';
import type { LoadCounts } from './load/ledger.js';
import type { Committed } from './load/loader.js';
import type { MergeResult } from './merge/merge-users.js';
import type { RunOptions } from './run-options.js';
import type { WorkerView } from './worker-view.js';

export interface WorkerOptions extends RunOptions {
  /** Ends the worker: at once when it also fires with a reason of `now`. */
  signal: AbortSignal;
  /** Load what is in the topic now and end; with a promise, what is in the topic when that is kept. When it breaks the worker ends too. */
  untilDrained?: boolean | Promise<unknown>;
  acceptGap?: boolean;
  /** Go on although most orders are refused for one reason. */
  acceptRejects?: boolean;
  onProgress?: (progress: WorkerProgress) => void;
  observer?: WorkerObserver;
}

/** Somebody who watches a worker. Told once a batch and once a merge, never once an order. */
export interface WorkerObserver {
  /** Before anything else. The view says at any later moment how things are. */
  begins(view: WorkerView): void;
  /** A batch was committed. @param milliseconds since it was taken from what had been fetched */
  loaded(batch: MessageBatch, counts: LoadCounts, committed: Committed, milliseconds: number): void;
  merged(result: MergeResult, milliseconds: number): void;
}

export interface WorkerProgress extends LoadCounts {
  /** Messages that this worker has loaded. */
  done: number;
  /** Messages that were not in the tables when it started; other workers may load some of them. */
  total: number;
}

export interface WorkerResult extends LoadCounts {
  /** Broken files of drops that this worker was the first to tell Postgres of. */
  brokenFiles: number;
}
