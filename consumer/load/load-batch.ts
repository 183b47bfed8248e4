/**
 * One batch, one transaction: position, registry, month tables, line items, user staging, books, rejects.
 *
 * The order matters. The claim on the position goes first: its row lock fences off every other owner before a row is written. The registry goes
 * before the tables, so that a known order is noticed early. COPY goes straight into the keyed tables, without a staging
 * table between: a batch of new orders, the daily case, pays for nothing else, and a known one ends in a unique violation.
 */
import { errorCode, InvariantError } from '../../shared/errors.js';
import type { MessageBatch } from '../intake/batch.js';
import { copyStatement, LINE_ITEM_COLUMNS, ORDER_COLUMNS, REGISTRY_COLUMNS, STAGING_COLUMNS, type Tables } from '../schema/tables.js';
import { CopyText } from '../transform/copy-text.js';
import type { RowSet } from '../transform/order-rows.js';
import type { Database } from './database.js';
import type { BatchOutcome, Ledger, LoadCounts } from './ledger.js';
import { endStuckWorkers } from './stuck-workers.js';

const LOCK_TIMEOUT = '55P03';

/** Users are to be forgotten of whom the rows of the batch do not know: they are made anew. */
export class ForgottenSince extends Error {}

/**
 * Loads a batch and commits.
 *
 * @param forgottenUpTo number of the last request to forget a user that the rows were made by
 * @param write writes the rows, and says what became of each message
 * @param onCommit told the counts before COMMIT, as its answer may be lost
 * @returns the counts, or null when the batch could not be claimed: nothing was changed then
 * @throws ForgottenSince before anything is changed; whatever Postgres says; the transaction is rolled back, unless the error came from COMMIT: then it may have happened
 */
export async function loadBatch(
  db: Database,
  tables: Tables,
  ledger: Ledger,
  batch: MessageBatch,
  forgottenUpTo: number,
  write: () => Promise<BatchOutcome>,
  onCommit: (counts: LoadCounts) => void = () => {},
): Promise<LoadCounts | null> {
  let committing = false;
  try {
    // the lock is held to the end: who is to be forgotten is entered before this transaction or behind it
    const begun = await db.query(
      `BEGIN; SET LOCAL lock_timeout = '5s'; LOCK TABLE ${tables.forgottenUsers} IN ROW SHARE MODE; SELECT coalesce(max(no), 0) AS last FROM ${tables.forgottenUsers}`,
    );
    if (Number((begun as unknown as { rows: { last: string }[] }[])[3].rows[0].last) !== forgottenUpTo) {
      await db.rollback();
      throw new ForgottenSince();
    }
    const claimed = await ledger.claim(db, batch).catch(async error => {
      await db.rollback();
      if (errorCode(error) === LOCK_TIMEOUT) await endStuckWorkers(db, ledger.tables);
      throw error;
    });
    if (!claimed) {
      await db.rollback();
      return null;
    }
    await db.query("SET LOCAL lock_timeout = '20s'");
    const counts = await ledger.enter(db, batch, await write());
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

/** Writes the rows of a batch, or of a part of it. */
export async function writeRows(db: Database, tables: Tables, rows: RowSet): Promise<void> {
  await copy(db, tables.knownOrders, REGISTRY_COLUMNS, rows.registry);
  await copy(db, tables.knownOrders, [...REGISTRY_COLUMNS, 'forgotten'], rows.forgotten);
  for (const month of [...rows.months.keys()].sort()) await copy(db, tables.month(month), ORDER_COLUMNS, rows.months.get(month)!);
  await copy(db, tables.lineItems, LINE_ITEM_COLUMNS, rows.lineItems);
  const staging = new CopyText();
  rows.users.write(staging);
  await copy(db, tables.userStaging, STAGING_COLUMNS, staging);
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
