/** A topic that says that it was moved: the positions of this database follow within the transaction that is under way, or they are another's. */
import type { Link } from '../load/link.js';
import { checkMoved, movedOn } from '../load/positions.js';
import type { Tables } from '../schema/tables.js';

/** Milliseconds for which the move of this database's positions may be under way: producers are told just before its COMMIT. */
const UNDER_WAY = 60_000;

export class MoveWatch {
  #since: number | null = null;

  constructor(
    readonly link: Link,
    readonly tables: Tables,
    readonly topic: string,
  ) {}

  /**
   * @returns whether the topic says so, and it is not yet settled what that means here
   * @throws TopicError when the positions were moved, or were not within a minute
   */
  async look(movedTo: string | null): Promise<boolean> {
    if (movedTo === null) {
      this.#since = null;
      return false;
    }
    await this.link.use(db => checkMoved(db, this.tables, this.topic));
    this.#since ??= performance.now();
    if (performance.now() - this.#since > UNDER_WAY) throw movedOn(this.topic, movedTo);
    return true;
  }
}
