/** A connection to Postgres that is made anew when it was lost. */
import { type ServiceState, throughOutages } from '../../shared/outage.js';
import { Database } from './database.js';
import { reactionTo } from './sqlstate.js';

export class Link {
  #db: Database | null = null;
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
    const passes = (error: unknown) => reactionTo(error) === 'wait' || reactionTo(error) === 'again';
    return throughOutages(this.postgres, passes, this.signal, async () => {
      if (this.#db === null || this.#db.ended) this.#db = await Database.connect(this.url, this.name);
      const db = this.#db;
      try {
        return await work(db);
      } catch (error) {
        // an error that left a transaction open must not poison the next use
        if (reactionTo(error) === 'wait') db.destroy();
        else await db.rollback();
        throw error;
      }
    });
  }

  /** The server process of the present connection, for a cancel from elsewhere; 0 when there is none. */
  get pid(): number {
    return this.#db === null || this.#db.ended ? 0 : this.#db.pid;
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
