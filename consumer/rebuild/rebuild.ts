/**
 * Makes the tables right again from the topic while people read them and workers load: the only file that knows the order of the steps.
 *
 *   lock, sweep -> empty copy -> replay -> (positions locked) the rest of the replay, differences, applied -> copy dropped
 *
 * Until the one transaction that applies the differences nothing of the present tables is touched; it takes no lock that a reader waits
 * for, and workers wait for it at their positions.
 */
import { randomBytes } from 'node:crypto';
import { errorCode, InterruptedError, oneLine, ServiceError } from '../../shared/errors.js';
import type { TopicOffsets } from '../../shared/kafka.js';
import { grouped } from '../../shared/number-text.js';
import { backoff, pause, ServiceState, throughOutages } from '../../shared/outage.js';
import { Database, LostConnection } from '../load/database.js';
import { dropsOffset, writeDrops } from '../load/drop-sync.js';
import { claimTopic, madeAnew, type Positions, readPositions } from '../load/positions.js';
import { reactionTo } from '../load/sqlstate.js';
import { mergeUsers } from '../merge/merge-users.js';
import { type RebuildDue, readRebuildDue } from '../schema/rebuild-due.js';
import { Tables } from '../schema/tables.js';
import { Contested } from './contested.js';
import { dropCopy, isCopyOf, lockRebuilds, makeCopy } from './copy-schema.js';
import { LONG, type TableDifference } from './difference.js';
import { checkRoom } from './disk.js';
import { ForgetInCopy } from './forget-in-copy.js';
import { checkOffsets, checkSchema, moveInto } from './into.js';
import { makeProgress, noteProgress } from './progress.js';
import type { RebuildOptions } from './rebuild-options.js';
import { Replay } from './replay.js';
import { applyLocked, compareSnapshot, lockPositions, readOtherTopics, type StepDone } from './settle.js';
import { examine, type Fault, isLost } from './structure.js';
import { checkBeginning, TopicSource } from './topic-source.js';

const ACCEPT = '--accept-topic goes on, and removes what only that brought';

/** A server that comes back and fails in the same place, out of memory say, is not asked for ever. */
const MOST_BEGINNINGS = 10;

/** Runs a rebuild to its end. @returns the differences between the tables as they were and as the topic says, one a relation */
export async function rebuild(options: RebuildOptions): Promise<TableDifference[]> {
  const { settings, log, signal } = options;
  const postgres = new ServiceState('Postgres', log, settings.outageTimeout);
  let begun = 0;
  // what was done is worth nothing when the connection with the lock is gone: it is all begun anew
  return throughOutages(
    postgres,
    error => reactionTo(error) === 'wait' && begun < MOST_BEGINNINGS,
    signal,
    () => new Rebuild(options, postgres, () => begun++).run(),
  );
}

class Rebuild {
  readonly #o: RebuildOptions;
  readonly #live: Tables;
  readonly #name = randomBytes(4).toString('hex');
  readonly #source: TopicSource;
  readonly #kafkaState: ServiceState;
  readonly #contested: Contested;
  /** Positions that lie beyond the end of their partition, which cannot be. */
  readonly #beyond = new Map<number, number>();
  /** The positions are those of another incarnation of the topic. */
  #anew = false;
  #ends: TopicOffsets[] = [];
  #past: Positions | null = null;
  #due: RebuildDue[] = [];
  #faults: Fault[] = [];
  readonly #forget: ForgetInCopy;
  #replay!: Replay;

  constructor(
    options: RebuildOptions,
    readonly postgres: ServiceState,
    readonly onBegin: () => void,
  ) {
    this.#o = options;
    this.#live = Tables.of(options.settings);
    this.#forget = new ForgetInCopy(this.#live);
    this.#kafkaState = new ServiceState('Kafka', options.log, options.settings.outageTimeout);
    this.#source = new TopicSource(options.kafka, options.settings.topic, this.#kafkaState, options.signal);
    this.#contested = new Contested(this.#live, options.settings.maxDepth, places => this.#source.messages(places));
  }

  async run(): Promise<TableDifference[]> {
    const { databaseUrl, signal, log, past } = this.#o;
    const guard = await Database.connect(databaseUrl, 'glossier rebuild');
    const cut = () => {
      guard.destroy(); // the server rolls back
      this.#replay?.destroy();
    };
    try {
      // so that a rebuild that was killed in a long statement gives the lock back; not every server has it
      await guard.query("SET client_connection_check_interval = '2s'").catch(() => {});
      await guard.query('SET idle_session_timeout = 0').catch(() => {});
      await lockRebuilds(guard, this.#live);
      this.onBegin();
      signal.addEventListener('abort', cut, { once: true });
      await dropCopy(guard, this.#live);
      try {
        await this.#replayAll(guard);
        if (past === undefined) return await this.#settle(guard);
        await moveInto(guard, this.#live, past.into);
        return [];
      } finally {
        await this.#replay?.close();
        await this.#sweep(guard).catch(error => log.debug({ reason: String(error) }, 'the copy could not be dropped'));
      }
    } catch (error) {
      if (signal.aborted && !(error instanceof InterruptedError))
        throw new InterruptedError('interrupted', { cause: error, hint: 'nothing has changed unless it was said; run it again' });
      if (guard.ended && !signal.aborted) throw new LostConnection('the connection that guards the rebuild was lost', { cause: error });
      throw error;
    } finally {
      signal.removeEventListener('abort', cut);
      await this.#source.close();
      await guard.end();
    }
  }

  /** The connection may have been cut by a signal; the lock is gone then, and is taken again for the sweep. */
  async #sweep(guard: Database): Promise<void> {
    if (!guard.ended) return dropCopy(guard, this.#live);
    const db = await Database.connect(this.#o.databaseUrl, 'glossier rebuild');
    try {
      await lockRebuilds(db, this.#live);
      await dropCopy(db, this.#live);
    } finally {
      await db.end();
    }
  }

  /** Fills the copy up to what the topic holds now, or to the present positions where no more is asked for. */
  async #replayAll(guard: Database): Promise<void> {
    const { settings, acceptGap, acceptTopic, kafka, databaseUrl, version, signal, onStep, onProgress, dryRun, past, month } = this.#o;
    const { topic } = settings;
    const topicId = await this.#source.id();
    this.#faults = await examine(guard, this.#live, !dryRun && past === undefined && month === undefined);
    if (month !== undefined && this.#faults.length > 0)
      throw new ServiceError(`${this.#faults[0].table}: ${this.#faults[0].words}`, { hint: 'glossier rebuild without --month mends it' });
    const known = await guard.query(`SELECT topic_id FROM ${this.#live.topics} WHERE topic = $1`, [topic]);
    this.#anew = known.rows.length > 0 && known.rows[0].topic_id !== topicId;
    if (this.#anew && !acceptTopic) throw madeAnew(topic, ACCEPT);
    const others = await readOtherTopics(guard, this.#live, topic);
    if (others.length > 0 && !acceptTopic)
      throw new ServiceError(`the tables also hold orders of the topic(s) ${others.join(', ')}`, {
        hint: `a rebuild knows one topic alone and would remove them; ${ACCEPT}`,
      });
    const positions = await readPositions(guard, this.#live, topic);
    this.#ends = await this.#source.offsets(positions);
    for (const { partition, end } of this.#ends) {
      const position = positions.get(partition) ?? 0;
      if (position > end) this.#beyond.set(partition, position);
    }
    checkBeginning(topic, this.#ends, acceptGap);
    await this.#fixPast(guard);
    await checkRoom(guard, databaseUrl);
    this.#due = await readRebuildDue(guard, this.#live);
    await makeCopy(guard, this.#live, this.#name, new Set(this.#faults.map(f => f.name)), db => makeProgress(db, this.#live));
    await claimTopic(guard, this.#live.copy, topic, topicId, this.#ends, new Map(), acceptGap);
    const from = await readPositions(guard, this.#live.copy, topic);
    const limits = this.#limits(positions);
    const total = [...limits].reduce((n, [partition, limit]) => n + Math.max(0, limit - (from.get(partition) ?? 0)), 0);
    let done = 0;
    this.#replay = new Replay({
      tables: this.#live.copy,
      settings,
      databaseUrl,
      kafka,
      kafkaState: this.#kafkaState,
      postgres: this.postgres,
      topicId,
      version,
      signal,
      from,
      onMessages: count => {
        done += count;
        onProgress('replaying', done, Math.max(done, total));
      },
    });
    await this.#replay.link.use(db => noteProgress(db, this.#live, 'replaying', 0, total));
    onStep(`Replaying ${grouped(total)} message(s) of "${topic}"…`);
    await this.#forget.begin(guard);
    await this.#catchUp(limits);
    await guard.query(
      `ANALYZE ${this.#live.copy.knownOrders}, ${this.#live.copy.lineItems}, ${this.#live.copy.userStats}`,
      undefined,
      LONG,
    );
  }

  /** Where the past ends that was asked for. */
  async #fixPast(guard: Database): Promise<void> {
    const { settings, past } = this.#o;
    if (past === undefined) return;
    await checkSchema(guard, past.into, this.#live);
    this.#past = 'time' in past.until ? await this.#source.offsetsAt(past.until.time) : past.until.offsets;
    checkOffsets(settings.topic, this.#past, this.#ends);
  }

  /** Everything that the topic held at the start and the tables hold now; the latter alone where nothing may move on. */
  #limits(positions: Positions): Positions {
    if (this.#past !== null) return this.#past;
    const exact = this.#o.dryRun || this.#o.month !== undefined;
    return new Map(
      this.#ends.map(({ partition, low, end }) => {
        const position = positions.get(partition) ?? 0;
        if (this.#anew || this.#beyond.get(partition) === position) return [partition, end];
        return [partition, Math.max(low, exact ? position : Math.max(position, end))];
      }),
    );
  }

  async #catchUp(limits: Positions): Promise<void> {
    const { topic } = this.#o.settings;
    await this.#replay.to(limits);
    const from = await this.#replay.link.use(db => dropsOffset(db, this.#live.copy, topic));
    const news = await this.#source.drops(from);
    await this.#replay.link.use(async db => {
      if (news.next > from) await writeDrops(db, this.#live.copy, topic, news);
      // a dry run and a look at the past change nothing of the present tables: workers enter what the topic asks for
      await this.#forget.catchUp(db, this.#o.dryRun || this.#past !== null ? [] : news.forgets);
      await mergeUsers(db, this.#live.copy);
      // who has them now cannot be told where that column is gone
      if (!isLost(this.#faults, 'order_line_item_mapping', 'batches')) await this.#contested.settle(db);
    });
  }

  /** The end, tried again for as long as somebody else's lock is in the way. */
  async #settle(guard: Database): Promise<TableDifference[]> {
    const { settings, log, signal, dryRun, onStep } = this.#o;
    onStep(dryRun ? 'Comparing…' : 'Comparing and applying…');
    const since = Date.now();
    for (let attempt = 0; ; attempt++) {
      try {
        await this.#catchUp(this.#limits(await readPositions(guard, this.#live, settings.topic)));
        return await this.#settleOnce(guard);
      } catch (error) {
        const reaction = reactionTo(error);
        if (reaction === 'data' && errorCode(error)?.startsWith('23'))
          throw new ServiceError(`a rule on the tables refuses what the topic says: ${oneLine(error)}`, {
            cause: error,
            hint: 'nothing has changed; lift the rule, or remove what it holds on to, and run it again',
          });
        // a duplicate: what somebody else has added and not committed yet
        if (
          (reaction !== 'again' && reaction !== 'duplicate') ||
          guard.ended ||
          signal.aborted ||
          Date.now() - since > settings.outageTimeout
        )
          throw error;
        await guard.rollback();
        if (attempt === 0) log.warn({ code: errorCode(error) }, 'somebody holds a lock that the rebuild needs; trying again');
        await pause(backoff(attempt), signal);
      }
    }
  }

  async #settleOnce(guard: Database): Promise<TableDifference[]> {
    const { settings, databaseUrl, dryRun, month } = this.#o;
    const { topic } = settings;
    await guard.query(
      `BEGIN; SET LOCAL lock_timeout = ${settings.rebuildLockTimeout}; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0`,
    );
    const positions = await lockPositions(
      guard,
      this.#live,
      topic,
      this.#replay.options.topicId,
      this.#ends,
      dryRun ? 'SHARE' : 'UPDATE',
      this.#o.acceptTopic,
    );
    const limits = this.#limits(positions);
    await this.#catchUp(limits);
    await this.#checkCopy(guard, limits);
    const told: StepDone = async (step, done, total) => {
      this.#o.onProgress(step, done, total);
      await this.#replay.link.use(db => noteProgress(db, this.#live, step, done, total));
    };
    if (dryRun) return compareSnapshot(databaseUrl, guard, this.#live, topic, month, this.#faults, told);
    return applyLocked(guard, this.#live, this.#replay.link, topic, month, this.#faults, this.#due, told);
  }

  /** The copy must be this run's, and whole: a server that crashed has emptied it, and the tables would be emptied after it. */
  async #checkCopy(guard: Database, limits: Positions): Promise<void> {
    const { topic } = this.#o.settings;
    const have = (await isCopyOf(guard, this.#live, this.#name))
      ? await readPositions(guard, this.#live.copy, topic)
      : new Map<number, number>();
    if ([...limits].some(([partition, limit]) => have.get(partition) !== limit))
      throw new ServiceError('the copy of the tables is not whole: the server lost it, or another rebuild took its place', {
        hint: 'nothing has changed; run it again',
      });
    if ((await this.#source.id()) !== this.#replay.options.topicId) throw madeAnew(topic);
  }
}
