/** The ledger of rejects that are tried again: locks them first, then moves the books and marks each with what became of it. */
import type { MessageBatch } from '../intake/batch.js';
import type { Tables } from '../schema/tables.js';
import { addCompared, tallyRetries, writeBooks } from './books.js';
import { compareBypassed } from './compare-bypassed.js';
import type { Database } from './database.js';
import { writeFieldCounts } from './drop-fields.js';
import { forgetRejects } from './forget-rejects.js';
import { readForgotten } from './forgotten-users.js';
import type { BatchOutcome, Ledger, LoadCounts } from './ledger.js';
import { storable } from './rejects.js';

/** A reject as it was when it was chosen to be tried again. */
export interface ChosenReject {
  /** In decimal. */
  id: string;
  /** How often it had been tried: tells, under the lock, whether somebody else has tried it since. */
  tries: number;
  /** What is loaded in place of the bytes delivered; null for these. */
  mended: Buffer | null;
}

export class RejectLedger implements Ledger {
  /** @param rejects of the messages of the batch, in their order */
  constructor(
    readonly tables: Tables,
    readonly topic: string,
    readonly rejects: readonly ChosenReject[],
  ) {}

  /** Compare and set in two steps: what is found here under lock as it was chosen is marked by enter(), so of two retries one does it. */
  async claim(db: Database): Promise<boolean> {
    const { rows } = await db.query(
      `WITH mine AS (SELECT r.id FROM ${this.tables.rejects} r JOIN unnest($1::bigint[], $2::int[]) AS n (id, tries) ON n.id = r.id AND n.tries = r.tries
         WHERE r.settled IS NULL ORDER BY r.id FOR UPDATE OF r)
       SELECT count(*) AS n FROM mine`,
      [this.rejects.map(r => r.id), this.rejects.map(r => r.tries)],
    );
    return Number(rows[0].n) === this.rejects.length;
  }

  async enter(db: Database, _batch: MessageBatch, { outcomes, rejected, fields }: BatchOutcome): Promise<LoadCounts> {
    const entries = tallyRetries(outcomes);
    addCompared(entries, await compareBypassed(db, this.tables, outcomes));
    await writeBooks(db, this.tables, entries);
    await writeFieldCounts(db, this.tables, this.topic, fields.all());
    const refused = new Map(rejected.map(r => [r.at, r]));
    const column = (pick: (r: ChosenReject, at: number) => unknown) => this.rejects.map(pick);
    const settled = (at: number) => (outcomes[at].outcome === 'rejected' ? null : outcomes[at].outcome);
    await db.query(
      `UPDATE ${this.tables.rejects} r SET tries = r.tries + 1, tried_at = now(), settled = n.settled, order_id = coalesce(n.order_id, r.order_id),
         code = coalesce(n.code, r.code), path = coalesce(n.path, r.path), reason = coalesce(n.reason, r.reason), mended = n.mended
       FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bytea[]) AS n (id, settled, order_id, code, path, reason, mended)
       WHERE r.id = n.id`,
      [
        column(r => r.id),
        column((_, at) => settled(at)),
        column((_, at) => refused.get(at)?.orderId || null),
        column((_, at) => refused.get(at)?.rejection.code ?? null),
        column((_, at) => mapText(refused.get(at)?.rejection.path)),
        column((_, at) => mapText(refused.get(at)?.rejection.reason)),
        column((r, at) => (settled(at) === null ? null : r.mended)),
      ],
    );
    // what a person has mended by hand may be of a user who was forgotten meanwhile
    const mended = this.rejects.filter(r => r.mended !== null).map(r => r.id);
    if (mended.length > 0) await forgetRejects(db, this.tables, (await readForgotten(db, this.tables)).users, mended);
    const count = (what: string) => outcomes.filter(o => o.outcome === what).length;
    const lineItems = outcomes.reduce((n, o) => n + o.lineItems, 0);
    return { loaded: count('loaded'), bypassed: count('bypassed'), rejected: count('rejected'), repeated: 0, lineItems };
  }

  /** The rejects themselves tell, and are asked again anyway. */
  async wasEntered(): Promise<boolean> {
    return false;
  }
}

function mapText(text: string | undefined): string | null {
  return text === undefined ? null : storable(text);
}
