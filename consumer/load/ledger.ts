/**
 * What stands around the rows in the transaction of a batch: the claim that fences others off comes first, what became of each message
 * comes last. There are two: messages of the topic (topic-ledger.ts) and rejects that are tried again (reject-ledger.ts).
 */
import type { MessageBatch } from '../intake/batch.js';
import type { Tables } from '../schema/tables.js';
import type { BatchRows } from '../transform/batch-rows.js';
import type { BookEntry } from './books.js';
import type { Database } from './database.js';

export interface LoadCounts {
  loaded: number;
  bypassed: number;
  rejected: number;
  repeated: number;
  lineItems: number;
}

/** What became of the messages of a batch. */
export type BatchOutcome = Pick<BatchRows, 'outcomes' | 'rejected' | 'fields'>;

export interface Ledger {
  readonly tables: Tables;
  /**
   * First in the transaction: locks, to its end, what says that this batch is still to be loaded.
   *
   * @returns false when it is not: somebody was here, or our own COMMIT whose answer was lost
   */
  claim(db: Database, batch: MessageBatch): Promise<boolean>;
  /** Last before COMMIT: books, rejects, and that the batch is done. */
  enter(db: Database, batch: MessageBatch, outcome: BatchOutcome): Promise<LoadCounts>;
  /**
   * After a claim that failed.
   *
   * @returns true when it was this loader that has committed the batch
   */
  wasEntered(db: Database, batch: MessageBatch): Promise<boolean>;
}

/** Adds entries of the books up. */
export function sum(entries: BookEntry[]): LoadCounts {
  const total: LoadCounts = { loaded: 0, bypassed: 0, rejected: 0, repeated: 0, lineItems: 0 };
  for (const e of entries) {
    total.loaded += e.loaded;
    total.bypassed += e.bypassed;
    total.rejected += e.rejected;
    total.repeated += e.repeated;
    total.lineItems += e.lineItems;
  }
  return total;
}
