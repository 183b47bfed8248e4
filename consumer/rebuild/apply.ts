/** Brings the tables to the copy's state within one transaction, row by row where they differ: no reader waits, and nothing is made anew. */
import { InvariantError } from '../../shared/errors.js';
import type { Database } from '../load/database.js';
import { quote, type Tables } from '../schema/tables.js';
import { applyStatements, isDifferent, LONG, type PartDone, type TableDifference } from './difference.js';
import { BATCH_COLUMNS, type Relation } from './relations.js';

/**
 * Applies what findDifferences found, within its transaction. Rows are removed from the last relation to the first, and added from the
 * first to the last.
 *
 * @throws InvariantError when a trigger or rule swallows rows
 */
export async function applyDifferences(
  db: Database,
  relations: readonly Relation[],
  found: readonly TableDifference[],
  told: PartDone = async () => {},
): Promise<void> {
  const total = found.filter(isDifferent).length;
  let done = 0;
  if (total > 0) await told(0, total);
  const run = async (at: number, what: 'remove' | 'change' | 'add', rows: number) => {
    if (rows === 0) return;
    const { rowCount } = await db.query(applyStatements(relations[at], at)[what], undefined, LONG);
    if (rowCount !== rows)
      throw new InvariantError(`${relations[at].name} took ${rowCount} row(s) of ${rows}`, { hint: 'is there a trigger or a rule on it?' });
  };
  for (let at = relations.length - 1; at >= 0; at--) await run(at, 'remove', found[at].removed);
  for (let at = 0; at < relations.length; at++) {
    await run(at, 'change', found[at].changed);
    await run(at, 'add', found[at].added);
    if (isDifferent(found[at])) await told(++done, total);
  }
}

/**
 * Which offsets were loaded together: the present rows stay where they cover what the copy covers, with as many messages. Elsewhere the
 * copy's take their place.
 */
export async function applyBatches(db: Database, live: Tables, copy: Tables): Promise<void> {
  const sums = (
    t: Tables,
  ) => `SELECT topic, partition, min(from_offset) AS first, max(to_offset) AS last, sum(to_offset - from_offset) AS covered,
    sum(messages) AS n FROM ${t.batches} GROUP BY 1, 2`;
  const stale = quote('stale_batches');
  await db.query(
    `CREATE TEMP TABLE ${stale} ON COMMIT DROP AS SELECT topic, partition FROM (${sums(live)}) l FULL JOIN (${sums(copy)}) c USING (topic, partition)
      WHERE (l.first, l.last, l.covered, l.n) IS DISTINCT FROM (c.first, c.last, c.covered, c.n)`,
  );
  await db.query(`DELETE FROM ${live.batches} b USING ${stale} s WHERE b.topic = s.topic AND b.partition = s.partition`, undefined, LONG);
  const columns = BATCH_COLUMNS.join(', ');
  await db.query(
    `INSERT INTO ${live.batches} (${columns}) SELECT ${columns} FROM ${copy.batches} JOIN ${stale} USING (topic, partition)`,
    undefined,
    LONG,
  );
}
