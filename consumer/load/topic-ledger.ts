/** The ledger of a batch of the topic: the positions first, then books, rejects and the batch itself. */
import { ServiceError } from '../../shared/errors.js';
import type { MessageBatch } from '../intake/batch.js';
import type { Tables } from '../schema/tables.js';
import { addCompared, readLastIndexes, tally, writeBooks } from './books.js';
import { compareBypassed } from './compare-bypassed.js';
import type { Database } from './database.js';
import { writeFieldCounts } from './drop-fields.js';
import { type BatchOutcome, type Ledger, type LoadCounts, sum } from './ledger.js';
import { checkMoved, movePositions, readPositions, wasLoadedBy } from './positions.js';
import { settleLate, writeRejects } from './rejects.js';

export interface LoadTarget {
  tables: Tables;
  topic: string;
  topicId: string;
  /** Who loads, and with which version: for the batches table. */
  worker: string;
  version: string;
}

export class TopicLedger implements Ledger {
  constructor(readonly target: LoadTarget) {}

  get tables(): Tables {
    return this.target.tables;
  }

  claim(db: Database, batch: MessageBatch): Promise<boolean> {
    const { tables, topic, topicId } = this.target;
    return movePositions(db, tables, topic, topicId, batch.segments);
  }

  async enter(db: Database, batch: MessageBatch, { outcomes, rejected, fields }: BatchOutcome): Promise<LoadCounts> {
    const { tables, topic, worker, version } = this.target;
    const { entries, repeats, late } = tally(outcomes, await readLastIndexes(db, tables, outcomes));
    addCompared(
      entries,
      await compareBypassed(
        db,
        tables,
        outcomes.filter((_, at) => !repeats.has(at)),
      ),
    );
    await writeBooks(db, tables, entries);
    await writeFieldCounts(db, tables, topic, fields.all());
    await writeRejects(
      db,
      tables,
      topic,
      rejected.filter(r => !repeats.has(r.at)),
    );
    if (late.length > 0) {
      const settled = await settleLate(
        db,
        tables,
        late.map(at => outcomes[at]),
      );
      await writeBooks(db, tables, settled);
    }
    await db.query(
      `INSERT INTO ${tables.batches} (topic, partition, from_offset, to_offset, messages, worker, version)
       SELECT $1, *, $6, $7 FROM unnest($2::int[], $3::bigint[], $4::bigint[], $5::int[])`,
      [
        topic,
        batch.segments.map(s => s.partition),
        batch.segments.map(s => s.from),
        batch.segments.map(s => s.to),
        batch.segments.map(s => s.messages),
        worker,
        version,
      ],
    );
    return sum(entries);
  }

  async wasEntered(db: Database, batch: MessageBatch): Promise<boolean> {
    const { tables, topic, worker } = this.target;
    await checkMoved(db, tables, topic);
    const positions = await readPositions(db, tables, topic);
    if (positions.size === 0)
      throw new ServiceError('the positions are gone from the database', {
        hint: 'was it emptied? start the worker again',
      });
    const ours = await wasLoadedBy(db, tables, topic, worker, batch.segments);
    return ours && batch.segments.every(s => positions.get(s.partition) === s.to);
  }
}
