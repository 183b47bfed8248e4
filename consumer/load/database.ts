/** One connection to Postgres with a deadline on every call, so that a network that swallows packets is noticed. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { errorCode, GlossierError, oneLine } from '../../shared/errors.js';
import { connectPostgres } from './connect-postgres.js';
import { refusePooler } from './pooler.js';

/** Milliseconds for a connection to be made. */
const CONNECT_TIMEOUT = 10_000;
/** Milliseconds for the answer to one statement. node-postgres alone waits for ever when the network vanishes (its issue 3399). */
const ANSWER_TIMEOUT = 30_000;

/** bigint, numeric and instants stay text: JavaScript's numbers and dates would change them. */
const AS_TEXT = { getTypeParser: () => (text: string) => text };

export class LostConnection extends Error {
  readonly code = 'GLOSSIER_LOST';
}

export class Database {
  #ended = false;

  private constructor(readonly client: pg.Client) {}

  /**
   * @param name application_name, shown by pg_stat_activity
   * @throws node-postgres' errors; sqlstate.ts tells what each means
   */
  static async connect(url: string, name: string): Promise<Database> {
    let db!: Database;
    const config = {
      application_name: name,
      connectionTimeoutMillis: CONNECT_TIMEOUT,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      types: AS_TEXT as never,
    };
    try {
      await connectPostgres(url, config, client => {
        const made = new Database(client);
        client.on('error', () => {
          made.#ended = true; // without a listener an idle connection's end would end the process (node-postgres issue 2112)
        });
        client.on('end', () => {
          made.#ended = true;
        });
        db = made;
      });
    } catch (error) {
      if (error instanceof GlossierError) throw error;
      // node-postgres' own deadline is an Error without a code
      if (errorCode(error) === undefined && !(error instanceof AggregateError)) throw new LostConnection(oneLine(error), { cause: error });
      throw error;
    }
    // lock_timeout: a lock held by somebody must not hold the transaction's position and rows for ever.
    // tcp_…: the server's side of a lost network; an abandoned transaction would keep its locks. An idle connection whose client is gone, a
    // rebuild's that holds its lock among them, ends after 25 s; with the kernel's interval and count it is 11 minutes.
    const answers = await db.query(
      "SET lock_timeout = '20s'; SET statement_timeout = '5min'; SET idle_in_transaction_session_timeout = '60s'; " +
        "SET tcp_user_timeout = '30s'; SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; SET TimeZone = 'UTC'; SET DateStyle = 'ISO, MDY'; SET standard_conforming_strings = on; SELECT pg_backend_pid() AS pid",
    );
    const pid = Number((answers as unknown as pg.QueryResult[]).at(-1)!.rows[0].pid);
    const another = () => connectPostgres(url, config, client => client.on('error', () => {}));
    await db.#within(ANSWER_TIMEOUT, refusePooler(url, db.client, pid, another)).catch(error => {
      db.destroy();
      throw error;
    });
    return db;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Runs a statement. All values come back as text. */
  // biome-ignore lint/suspicious/noExplicitAny: rows have the shape that the statement gives them
  query<R extends pg.QueryResultRow = Record<string, any>>(
    sql: string,
    values?: unknown[],
    timeout = ANSWER_TIMEOUT,
  ): Promise<pg.QueryResult<R>> {
    return this.#within(timeout, this.client.query<R>(sql, values));
  }

  /**
   * Runs a COPY … FROM STDIN.
   *
   * @returns rows taken, as the server counted them
   */
  async copy(sql: string, chunks: Buffer[]): Promise<number> {
    const stream = this.client.query(copyFrom(sql));
    await this.#within(2 * ANSWER_TIMEOUT, pipeline(Readable.from(chunks), stream));
    return stream.rowCount;
  }

  /** Rolls a transaction back; when that fails or takes long the connection is given up. */
  async rollback(): Promise<void> {
    if (this.#ended) return;
    await this.query('ROLLBACK', undefined, 5000).catch(() => this.destroy());
  }

  async end(): Promise<void> {
    if (this.#ended) return;
    await this.#within(2000, this.client.end()).catch(() => this.destroy());
  }

  /** Cuts the connection without a word. */
  destroy(): void {
    this.#ended = true;
    (this.client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  }

  async #within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.destroy();
        reject(new LostConnection(`Postgres has not answered for ${milliseconds / 1000} s`));
      }, milliseconds);
    });
    try {
      return await Promise.race([work, late]);
    } catch (error) {
      if (this.#ended && !(error instanceof LostConnection) && (error as { code?: string }).code === undefined) {
        throw new LostConnection(oneLine(error), { cause: error });
      }
      throw error;
    } finally {
      clearTimeout(timer);
      work.catch(() => {}); // when the deadline won, the call's own end must not become an unhandled rejection
    }
  }
}
