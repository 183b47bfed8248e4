/** Which rejects are tried again or exported, and their messages as they came. */
import { UsageError } from '../../shared/errors.js';
import { type MessageBatch, messageOf } from '../intake/batch.js';
import type { Database } from '../load/database.js';
import type { ChosenReject } from '../load/reject-ledger.js';
import type { Tables } from '../schema/tables.js';
import type { ExportedReject } from './reject-lines.js';

/** All conditions hold together; none means all orders that are rejected now. */
export interface RejectChoice {
  /** In decimal. */
  ids?: string[];
  /** Rejection code. */
  reason?: string;
  drop?: string;
}

/** A chosen reject with the bytes that its message takes in memory. */
export type SizedReject = ChosenReject & { bytes: number };

/**
 * The chosen orders that are still rejected, by id. Of ids that were given, those that are settled are left out: nothing is to be done about them.
 *
 * @param mended what to load in place of the bytes delivered, by id
 * @throws UsageError when an id is not that of a rejected order of this topic
 */
export async function chooseRejects(
  db: Database,
  tables: Tables,
  topic: string,
  choice: RejectChoice,
  mended: ReadonlyMap<string, Buffer> = new Map(),
): Promise<SizedReject[]> {
  if (choice.ids !== undefined) await checkIds(db, tables, topic, choice.ids);
  const { rows } = await db.query(
    `SELECT id, tries, coalesce(length(value), 0) AS bytes FROM ${tables.rejects}
      WHERE topic = $1 AND kind = 'order' AND settled IS NULL AND NOT forgotten AND ($2::bigint[] IS NULL OR id = ANY($2)) AND ($3::text IS NULL OR code = $3)
        AND ($4::text IS NULL OR drop_id = $4) ORDER BY id`,
    [topic, choice.ids ?? null, choice.reason ?? null, choice.drop ?? null],
  );
  return rows.map(r => {
    const bytes = mended.get(r.id) ?? null;
    return { id: r.id, tries: Number(r.tries), mended: bytes, bytes: bytes?.length ?? Number(r.bytes) };
  });
}

async function checkIds(db: Database, tables: Tables, topic: string, ids: string[]): Promise<void> {
  const { rows } = await db.query(`SELECT id, kind, forgotten FROM ${tables.rejects} WHERE topic = $1 AND id = ANY($2::bigint[])`, [
    topic,
    ids,
  ]);
  const kinds = new Map(rows.map(r => [r.id as string, r.kind as string]));
  const gone = rows.find(r => r.forgotten === 't');
  if (gone !== undefined)
    throw new UsageError(`reject ${gone.id} is of a user who was forgotten, and its bytes are gone`, { hint: 'leave it out' });
  for (const id of ids) {
    if (!kinds.has(id)) throw new UsageError(`there is no reject ${id}`, { hint: 'glossier rejects list shows them' });
    if (kinds.get(id) === 'file')
      throw new UsageError(`reject ${id} is a broken file, of which no order is kept`, { hint: 'load a drop with the file mended' });
  }
}

/** Reads the messages of these rejects; those that somebody else has tried since they were chosen are left out. */
export async function readRejects(
  db: Database,
  tables: Tables,
  chosen: readonly ChosenReject[],
): Promise<{ rejects: ChosenReject[]; batch: MessageBatch }> {
  const { rows } = await db.query(
    `SELECT id, drop_id, file, order_index, month, partition, record_offset, encode(value, 'base64') AS value FROM ${tables.rejects}
       JOIN unnest($1::bigint[], $2::int[]) AS n (id, tries) USING (id, tries) WHERE settled IS NULL AND NOT forgotten ORDER BY id`,
    [chosen.map(r => r.id), chosen.map(r => r.tries)],
  );
  const byId = new Map(chosen.map(r => [r.id, r]));
  const rejects = rows.map(r => byId.get(r.id)!);
  const messages = rows.map((r, i) => {
    const place = r.drop_id === '' ? null : { drop: r.drop_id, file: r.file, index: Number(r.order_index), month: r.month };
    return messageOf(Number(r.partition), Number(r.record_offset), rejects[i].mended ?? bytesOf(r.value), place);
  });
  return { rejects, batch: { messages, segments: [], bytes: 0, reason: 'orders', generation: 0 } };
}

/** The same rejects with their bytes and reasons, to be written to a file. */
export async function readForExport(db: Database, tables: Tables, chosen: readonly ChosenReject[]): Promise<ExportedReject[]> {
  const { rows } = await db.query(
    `SELECT id, code, path, reason, encode(value, 'base64') AS value FROM ${tables.rejects} WHERE id = ANY($1::bigint[]) ORDER BY id`,
    [chosen.map(r => r.id)],
  );
  return rows.map(r => ({ id: r.id, code: r.code, path: r.path, reason: r.reason, value: bytesOf(r.value) }));
}

function bytesOf(base64: string | null): Buffer | null {
  return base64 === null ? null : Buffer.from(base64, 'base64');
}

/** Cuts a list by orders and bytes, as batches of the topic are cut; at least one each, however large. */
export function* parts(chosen: readonly SizedReject[], maxOrders: number, maxBytes: number): Generator<SizedReject[]> {
  let part: SizedReject[] = [];
  let bytes = 0;
  for (const reject of chosen) {
    if (part.length > 0 && (part.length >= maxOrders || bytes + reject.bytes > maxBytes)) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(reject);
    bytes += reject.bytes;
  }
  if (part.length > 0) yield part;
}
