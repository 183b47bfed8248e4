/** What a worker knows of its topic: that it is the one whose positions Postgres holds, where those are, and up to where a drain goes. */
import { ServiceError } from '../shared/errors.js';
import {
  type Admin,
  describeTopic,
  ensureTopics,
  type InnerCluster,
  openCluster,
  type TopicInfo,
  type TopicOffsets,
  topicOffsets,
} from '../shared/kafka.js';
import { pause } from '../shared/outage.js';
import type { Link } from './load/link.js';
import { claimTopic, madeAnew, type Positions, readPositions, untilSettled } from './load/positions.js';
import { migrate } from './schema/migrate.js';
import { dueWords, readRebuildDue } from './schema/rebuild-due.js';
import type { Tables } from './schema/tables.js';
import type { WorkerOptions } from './worker-options.js';

/** Tries, and milliseconds between them, before an end that lies before a position is believed. */
const SHORT_TRIES = 20;
const SHORT_WAIT = 500;

export class TopicState {
  /** Of the incarnation that was found at the start. */
  id = '';
  /** Messages that were not in the tables when the worker started, or when what counts as everything was fixed. */
  waitingAtStart = 0;
  /** True from when on what counts as everything is fixed. */
  sealed = false;
  #ends: TopicOffsets[] = [];
  #cluster: Promise<InnerCluster> | null = null;
  /** Sum of the positions when the worker started. */
  #start = 0;

  /** @param patiently runs a call to Kafka, waiting while it is away */
  constructor(
    readonly options: WorkerOptions,
    readonly tables: Tables,
    readonly admin: Admin,
    readonly link: Link,
    readonly patiently: <T>(work: () => Promise<T>) => Promise<T>,
  ) {}

  /** Migrates, makes the topics, claims the topic. A fault that only a person can mend is thrown here, at once. */
  async open(): Promise<void> {
    const { settings, acceptGap, log } = this.options;
    await this.link.use(async db => {
      await migrate(db.client, settings.databaseSchema, settings.ownSchema);
      for (const due of await readRebuildDue(db, this.tables)) log.warn(dueWords(due));
    });
    const { offsets, before } = await this.patiently(async () => {
      await this.admin.connect();
      await ensureTopics(this.admin, settings.topic, settings.partitions);
      this.id = await this.#askId();
      return this.#offsets();
    });
    this.#ends = offsets;
    await this.link.use(async db => {
      await claimTopic(db, this.tables, settings.topic, this.id, offsets, before, acceptGap);
      const positions = await readPositions(db, this.tables, settings.topic);
      this.#start = [...positions.values()].reduce((sum, n) => sum + n, 0);
    });
    this.#countWaiting();
  }

  /** Fixes what counts as everything: what the topic holds now. */
  async seal(): Promise<void> {
    this.#ends = await this.patiently(() => topicOffsets(this.admin, this.options.settings.topic));
    this.#countWaiting();
    this.sealed = true;
  }

  #countWaiting(): void {
    this.waitingAtStart = this.#ends.reduce((sum, e) => sum + e.end, 0) - this.#start;
  }

  /** Is everything that counts in the tables, whoever loaded it? */
  async isDrained(): Promise<boolean> {
    if (!this.sealed) return false;
    const positions = await this.link.use(db => readPositions(db, this.tables, this.options.settings.topic));
    return this.#ends.every(e => (positions.get(e.partition) ?? 0) >= e.end);
  }

  /**
   * The positions to fetch from.
   *
   * @param begun partitions of which what their last owner has under way is waited for, for a moment
   * @throws TopicError when the topic is not the one that they belong to, or does not hold what comes next
   */
  async positions(begun: readonly number[]): Promise<Positions> {
    const { settings, acceptGap } = this.options;
    const { id, offsets, before } = await this.patiently(async () => ({ id: await this.#askId(), ...(await this.#offsets()) }));
    return this.link.use(async db => {
      await claimTopic(db, this.tables, settings.topic, id, offsets, before, acceptGap);
      await untilSettled(db, this.tables, settings.topic, begun, this.options.signal);
      return readPositions(db, this.tables, settings.topic);
    });
  }

  /**
   * What the broker holds. A broker that was killed says too little for a moment: its high watermark starts from a checkpoint that is
   * seconds old. Only what it still says after some time is believed when it lies before a position.
   */
  async #offsets(): Promise<{ offsets: TopicOffsets[]; before: Positions }> {
    const { topic } = this.options.settings;
    for (let tries = 0; ; tries++) {
      // the positions first: an end that was asked for before them may lie behind what other workers have loaded meanwhile
      const before = await this.link.use(db => readPositions(db, this.tables, topic));
      const offsets = await topicOffsets(this.admin, topic);
      const short = offsets.some(o => o.end < (before.get(o.partition) ?? 0));
      if (!short || tries >= SHORT_TRIES) return { offsets, before };
      await pause(SHORT_WAIT, this.options.signal);
    }
  }

  /**
   * Checks that the topic is still the one whose positions Postgres holds. Asked between the fetch of a batch and its transaction, so that
   * nothing of a topic that was made anew under the same name is loaded as if it came next.
   *
   * @throws TopicError when it is another one
   */
  async check(): Promise<void> {
    const id = await this.patiently(() => this.#askId());
    if (id !== this.id) throw madeAnew(this.options.settings.topic);
  }

  async close(): Promise<void> {
    await this.#cluster?.then(cluster => cluster.disconnect()).catch(() => {});
  }

  /** A broker that has just started may not know its topics for a moment, so one that is missing is asked for again. */
  async #askId(): Promise<string> {
    for (let tries = 0; ; tries++) {
      const info = await this.#ask();
      if (info !== null) return info.id;
      if (tries >= SHORT_TRIES)
        throw new ServiceError(`the topic "${this.options.settings.topic}" is not there any more`, {
          hint: 'is this the right broker? A new topic of that name is loaded into an empty database',
        });
      await pause(SHORT_WAIT, this.options.signal);
    }
  }

  /** Asked by several at a time: they share the connection, and none throws away the one that another has made anew. */
  async #ask(): Promise<TopicInfo | null> {
    this.#cluster ??= openCluster(this.options.kafka);
    const opened = this.#cluster;
    try {
      return await describeTopic(await opened, this.options.settings.topic);
    } catch (error) {
      if (this.#cluster === opened) this.#cluster = null;
      await opened.then(cluster => cluster.disconnect()).catch(() => {});
      throw error;
    }
  }
}
