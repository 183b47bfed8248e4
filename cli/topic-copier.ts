/** Copies a topic to another one and watches that the copy stays one: every record at its offset, with its time, key and value, but for those of forgotten users. */
import { createHash } from 'node:crypto';
import { TopicRecords } from '../consumer/forget/topic-records.js';
import { type ForgottenUsers, forgottenHash, NOBODY, type OrderRules } from '../consumer/transform/forgotten.js';
import { DropJournal, readDrops } from '../producer/drop-journal.js';
import { IdempotentWriter } from '../producer/idempotent-writer.js';
import { highWatermarks, refuseNewer } from '../producer/kafka-topics.js';
import { TopicCopy } from '../producer/topic-copy.js';
import type { DropStates, ForgetRecord } from '../shared/drop-record.js';
import { ServiceError, TopicError, throwIfAborted } from '../shared/errors.js';
import {
  type Admin,
  dropsTopic,
  ensureTopics,
  type Kafka,
  messageConfig,
  TOPIC_RESOURCE,
  type TopicOffsets,
  topicInfo,
  topicOffsets,
} from '../shared/kafka.js';
import { isKafkaOutage } from '../shared/kafka-outage.js';
import { pause, ServiceState, throughOutages, unlessAborted } from '../shared/outage.js';
import type { Context, Services } from './context.js';

interface TopicName {
  topic: string;
  topicId: string;
}

const TIMES = 'message.timestamp.type';
const LIMIT = 'max.message.bytes';
/** Kafka's number of a value that was set for the topic itself. */
const SET = 1;

/** Last offsets of a partition whose records are held against each other. */
const COMPARED = 20;
/** Milliseconds that transactions have to end in. */
const TRANSACTIONS_END = 10_000;

export class TopicCopier {
  readonly #writer: IdempotentWriter;
  readonly #records: TopicRecords;
  /** What the copy has, as it is. */
  readonly #copied: TopicRecords;
  /** By partition. */
  readonly #copies = new Map<number, TopicCopy>();
  unfinished: string[] = [];
  #patiently: <T>(work: () => Promise<T>) => Promise<T>;
  /** The old topic says already that it was moved to the copy, which may have grown since: by this command, which was killed, or for another database. */
  #movedBefore = false;

  private constructor(
    readonly context: Context,
    readonly services: Services,
    readonly admin: Admin,
    readonly from: TopicName,
    readonly to: TopicName,
    readonly rules: OrderRules,
    /** What was set for the topic itself. */
    readonly config: { name: string; value: string }[],
  ) {
    const { settings, log, signal } = context;
    const { kafka } = services;
    const service = new ServiceState('Kafka', log, settings.outageTimeout);
    this.#patiently = work => throughOutages(service, isKafkaOutage, signal, () => unlessAborted(work(), signal));
    this.#writer = new IdempotentWriter({ kafka, service, signal });
    const reading = { kafka, signal, stallTimeout: settings.stallTimeout, patiently: this.#patiently };
    this.#records = new TopicRecords({ ...reading, topic: from.topic, rules });
    this.#copied = new TopicRecords({ ...reading, topic: to.topic, rules: { ...rules, forgotten: NOBODY } });
  }

  /** Makes the new topic, or finds it to be a copy that was begun. */
  static async open(context: Context, services: Services, admin: Admin, name: string, rules: OrderRules): Promise<TopicCopier> {
    const { kafka } = services;
    const { topic } = context.settings;
    const source = await topicInfo(kafka, topic);
    if (source === null) throw new ServiceError(`there is no topic "${topic}"`, { hint: 'check KAFKA_BROKERS and ORDERS_TOPIC' });
    // one that was killed behind the making of the topics has left them empty
    const begun = (await topicInfo(kafka, name)) !== null && (await topicOffsets(admin, name)).some(o => o.end > 0);
    const topics = await admin.listTopics();
    const said = topics.includes(dropsTopic(name)) ? (await readAll(kafka, admin, name)).copyOf : null;
    const forgotten = forgottenHash(rules.forgotten);
    if (said === null ? begun : said.topicId !== source.id)
      throw new TopicError(`"${name}" is there and is no copy of "${topic}"`, anew(name));
    if (said !== null && said.forgotten !== forgotten) throw forgottenSince(name);
    const config = await messageConfig(admin, topic);
    // its messages have the times that they have in the topic, whoever gave them
    await ensureTopics(
      admin,
      name,
      source.partitions,
      config.map(c => (c.name === TIMES ? { ...c, value: 'CreateTime' } : c)),
    );
    const made = await topicInfo(kafka, name);
    if (made === null || made.partitions !== source.partitions)
      throw new TopicError(`"${name}" has ${made?.partitions ?? 0} partition(s), and "${topic}" has ${source.partitions}`, anew(name));
    const to = { topic: name, topicId: made.id };
    const copier = new TopicCopier(context, services, admin, { topic, topicId: source.id }, to, rules, config);
    if (said === null) await new DropJournal(copier.#writer, name).copyOf({ topic, topicId: source.id, forgotten });
    copier.#movedBefore = topics.includes(dropsTopic(topic)) && (await readAll(kafka, admin, topic)).movedTo === name;
    const limit = Number(config.find(c => c.name === LIMIT)?.value ?? Infinity);
    for (const { partition, end } of await topicOffsets(admin, name))
      copier.#copies.set(partition, new TopicCopy(copier.#writer, name, partition, end, limit));
    return copier;
  }

  /** Copies what is missing up to what the topic holds now. @returns messages that were copied */
  async catchUp(): Promise<number> {
    const { signal, display } = this.context;
    const offsets = await this.#patiently(() => topicOffsets(this.admin, this.from.topic));
    const lows = new Map((await topicOffsets(this.admin, this.to.topic)).map(o => [o.partition, o.low]));
    const total = offsets.reduce((sum, { partition, end }) => sum + Math.max(0, end - this.#copyOf(partition).end), 0);
    let done = 0;
    for (const { partition, low, end } of offsets) {
      const copy = this.#copyOf(partition);
      const began = copy.end;
      // one that was killed while it copied may have sent a batch twice
      await this.#compare(partition, Math.max(low, lows.get(partition) ?? 0), Math.min(began, end));
      if (this.#movedBefore && began >= end) continue;
      await copy.write([], Math.max(copy.end, low));
      if ((lows.get(partition) ?? 0) < low) {
        await copy.flush();
        await this.admin.deleteTopicRecords({ topic: this.to.topic, partitions: [{ partition, offset: String(low) }] });
      }
      for await (const { records, next } of this.#records.read(partition, copy.end, end)) {
        await copy.write(records, next);
        display.progress({ title: 'Copying', total, unit: 'messages' }, done + copy.end - began);
      }
      throwIfAborted(signal, 'copying the topic; the same command goes on');
      await copy.flush();
      done += copy.end - began;
      await this.#check({ partition, low, end });
      if (copy.end > began) await this.#compare(partition, low, end);
    }
    return done;
  }

  /** The end of it, while nobody loads: producers are told, then all that they have sent is copied. Nothing of Postgres is to fail behind it. */
  async complete(forgotten: ForgottenUsers, requests: ForgetRecord[]): Promise<void> {
    const { kafka } = this.services;
    if (forgottenHash(forgotten) !== forgottenHash(this.rules.forgotten)) throw forgottenSince(this.to.topic);
    await this.#transactionsEnded();
    this.#checkForgets(await readAll(kafka, this.admin, this.from.topic));
    const told = new DropJournal(this.#writer, this.from.topic);
    await told.moved(this.to.topic);
    try {
      await this.#completeTold(requests);
    } catch (error) {
      if (!this.#movedBefore) await told.moved(null).catch(() => {}); // nothing was moved: whoever publishes may go on
      throw error;
    }
  }

  async #completeTold(requests: ForgetRecord[]): Promise<void> {
    const { kafka } = this.services;
    const drops = await readAll(kafka, this.admin, this.from.topic);
    this.#checkForgets(drops);
    await this.#transactionsEnded();
    await this.catchUp();
    const known = await readAll(kafka, this.admin, this.to.topic);
    const forgets = new Map([...drops.forgets, ...requests.map(r => [r.user, r] as const)]);
    await new DropJournal(this.#writer, this.to.topic).takeOver({ drops: drops.drops, forgets }, this.to.topicId, known);
    this.unfinished = [...drops.drops.values()]
      .map(d => (known.drops.get(d.manifest.id) ?? d).manifest)
      .filter(m => m.state !== 'published')
      .map(m => `${m.id} (${m.name})`);
  }

  /** Behind the move: whose time the messages of the copy have from now on is as it was. */
  async takeOverTimes(): Promise<void> {
    const { admin, to, config } = this;
    const times = config.find(c => c.name === TIMES)?.value ?? 'CreateTime';
    if (times === 'CreateTime') return;
    const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: TOPIC_RESOURCE, name: to.topic }] });
    // what is not named goes back to the broker's default
    const set = (resources[0]?.configEntries ?? []).filter(c => c.configSource === SET && c.configName !== TIMES);
    const configEntries = [...set.map(c => ({ name: c.configName, value: c.configValue })), { name: TIMES, value: times }];
    await admin.alterConfigs({ validateOnly: false, resources: [{ type: TOPIC_RESOURCE, name: to.topic, configEntries }] });
  }

  /** @throws TopicError where the drops topic tells of a request that the copy knows nothing of */
  #checkForgets({ forgets }: DropStates): void {
    for (const { user, keeps } of forgets.values()) {
      const known = this.rules.forgotten.get(user);
      if (known !== keeps && known !== 'nothing') throw forgottenSince(this.to.topic);
    }
  }

  /** @throws ServiceError where a transaction stays open: what stands in it, and behind it, cannot be copied yet */
  async #transactionsEnded(): Promise<void> {
    const { topic } = this.from;
    const ask = () => this.#patiently(() => topicOffsets(this.admin, topic));
    const before = await ask();
    const marks = await this.#patiently(() => highWatermarks(this.services.kafka, topic, before));
    for (const since = Date.now(); ; await pause(200, this.context.signal)) {
      throwIfAborted(this.context.signal, 'copying the topic; the same command goes on');
      const open = (await ask()).filter(o => o.end < marks.get(o.partition)!);
      if (open.length === 0) return;
      if (Date.now() - since > TRANSACTIONS_END)
        throw new ServiceError(`a transaction of another producer is open in partition ${open[0].partition} of "${topic}"`, {
          hint: 'run it again when it has ended',
        });
    }
  }

  /** @throws TopicError where an offset is not that of the topic: a record that was sent twice has moved all behind it */
  async #check({ partition, end }: TopicOffsets): Promise<void> {
    const there = (await topicOffsets(this.admin, this.to.topic)).find(o => o.partition === partition)?.end;
    if (there !== end) throw this.#wrong(partition, `ends at offset ${there}, where it should at ${end}`);
  }

  /** Holds the last records before an offset against each other. @throws TopicError where they are not the same */
  async #compare(partition: number, low: number, end: number): Promise<void> {
    const copy = this.#copyOf(partition).end;
    if (copy > end && !this.#movedBefore) throw this.#wrong(partition, `ends at offset ${copy}, and the topic itself at ${end}`);
    const from = Math.max(low, end - COMPARED);
    const [wanted, had] = [await summaries(this.#records, partition, from, end), await summaries(this.#copied, partition, from, end)];
    const odd = [...new Set([...wanted.keys(), ...had.keys()])].sort((a, b) => a - b).find(o => wanted.get(o) !== had.get(o));
    if (odd !== undefined) throw this.#wrong(partition, `has another message at offset ${odd} than the topic`);
  }

  #wrong(partition: number, how: string): TopicError {
    const { topic } = this.to;
    return new TopicError(`partition ${partition} of the copy ${how}`, {
      hint: `does anybody else write to "${topic}"? ${anew(topic).hint}, and copy anew`,
    });
  }

  #copyOf(partition: number): TopicCopy {
    return this.#copies.get(partition)!;
  }

  async close(): Promise<void> {
    await Promise.all([this.#writer.close(), this.#records.close(), this.#copied.close()]);
  }
}

function anew(name: string): { hint: string } {
  return { hint: `delete "${name}" and "${dropsTopic(name)}", or take another name` };
}

function forgottenSince(name: string): TopicError {
  return new TopicError(`users were forgotten since the copy "${name}" was begun`, anew(name));
}

/** Time, key and value of each record, by offset. */
async function summaries(of: TopicRecords, partition: number, from: number, to: number): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  for await (const { records } of of.read(partition, from, to))
    for (const { offset, time, key, value } of records)
      found.set(
        offset,
        `${time} ${key?.toString('base64')} ${value === null ? null : createHash('sha256').update(value).digest('base64')}`,
      );
  return found;
}

/** What a drops topic tells, all of it: a copy would leave out what this version does not know. */
async function readAll(kafka: Kafka, admin: Admin, topic: string): Promise<DropStates> {
  const drops = await readDrops(kafka, admin, topic);
  refuseNewer(topic, drops);
  return drops;
}
