/** One connection to Postgres for those who look: read-only, one question after the other, never waited for long. */
import { Database, LostConnection } from '../load/database.js';

/** Milliseconds for a question, the connection that it may need included. */
const DEADLINE = 4000;
/** Milliseconds that a statement may run, so that nothing that was given up goes on in the server. */
const STATEMENT = 3500;
/** Milliseconds in which a Postgres that was silent is not asked again: a page asks five things, one after the other. */
const SILENT_FOR = 3000;
/** Questions that may wait. Those who ask come again. */
const MOST_WAITING = 16;

export class BusyError extends Error {}

export class Reader {
  #db: Database | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #closed = false;
  /** Rises with every question that was given up: a connection that comes too late for its question is not kept. */
  #given = 0;
  #silentUntil = 0;

  /** @param name application_name */
  constructor(
    readonly url: string,
    readonly name: string,
  ) {}

  /** Runs `work` when its turn comes. @throws whatever Postgres says; the next question gets a new connection then */
  run<T>(work: (db: Database) => Promise<T>): Promise<T> {
    if (this.#waiting >= MOST_WAITING) return Promise.reject(new BusyError('too many questions at once'));
    this.#waiting++;
    const mine = this.#turn
      .then(() => this.#within(work))
      .finally(() => {
        this.#waiting--;
      });
    this.#turn = mine.catch(() => {});
    return mine;
  }

  async #within<T>(work: (db: Database) => Promise<T>): Promise<T> {
    if (Date.now() < this.#silentUntil) throw new LostConnection('Postgres does not answer');
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.#silentUntil = Date.now() + SILENT_FOR;
        reject(new LostConnection(`Postgres has not answered for ${DEADLINE / 1000} s`));
      }, DEADLINE);
    });
    const asked = this.#ask(work);
    asked.catch(() => {});
    try {
      return await Promise.race([asked, late]);
    } catch (error) {
      this.#given++;
      this.#db?.destroy();
      this.#db = null;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async #ask<T>(work: (db: Database) => Promise<T>): Promise<T> {
    if (this.#closed) throw new LostConnection('closed');
    if (this.#db === null || this.#db.ended) {
      const given = this.#given;
      const db = await Database.connect(this.url, this.name);
      await db.query(`SET default_transaction_read_only = on; SET statement_timeout = ${STATEMENT}; SET lock_timeout = 1000`);
      if (this.#closed || given !== this.#given) {
        db.destroy();
        throw new LostConnection('too late');
      }
      this.#db = db;
    }
    return work(this.#db);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#db?.end();
  }
}
