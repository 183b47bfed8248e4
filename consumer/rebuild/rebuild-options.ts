/** What a rebuild is asked for, and whom it tells. */
import type { RunOptions } from '../run-options.js';
import type { Until } from './into.js';
import type { RebuildStep } from './progress.js';

export interface RebuildOptions extends RunOptions {
  /** Go on although the topic does not go back to its first message. */
  acceptGap: boolean;
  /** Go on although the tables were filled from another topic or incarnation: what only that brought is removed. */
  acceptTopic: boolean;
  /** Compare alone; nothing is changed. */
  dryRun: boolean;
  /** `YYYY_MM`: only what belongs to the orders of this month. */
  month?: string;
  /** The tables as they were then, in a schema of their own; the present ones are left alone. */
  past?: { until: Until; into: string };
  /** A line about what happens now. */
  onStep: (text: string) => void;
  onProgress: (step: RebuildStep, done: number, total: number) => void;
}
