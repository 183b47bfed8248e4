/**
 * Gets a batch into the tables whatever it takes: optimistic first, careful when an order is known, without the guilty order when Postgres
 * refuses a row, again when the server was away.
 */
import { errorCode } from '../../shared/errors.js';
import { pause, type ServiceState } from '../../shared/outage.js';
import type { Rejection } from '../../shared/rejection.js';
import type { MessageBatch } from '../intake/batch.js';
import { MonthTables } from '../schema/month-table.js';
import { type BatchRows, batchRows, type FileNumbers } from '../transform/batch-rows.js';
import type { KnownIds } from '../transform/order-rows.js';
import type { Database } from './database.js';
import { DropFiles } from './drop-files.js';
import { knownIds } from './known-orders.js';
import type { Ledger, LoadCounts } from './ledger.js';
import { Link } from './link.js';
import { loadBatch, writeRows } from './load-batch.js';
import { refusedRow } from './refused-row.js';
import { reactionTo } from './sqlstate.js';
import { type LoadTarget, TopicLedger } from './topic-ledger.js';

export interface LoaderOptions {
  databaseUrl: string;
  target: LoadTarget;
  postgres: ServiceState;
  maxDepth: number;
  signal: AbortSignal;
}

/** A batch with its rows made, ready to be loaded. */
export interface PreparedBatch {
  batch: MessageBatch;
  made: BatchRows;
  /** Losses of a connection when it was made; after another one it is made anew. */
  losses: number;
}

/** `null`: the positions had moved on (or the rejects were tried by others); the batch is dropped, and its owner looks again at what is left. */
export type LoadResult = LoadCounts | null;

const NONE_REFUSED: ReadonlyMap<number, Rejection> = new Map();

export class Loader {
  /** For the transactions. */
  readonly link: Link;
  /** For what is looked up while a transaction is under way. */
  readonly #aside: Link;
  readonly #files: DropFiles;
  readonly #months: MonthTables;
  readonly #ledger: Ledger;
  /** The last batch had known orders, so ids are looked up before the COPY rather than after its failure. */
  #careful = false;

  constructor(readonly options: LoaderOptions) {
    const { databaseUrl, postgres, signal, target } = options;
    this.link = new Link(databaseUrl, `glossier worker ${target.worker}`, postgres, signal);
    this.#aside = new Link(databaseUrl, `glossier worker ${target.worker} aside`, postgres, signal);
    this.#files = new DropFiles(target.tables, target.topic);
    this.#months = new MonthTables(target.tables);
    this.#ledger = new TopicLedger(target);
  }

  /** Makes the rows of a batch. Meant to run while the batch before it is being loaded: parsing and COPY take about as long. */
  async prepare(batch: MessageBatch): Promise<PreparedBatch> {
    let losses = 0;
    const made = await this.#aside.use(db => {
      losses = this.#countLosses(); // before the rows are made: a loss in between has them made anew
      return this.#make(db, batch, NONE_REFUSED);
    });
    return { batch, made, losses };
  }

  /**
   * How many connections were lost so far. After each, what was learned is forgotten: a server that came back may have lost its last
   * commits (a failover), file numbers and month tables among them.
   */
  #countLosses(): number {
    const losses = Math.max(0, this.link.connections - 1) + Math.max(0, this.#aside.connections - 1);
    if (losses !== this.#seenLosses) {
      this.#seenLosses = losses;
      this.#files.forget();
      this.#months.forget();
    }
    return losses;
  }

  #seenLosses = 0;

  async #make(db: Database, batch: MessageBatch, refused: ReadonlyMap<number, Rejection>): Promise<BatchRows> {
    const fileNumber = await this.#files.learn(db, batch.messages);
    const known = this.#careful ? await this.#lookUp(db, batch, fileNumber, refused) : null;
    const made = batchRows(batch, fileNumber, known, refused, this.options.maxDepth);
    // an order that was refused or bypassed has been in its month's text, and makes no table
    await this.#months.ensure(
      db,
      [...made.rows.months].filter(([, text]) => text.rows > 0).map(([month]) => month),
    );
    return made;
  }

  /**
   * Loads a batch to the end.
   *
   * @param ledger another one than the topic's, for messages that do not come from there now
   */
  async load({ batch, made, losses }: PreparedBatch, ledger = this.#ledger): Promise<LoadResult> {
    const refused = new Map<number, Rejection>();
    let counted: LoadCounts | null = null;
    for (let tries = 0; ; ) {
      try {
        const counts = await this.link.use(async db => {
          if (losses !== this.#countLosses()) {
            losses = this.#countLosses();
            made = await this.#make(db, batch, refused);
          }
          const write = async () => {
            await writeRows(db, this.options.target.tables, made.rows);
            return made;
          };
          return loadBatch(db, ledger, batch, write, counts => {
            counted = counts;
          });
        });
        if (counts === null) {
          // not to be claimed: our own COMMIT whose answer was lost, or somebody else's
          const ours = await this.link.use(db => ledger.wasEntered(db, batch));
          return ours ? counted : null;
        }
        this.#careful = counts.bypassed > 0 || counts.repeated > 0;
        return counts;
      } catch (error) {
        const reaction = reactionTo(error);
        const row = reaction === 'data' ? refusedRow(error, made) : null;
        if (row !== null && !refused.has(row.at)) refused.set(row.at, row.rejection);
        else if (reaction === 'duplicate' && tries++ < MOST_TRIES) {
          // again on the careful way: another worker loaded one of these orders meanwhile, and its commit decides who was first
          if (this.#careful) await pause(Math.random() * 20 * tries, this.options.signal);
          this.#careful = true;
        } else if (isMissingTable(error) && tries++ < MOST_TRIES) this.#months.forget();
        else throw error;
        made = await this.link.use(db => this.#make(db, batch, refused));
      }
    }
  }

  async #lookUp(db: Database, batch: MessageBatch, fileNumber: FileNumbers, refused: ReadonlyMap<number, Rejection>): Promise<KnownIds> {
    const nothing = { orders: new Set<string>(), lineItems: new Set<string>() };
    const { known } = batchRows(batch, fileNumber, nothing, refused, this.options.maxDepth).rows;
    return knownIds(db, this.options.target.tables, [...known!.orders], [...known!.lineItems]);
  }

  get waitingForLock(): boolean {
    return this.link.waitingForLock || this.#aside.waitingForLock;
  }

  /** Cuts the connections at once. */
  destroy(): void {
    this.link.destroy();
    this.#aside.destroy();
  }

  async end(): Promise<void> {
    await Promise.all([this.link.end(), this.#aside.end()]);
  }
}

/** Far more than it takes for two workers to get out of each other's way. */
const MOST_TRIES = 50;

function isMissingTable(error: unknown): boolean {
  return errorCode(error) === '42P01';
}
