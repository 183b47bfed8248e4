/** Users who are to be forgotten since a replay began: its copy may have them as they were delivered. */
import type { ForgetRecord } from '../../shared/drop-record.js';
import { enterRequests, forgetRows } from '../forget/forget-users.js';
import type { Database } from '../load/database.js';
import { readForgotten } from '../load/forgotten-users.js';
import type { Tables } from '../schema/tables.js';

export class ForgetInCopy {
  /** Number of the last request that the whole of the copy knows of. */
  #upTo = 0;

  constructor(readonly live: Tables) {}

  /** Before the first message is replayed: whoever is entered by now is left out by the replay itself. */
  async begin(db: Database): Promise<void> {
    this.#upTo = (await readForgotten(db, this.live)).upTo;
  }

  /** @param requests to be entered first */
  async catchUp(db: Database, requests: readonly ForgetRecord[]): Promise<void> {
    await enterRequests(db, this.live, requests);
    const { users, upTo } = await readForgotten(db, this.live);
    if (upTo !== this.#upTo) await forgetRows(db, this.live.copy, users); // nobody reads the copy: no transaction
    this.#upTo = upTo;
  }
}
