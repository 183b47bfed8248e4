/** Users who are to be forgotten since a replay began: its copy may have them as they were delivered. */
import type { ForgetRecord } from '../../shared/drop-record.js';
import { enterRequests, forgetRows } from '../forget/forget-users.js';
import type { Database } from '../load/database.js';
import { readForgotten } from '../load/forgotten-users.js';
import type { Tables } from '../schema/tables.js';

/**
 * @param upTo number of the last request that the copy knows of
 * @param requests to be entered first
 * @returns that number now
 */
export async function forgetInCopy(db: Database, live: Tables, upTo: number, requests: readonly ForgetRecord[]): Promise<number> {
  await enterRequests(db, live, requests);
  const forgotten = await readForgotten(db, live);
  if (forgotten.upTo !== upTo) await forgetRows(db, live.copy, [...forgotten.users.keys()]); // nobody reads the copy: no transaction
  return forgotten.upTo;
}
