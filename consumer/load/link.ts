/** A connection to Postgres that is made anew when it was lost. */
import { errorCode } from '../../shared/errors.js';
import { backoff, pause, ServiceState, throughOutages } from '../../shared/outage.js';
import { Database } from './database.js';
import { reactionTo } from './sqlstate.js';

/** Milliseconds for which a fault that only a person can mend is waited out once everything had worked. */
const PATIENCE_WITH_PEOPLE = 60_000;
/** Milliseconds, by a look at each try, of a missing right: granted again within one transaction, it is never gone for longer, and one that was never there shows late. */
const PATIENCE_WITH_RIGHTS = 2_000;
const MISSING_RIGHT = '42501';
/** Codes of a server that answers and cannot: no room on disk, in memory or for connections; an I/O error; read-only. */
const CANNOT = /^(53|58|25006)/;

export class Link {
  /** True while somebody else's lock or transaction is in the way. */
  waitingForLock = false;
  #worked = false;
  /**
   * A server that answers and cannot write is away for who writes, and there for all others: what another connection reads meanwhile must not end
   * this outage, or it would last for ever without a word, as one of a full disk did.
   */
  readonly #unable: ServiceState;
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
  ) {
    this.#unable = new ServiceState(postgres.name, postgres.log, postgres.deadline, postgres.quiet);
  }

  /** True while somebody else's lock or transaction is in the way, or the server answers and cannot write. */
  get waits(): boolean {
    return this.waitingForLock || this.#unable.away;
  }

  /** Runs `work` on the connection; when the server is away or another transaction is in the way, waits and runs it again from its start. */
  use<T>(work: (db: Database) => Promise<T>): Promise<T> {
    const mine = this.#turn.then(() => this.#use(work));
    this.#turn = mine.catch(() => {});
    return mine;
  }

  #use<T>(work: (db: Database) => Promise<T>): Promise<T> {
    const { name } = this.postgres;
    return throughOutages(
      { name, failed: (...failure) => this.#failed(...failure), succeeded: () => this.#succeeded() },
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

  #failed(error: unknown, patience?: number): void {
    (CANNOT.test(errorCode(error) ?? '') ? this.#unable : this.postgres).failed(error, patience);
  }

  #succeeded(): void {
    this.postgres.succeeded();
    this.#unable.succeeded();
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
