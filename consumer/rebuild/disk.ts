/** Whether the copy will fit, where that can be known: a server on this machine. */
import { stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { ServiceError } from '../../shared/errors.js';
import { grouped } from '../../shared/number-text.js';
import type { Database } from '../load/database.js';

/** Must stay free besides: temporary files of the comparison, the log of what is applied. */
const SPARE = 64 * 1024 * 1024;

/**
 * Holds the size of the present tables against the free space of the server's disk. Says nothing of a server elsewhere, nor of one whose
 * data cannot be seen from here.
 *
 * @throws ServiceError when it clearly will not fit
 */
export async function checkRoom(db: Database, databaseUrl: string): Promise<void> {
  if (!/^(localhost|127\.\d+\.\d+\.\d+|\[?::1\]?|)$/.test(new URL(databaseUrl).hostname)) return;
  const free = await freeBytes(db);
  if (free === null) return;
  const { rows } = await db.query(
    `SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) AS n FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)`,
  );
  const refusal = refusalFor(Number(rows[0].n), free);
  if (refusal !== null) throw refusal;
}

/** Pure. @param tables bytes of the present tables @param free bytes @returns what to say when a copy does not fit */
export function refusalFor(tables: number, free: number): ServiceError | null {
  const needed = tables + SPARE;
  if (needed <= free) return null;
  const mb = (bytes: number) => `${grouped(Math.ceil(bytes / 1e6))} MB`;
  return new ServiceError(`a copy of the tables needs some ${mb(needed)}, and ${mb(free)} are free where Postgres keeps its data`, {
    hint: 'make room and run it again',
  });
}

/** Free where the data of a server of this machine are; null where that cannot be seen. */
export async function freeBytes(db: Database): Promise<number | null> {
  try {
    const { rows } = await db.query('SHOW data_directory');
    await stat(join(rows[0].data_directory, 'PG_VERSION')); // a path of that name may be another machine's
    const disk = await statfs(rows[0].data_directory);
    return disk.bavail * disk.bsize;
  } catch {
    return null;
  }
}
