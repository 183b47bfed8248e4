/** A worker's part in forgetting: it carries out what it may, and says once what it may not. */
import type { Logger } from '../../shared/log.js';
import type { Link } from '../load/link.js';
import { reactionTo } from '../load/sqlstate.js';
import type { Tables } from '../schema/tables.js';
import { forgetEntered } from './forget-users.js';

export class Forgetting {
  #said = false;

  constructor(
    readonly link: Link,
    readonly tables: Tables,
    readonly log: Logger,
  ) {}

  /** What is loaded from now on is loaded without those users in any case, so nothing here stops a worker. */
  async carryOut(): Promise<void> {
    try {
      const rows = await this.link.use(db => forgetEntered(db, this.tables));
      if (rows === 'denied')
        this.#waits(
          'users wait to be forgotten, whose rows this user may not change: run `glossier forget waiting` as the owner of the tables',
        );
      else if (rows !== null) this.log.info(rows, 'carried out requests to forget users');
    } catch (error) {
      // a CHECK that wants an email, say: somebody is to lift it
      if (reactionTo(error) !== 'data') throw error;
      this.#waits('users wait to be forgotten, and a rule on the tables refuses it: `glossier forget waiting` says which');
    }
  }

  #waits(words: string): void {
    if (!this.#said) this.log.warn(words);
    this.#said = true;
  }
}
