/** The rejects of orders, and of orders that were too large, by their place in a drop. */
import { createHash } from 'node:crypto';
import type { OrderMessage } from '../intake/batch.js';
import type { Database } from '../load/database.js';
import type { Tables } from '../schema/tables.js';

export interface RejectAt {
  id: number;
  partition: number | null;
  offset: number | null;
  code: string;
  path: string;
  settled: string | null;
  /** What was loaded in place of the bytes delivered. */
  mended: Buffer | null;
  /** Its bytes are gone with its user; of those that were mended the personal fields are. */
  forgotten: boolean;
  sameBytes(value: Buffer | null): boolean;
}

type ByPlace = ReadonlyMap<string, RejectAt>;

/** @param options which publications of which topic */
export async function readRejectsAt(
  db: Database,
  { rejects }: Tables,
  { topic, drops }: { topic: string; drops: readonly string[] },
  messages: readonly OrderMessage[],
): Promise<ByPlace> {
  if (messages.length === 0) return new Map();
  // the unsettled one of a place goes last, and so is the one that is found
  const { rows } = await db.query(
    `SELECT r.id, r.kind, r.file, r.order_index, r.partition, r.record_offset, r.code, r.path, r.settled, r.forgotten, encode(r.mended, 'base64') AS mended, md5(r.value) AS md5
       FROM ${rejects} r JOIN unnest($3::text[], $4::int[]) AS n (file, order_index) USING (file, order_index)
      WHERE r.topic = $1 AND r.drop_id = ANY($2) AND (r.kind = 'order' OR r.code = 'too_large') ORDER BY r.settled NULLS LAST, r.id DESC`,
    [topic, drops, messages.map(m => m.place!.file), messages.map(m => m.place!.index)],
  );
  const number = (text: string | null) => (text === null ? null : Number(text));
  return new Map(
    rows.map(r => [
      `${r.file}\0${r.order_index}`,
      {
        id: Number(r.id),
        partition: number(r.partition),
        offset: number(r.record_offset),
        code: r.code,
        path: r.path,
        settled: r.settled,
        forgotten: r.forgotten === 't',
        mended: r.mended === null ? null : Buffer.from(r.mended, 'base64'),
        sameBytes: value =>
          r.kind === 'file' ||
          createHash('md5')
            .update(value ?? '')
            .digest('hex') === (r.md5 ?? createHash('md5').digest('hex')),
      },
    ]),
  );
}

export function foundReject(rejects: ByPlace, { place }: OrderMessage): RejectAt | undefined {
  return rejects.get(`${place!.file}\0${place!.index}`);
}
