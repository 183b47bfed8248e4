/**
 * One batch, one transaction: position, registry, month tables, line items, user staging, books, rejects.
 *
 * The order matters. The position goes first: its row lock fences off every other owner before a row is written. The registry goes
 * before the tables, so that a known order is noticed early. COPY goes straight into the keyed tables, without a staging
 * table between: a batch of new orders, the daily case, pays for nothing else, and a known one ends in a unique violation.
 */
import { errorCode, InvariantError } from '../../shared/errors.js';
import type { MessageBatch } from '../intake/batch.js';
import { copyStatement, LINE_ITEM_COLUMNS, ORDER_COLUMNS, REGISTRY_COLUMNS, STAGING_COLUMNS, type Tables } from '../schema/tables.js';
import type { BatchRows } from '../transform/batch-rows.js';
import { CopyText } from '../transform/copy-text.js';
import { type BookEntry, readLastIndexes, tally, writeBooks } from './books.js';
import type { Database } from './database.js';
import { writeFieldCounts } from './drop-fields.js';
import { movePositions } from './positions.js';
import { writeRejects } from './rejects.js';
import { endStuckWorkers } from './stuck-workers.js';

const LOCK_TIMEOUT = '55P03';

export interface LoadTarget {
  tables: Tables;
  topic: string;
  topicId: string;
  /** Who loads, and with which version: for the batches table. */
  worker: string;
  version: string;
}

export interface LoadCounts {
  loaded: number;
  bypassed: number;
  rejected: number;
  repeated: number;
  lineItems: number;
}

/**
 * Loads a batch and commits.
 *
 * @param onCommit told the counts before COMMIT, as its answer may be lost
 * @returns the counts, or null when the positions were not where the batch begins: nothing was changed then
 * @throws whatever Postgres says; the transaction is rolled back, unless the error came from COMMIT: then it may have happened
 */
export async function loadBatch(
  db: Database,
  target: LoadTarget,
  batch: MessageBatch,
  made: BatchRows,
  onCommit: (counts: LoadCounts) => void = () => {},
): Promise<LoadCounts | null> {
  const { tables, topic } = target;
  const { rows, outcomes } = made;
  let committing = false;
  try {
    await db.query("BEGIN; SET LOCAL lock_timeout = '5s'");
    const moved = await movePositions(db, tables, topic, target.topicId, batch.segments).catch(async error => {
      await db.rollback();
      if (errorCode(error) === LOCK_TIMEOUT) await endStuckWorkers(db);
      throw error;
    });
    if (!moved) {
      await db.rollback();
      return null;
    }
    await db.query("SET LOCAL lock_timeout = '20s'");
    await copy(db, tables.knownOrders, REGISTRY_COLUMNS, rows.registry);
    for (const month of [...rows.months.keys()].sort()) await copy(db, tables.month(month), ORDER_COLUMNS, rows.months.get(month)!);
    await copy(db, tables.lineItems, LINE_ITEM_COLUMNS, rows.lineItems);
    const staging = new CopyText();
    rows.users.write(staging);
    await copy(db, tables.userStaging, STAGING_COLUMNS, staging);
    const { entries, repeats } = tally(outcomes, await readLastIndexes(db, tables, outcomes));
    await writeBooks(db, tables, entries);
    await writeFieldCounts(db, tables, topic, made.fields.all());
    await writeRejects(
      db,
      tables,
      topic,
      made.rejected.filter(r => !repeats.has(r.at)),
    );
    await db.query(
      `INSERT INTO ${tables.batches} (topic, partition, from_offset, to_offset, messages, worker, version)
       SELECT $1, *, $6, $7 FROM unnest($2::int[], $3::bigint[], $4::bigint[], $5::int[])`,
      [
        topic,
        batch.segments.map(s => s.partition),
        batch.segments.map(s => s.from),
        batch.segments.map(s => s.to),
        batch.segments.map(s => s.messages),
        target.worker,
        target.version,
      ],
    );
    const counts = sum(entries);
    onCommit(counts);
    committing = true;
    await db.query('COMMIT');
    return counts;
  } catch (error) {
    if (committing) db.destroy();
    else await db.rollback();
    throw error;
  }
}

/** COPY, and the server's count held against ours: a row that a trigger or rule swallowed must not go unnoticed. */
async function copy(db: Database, relation: string, columns: readonly string[], text: CopyText): Promise<void> {
  if (text.rows === 0) return;
  const taken = await db.copy(copyStatement(relation, columns), text.chunks());
  if (taken !== text.rows)
    throw new InvariantError(`${relation} took ${taken} row(s) of ${text.rows}`, {
      hint: 'is there a trigger or a rule on it?',
    });
}

function sum(entries: BookEntry[]): LoadCounts {
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
