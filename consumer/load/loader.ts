/**
 * Gets a batch into the tables whatever it takes: optimistic first, careful when an order is known, piece by piece when Postgres
 * refuses a row, again when the server was away.
 */
import { errorCode } from '../../shared/errors.js';
import { pause, type ServiceState } from '../../shared/outage.js';
import type { Rejection } from '../../shared/rejection.js';
import type { MessageBatch } from '../intake/batch.js';
import { MonthTables } from '../schema/month-table.js';
import { type BatchRows, batchRows, batchRowsInTurns, type FileNumbers, type RejectedMessage } from '../transform/batch-rows.js';
import type { ForgottenUsers, OrderRules } from '../transform/forgotten.js';
import { everyId, fixed } from '../transform/id-layer.js';
import type { KnownIds } from '../transform/order-rows.js';
import type { Breaker } from './breaker.js';
import type { Database } from './database.js';
import { DropFiles } from './drop-files.js';
import { type Forgotten, readForgotten } from './forgotten-users.js';
import { knownIds, repeatedOrders } from './known-orders.js';
import type { BatchOutcome, Ledger, LoadCounts } from './ledger.js';
import { Link } from './link.js';
import { ForgottenSince, loadBatch, writeRows } from './load-batch.js';
import { type PiecesOfBatch, writePieces } from './pieces.js';
import { reactionTo } from './sqlstate.js';
import { type LoadTarget, TopicLedger } from './topic-ledger.js';

export interface LoaderOptions {
  databaseUrl: string;
  target: LoadTarget;
  postgres: ServiceState;
  maxDepth: number;
  /** None: whatever is refused is rejected. */
  breaker?: Breaker;
  signal: AbortSignal;
  /** Told of each batch that was committed. */
  onCommitted?: (committed: Committed) => void;
}

/** For whoever counts. */
export interface Committed {
  /** Those that were refused, repeats of earlier ones too. */
  rejected: readonly RejectedMessage[];
  /** How long COMMIT took, or what was done to learn that it had happened. */
  commitMilliseconds: number;
  /** How long the transaction took, from the first statement of the try that succeeded. */
  transactionMilliseconds: number;
}

/** A batch with its rows made, ready to be loaded. */
export interface PreparedBatch {
  batch: MessageBatch;
  made: BatchRows;
  /** Losses of a connection when it was made; after another one it is made anew. */
  losses: number;
  /** Number of the last request to forget a user that it was made by; after another one it is made anew. */
  forgottenUpTo: number;
}

/** `null`: the positions had moved on (or the rejects were tried by others); the batch is dropped, and its owner looks again at what is left. */
export type LoadResult = LoadCounts | null;

/**
 * Known orders of a batch: asked for a sample, and for all orders where that had any; for all orders; or for every id of orders and line items.
 * A drop that comes again is looked at by `orders`: one question and no rows made on trial, and no unique violation, as 131,830 known orders
 * took as long as new ones.
 */
type Look = 'sample' | 'orders' | 'careful';

const NONE_REFUSED: ReadonlyMap<number, Rejection> = new Map();

export class Loader {
  /** For the transactions. */
  readonly link: Link;
  /** For what is looked up while a transaction is under way. */
  readonly #aside: Link;
  readonly #files: DropFiles;
  readonly #months: MonthTables;
  readonly #ledger: Ledger;
  /** How the next batch is looked at for known orders, by what the last one had. */
  #look: Look = 'sample';
  /** Whom to forget, as it was last read. */
  #forgotten: Forgotten | null = null;

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
    return this.#aside.use(async db => {
      const losses = this.#countLosses(); // before the rows are made: a loss in between has them made anew
      const forgotten = await this.#readForgotten(db);
      return { batch, made: await this.#make(db, batch, forgotten.users), losses, forgottenUpTo: forgotten.upTo };
    });
  }

  async #readForgotten(db: Database): Promise<Forgotten> {
    this.#forgotten ??= await readForgotten(db, this.options.target.tables);
    return this.#forgotten;
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
      this.#forgotten = null;
    }
    return losses;
  }

  #seenLosses = 0;

  async #make(db: Database, batch: MessageBatch, forgotten: ForgottenUsers, look = this.#look): Promise<BatchRows> {
    const rules = this.#rules(forgotten);
    const fileNumber = await this.#files.learn(db, batch.messages);
    const known =
      look === 'careful'
        ? await this.#lookUp(db, batch, fileNumber, rules)
        : await repeatedOrders(db, this.options.target.tables, batch, look === 'orders');
    const made = await batchRowsInTurns(batch, fileNumber, known, NONE_REFUSED, rules);
    await this.#makeMonths(db, made);
    return made;
  }

  /** What is needed to make the rows of a batch piece by piece. */
  async #makePieces(db: Database, batch: MessageBatch, forgotten: ForgottenUsers): Promise<PiecesOfBatch> {
    const rules = this.#rules(forgotten);
    const fileNumber = await this.#files.learn(db, batch.messages);
    const known = await this.#lookUp(db, batch, fileNumber, rules);
    // which of several orders of one id is loaded is not known before the first is taken or refused
    await this.#makeMonths(db, batchRows(batch, fileNumber, fixed(known), NONE_REFUSED, rules));
    const slice = (from: number, to: number) => ({ ...batch, messages: batch.messages.slice(from, to) });
    return {
      count: batch.messages.length,
      known,
      make: (from, to, ids, refused) => batchRows(slice(from, to), fileNumber, ids, refused, rules),
    };
  }

  #rules(forgotten: ForgottenUsers): OrderRules {
    return { maxDepth: this.options.maxDepth, forgotten };
  }

  async #makeMonths(db: Database, { rows }: BatchRows): Promise<void> {
    // an order that was refused or bypassed has been in its month's text, and makes no table
    const months = [...rows.months].filter(([, text]) => text.rows > 0).map(([month]) => month);
    await this.#months.ensure(db, months);
  }

  /**
   * Loads a batch to the end.
   *
   * @param ledger another one than the topic's, for messages that do not come from there now
   */
  async load({ batch, made, losses, forgottenUpTo }: PreparedBatch, ledger = this.#ledger): Promise<LoadResult> {
    const { breaker, target, onCommitted } = this.options;
    let outcome: BatchOutcome = made;
    let pieces: PiecesOfBatch | null = null;
    let byPieces = false;
    let counted: LoadCounts | null = null;
    let look: Look | undefined;
    let committing = 0;
    let began = 0;
    const passed = () => {
      breaker?.passed(batch, outcome.rejected);
      const now = performance.now();
      onCommitted?.({ rejected: outcome.rejected, commitMilliseconds: now - committing, transactionMilliseconds: now - began });
    };
    const make = async (db: Database) => {
      const { users, upTo } = await this.#readForgotten(db);
      if (byPieces) pieces = await this.#makePieces(db, batch, users);
      else made = await this.#make(db, batch, users, look);
      forgottenUpTo = upTo;
    };
    for (let tries = 0; ; ) {
      try {
        const counts = await this.link.use(async db => {
          began = performance.now();
          if (losses !== this.#countLosses()) {
            losses = this.#countLosses();
            await make(db);
          }
          const write = async () => {
            if (pieces !== null) outcome = await writePieces(db, target.tables, pieces, rejected => breaker?.check(batch, rejected));
            else {
              breaker?.check(batch, made.rejected);
              await writeRows(db, target.tables, made.rows);
              outcome = made;
            }
            return outcome;
          };
          return loadBatch(db, target.tables, ledger, batch, forgottenUpTo, write, counts => {
            counted = counts;
            committing = performance.now();
          });
        });
        if (counts === null) {
          // not to be claimed: our own COMMIT whose answer was lost, or somebody else's
          const ours = await this.link.use(db => ledger.wasEntered(db, batch));
          if (!ours || counted === null) return null;
          passed();
          return counted;
        }
        passed();
        this.#look = counts.bypassed + counts.repeated === 0 ? 'sample' : (look ?? (this.#look === 'sample' ? 'orders' : this.#look));
        return counts;
      } catch (error) {
        if (error instanceof ForgottenSince) {
          this.#forgotten = null;
          await this.link.use(make);
          continue;
        }
        const reaction = reactionTo(error);
        if (reaction === 'data' && !byPieces) {
          byPieces = true;
          await this.link.use(make);
          continue;
        }
        if (reaction === 'duplicate' && tries++ < MOST_TRIES) {
          // again on the careful way: another worker loaded one of these orders meanwhile, and its commit decides who was first
          if (look !== undefined) await pause(Math.random() * 20 * tries, this.options.signal);
          look = 'careful';
        } else if (isMissingTable(error) && tries++ < MOST_TRIES) this.#months.forget();
        else throw error;
        await this.link.use(make);
      }
    }
  }

  async #lookUp(db: Database, batch: MessageBatch, fileNumber: FileNumbers, rules: OrderRules): Promise<KnownIds> {
    const ids = everyId();
    batchRows(batch, fileNumber, ids, NONE_REFUSED, rules);
    return knownIds(db, this.options.target.tables, [...ids.orders], [...ids.lineItems]);
  }

  get waits(): boolean {
    return this.link.waits || this.#aside.waits;
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
