/** A connection to Postgres that is made anew when it was lost. */
import { errorCode } from '../../shared/errors.js';
import { backoff, pause, type ServiceState, throughOutages } from '../../shared/outage.js';
import { Database } from './database.js';
import { reactionTo } from './sqlstate.js';

/** Milliseconds for which a fault that only a person can mend is waited out once everything had worked. */
const PATIENCE_WITH_PEOPLE = 60_000;
/** Milliseconds of a missing right: granted again within one transaction, it is never gone for longer, and one that was never there shows late. */
const PATIENCE_WITH_RIGHTS = 5_000;
const MISSING_RIGHT = '42501';

export class Link {
  /** True while somebody else's lock or transaction is in the way. */
  waitingForLock = false;
  #worked = false;
  /** When a right was first missing, by performance.now(); 0 while none is. */
  #deniedSince = 0;
  #db: Database | null = null;
  /** How many times a connection was made: what was learned on an earlier one may be lost, where the server lost its last commits. */
  connections = 0;
  /** Ends when the use before has ended: statements of two uses between each other would share a transaction. */
  #turn: Promise<unknown> = Promise.resolve();

  /** @param name application_name */
  constructor(
    readonly url: string,
    readonly name: string,
    readonly postgres: ServiceState,
    readonly signal: AbortSignal,
  ) {}

  /** Runs `work` on the connection; when the server is away or another transaction is in the way, waits and runs it again from its start. */
  use<T>(work: (db: Database) => Promise<T>): Promise<T> {
    const mine = this.#turn.then(() => this.#use(work));
    this.#turn = mine.catch(() => {});
    return mine;
  }

  #use<T>(work: (db: Database) => Promise<T>): Promise<T> {
    return throughOutages(
      this.postgres,
      error => this.#patience(error),
      this.signal,
      async () => {
        if (this.#db === null || this.#db.ended) {
          this.#db = await Database.connect(this.url, this.name);
          this.connections++;
        }
        return this.#untilFree(this.#db, work);
      },
    );
  }

  /** Another transaction in the way is no outage of the server: a deadlock, a lock that somebody holds. */
  async #untilFree<T>(db: Database, work: (db: Database) => Promise<T>): Promise<T> {
    const since = Date.now();
    this.waitingForLock = false;
    for (let attempt = 0; ; attempt++) {
      try {
        const result = await work(db);
        this.#worked = true;
        this.#deniedSince = 0;
        this.waitingForLock = false;
        return result;
      } catch (error) {
        const reaction = reactionTo(error);
        // an error that left a transaction open must not poison the next use
        if (reaction === 'wait') db.destroy();
        else await db.rollback();
        if (reaction !== 'again' || db.ended || this.signal.aborted || Date.now() - since > this.postgres.deadline) throw error;
        this.waitingForLock = true;
        await pause(backoff(attempt), this.signal);
      }
    }
  }

  #patience(error: unknown): boolean | number {
    const reaction = reactionTo(error);
    if (reaction === 'stop' && errorCode(error) === MISSING_RIGHT && this.#worked) {
      this.#deniedSince ||= performance.now();
      return performance.now() - this.#deniedSince < PATIENCE_WITH_RIGHTS;
    }
    // what has worked before may be under repair: a password changed, a database restored
    if (reaction === 'stop') return this.#worked ? PATIENCE_WITH_PEOPLE : false;
    return reaction === 'wait';
  }

  async end(): Promise<void> {
    await this.#db?.end();
    this.#db = null;
  }

  /** Cuts the connection at once: what it was doing is rolled back by the server. */
  destroy(): void {
    this.#db?.destroy();
  }
}
