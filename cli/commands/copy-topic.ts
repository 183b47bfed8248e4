/** glossier copy-topic <new> [--move]: the topic once more without what it holds of forgotten users, and the workers' move to it. */

import { enterRequests, forgetEntered } from '../../consumer/forget/forget-users.js';
import { moveTopic } from '../../consumer/forget/move-topic.js';
import { TopicRecords } from '../../consumer/forget/topic-records.js';
import { dropsOffset, readDrops as readNews, writeDrops } from '../../consumer/load/drop-sync.js';
import { orderRules } from '../../consumer/load/forgotten-users.js';
import { checkMoved } from '../../consumer/load/positions.js';
import { migrate } from '../../consumer/schema/migrate.js';
import { Tables } from '../../consumer/schema/tables.js';
import { forgottenHash, type OrderRules } from '../../consumer/transform/forgotten.js';
import { DropJournal, readDrops } from '../../producer/drop-journal.js';
import { IdempotentWriter } from '../../producer/idempotent-writer.js';
import { TopicCopy } from '../../producer/topic-copy.js';
import { ServiceError, TopicError, throwIfAborted, UsageError } from '../../shared/errors.js';
import { type Admin, dropsTopic, ensureTopics, messageConfig, type TopicOffsets, topicInfo, topicOffsets } from '../../shared/kafka.js';
import { isKafkaOutage } from '../../shared/kafka-outage.js';
import { grouped } from '../../shared/number-text.js';
import { ServiceState, throughOutages, unlessAborted } from '../../shared/outage.js';
import { argument, type CommandRun, type Context, EXIT, quiet, type Services } from '../context.js';
import { patiently, withAdmin } from '../database.js';

export const run: CommandRun = async context => {
  quiet(context);
  const to = argument(context, 0);
  const { topic } = context.settings;
  if (to === topic || to === dropsTopic(topic)) throw new UsageError(`"${to}" is the topic itself`);
  const services = await context.services();
  const tables = Tables.of(context.settings);
  await patiently(context, services, async db => {
    await migrate(db.client, context.settings.databaseSchema, context.settings.ownSchema);
    await checkMoved(db, tables, topic);
    const news = await readNews(services.kafka, topic, await dropsOffset(db, tables, topic));
    // writeDrops notes how far the drops topic was read: a kill between the two would lose a request for good
    await enterRequests(db, tables, news.forgets);
    await writeDrops(db, tables, topic, news);
    await forgetEntered(db, tables);
  });
  const rules = await patiently(context, services, db => orderRules(db, tables, context.settings.maxDepth));
  return withAdmin(services.kafka, async admin => {
    const copier = await Copier.open(context, services, admin, to, rules);
    try {
      const copied = await copier.catchUp();
      context.display.finish();
      if (context.options.move !== true) {
        context.print(`Copied ${grouped(copied)} message(s) of "${topic}" to "${to}", which ends where that ends now.`);
        context.print(`Once more takes up what has come since; with --move workers and positions go over to it.`);
        return EXIT.ok;
      }
      await patiently(context, services, db =>
        moveTopic(db, tables, { from: copier.from, to: copier.to, complete: () => copier.complete() }),
      );
      context.display.finish();
      context.print(`Moved to "${to}": positions, books and places of every message are what they were.`);
      context.print(
        `Set ORDERS_TOPIC=${to} for workers and producers; those of "${topic}" end by themselves. Then delete "${topic}" and "${dropsTopic(topic)}".`,
      );
      for (const drop of copier.unfinished)
        context.print(`Drop ${drop} is not published whole: the same produce command goes on with it there.`);
      return EXIT.ok;
    } finally {
      await copier.close();
    }
  });
};

interface TopicName {
  topic: string;
  topicId: string;
}

class Copier {
  readonly #writer: IdempotentWriter;
  readonly #records: TopicRecords;
  /** By partition. */
  readonly #copies = new Map<number, TopicCopy>();
  unfinished: string[] = [];
  #patiently: <T>(work: () => Promise<T>) => Promise<T>;

  private constructor(
    readonly context: Context,
    readonly services: Services,
    readonly admin: Admin,
    readonly from: TopicName,
    readonly to: TopicName,
    rules: OrderRules,
  ) {
    const { settings, log, signal } = context;
    const { kafka } = services;
    const service = new ServiceState('Kafka', log, settings.outageTimeout);
    this.#patiently = work => throughOutages(service, isKafkaOutage, signal, () => unlessAborted(work(), signal));
    this.#writer = new IdempotentWriter({ kafka, service, signal });
    this.#records = new TopicRecords({
      kafka,
      topic: from.topic,
      rules,
      signal,
      stallTimeout: settings.stallTimeout,
      patiently: this.#patiently,
    });
  }

  /** Makes the new topic, or finds it to be a copy that was begun. */
  static async open(context: Context, services: Services, admin: Admin, name: string, rules: OrderRules): Promise<Copier> {
    const { kafka } = services;
    const { topic } = context.settings;
    const source = await topicInfo(kafka, topic);
    if (source === null) throw new ServiceError(`there is no topic "${topic}"`, { hint: 'check KAFKA_BROKERS and ORDERS_TOPIC' });
    // one that was killed behind the making of the topics has left them empty
    const begun = (await topicInfo(kafka, name)) !== null && (await topicOffsets(admin, name)).some(o => o.end > 0);
    const topics = await admin.listTopics();
    const said = topics.includes(dropsTopic(name)) ? (await readDrops(kafka, admin, name)).copyOf : null;
    const forgotten = forgottenHash(rules.forgotten);
    const anew = { hint: `delete "${name}" and "${dropsTopic(name)}", or take another name` };
    if (said === null ? begun : said.topicId !== source.id) throw new TopicError(`"${name}" is there and is no copy of "${topic}"`, anew);
    if (said !== null && said.forgotten !== forgotten)
      throw new TopicError(`users were forgotten since the copy "${name}" was begun`, anew);
    await ensureTopics(admin, name, source.partitions, await messageConfig(admin, topic));
    const made = await topicInfo(kafka, name);
    if (made === null || made.partitions !== source.partitions)
      throw new TopicError(`"${name}" has ${made?.partitions ?? 0} partition(s), and "${topic}" has ${source.partitions}`, anew);
    const copier = new Copier(context, services, admin, { topic, topicId: source.id }, { topic: name, topicId: made.id }, rules);
    if (said === null) await new DropJournal(copier.#writer, name).copyOf({ topic, topicId: source.id, forgotten });
    for (const { partition, end } of await topicOffsets(admin, name))
      copier.#copies.set(partition, new TopicCopy(copier.#writer, name, partition, end));
    return copier;
  }

  /** Copies what is missing up to what the topic holds now. @returns messages that were copied */
  async catchUp(): Promise<number> {
    const { signal, display } = this.context;
    const offsets = await this.#patiently(() => topicOffsets(this.admin, this.from.topic));
    const total = offsets.reduce((sum, { partition, end }) => sum + Math.max(0, end - this.#copyOf(partition).end), 0);
    let done = 0;
    for (const { partition, low, end } of offsets) {
      const copy = this.#copyOf(partition);
      const began = copy.end;
      await copy.write([], Math.max(copy.end, low));
      for await (const { records, next } of this.#records.read(partition, copy.end, end)) {
        await copy.write(records, next);
        display.progress({ title: 'Copying', total, unit: 'messages' }, done + copy.end - began);
      }
      throwIfAborted(signal, 'copying the topic; the same command goes on');
      await copy.flush();
      done += copy.end - began;
      if (low > 0 && began < low)
        await this.admin.deleteTopicRecords({ topic: this.to.topic, partitions: [{ partition, offset: String(low) }] });
    }
    await this.#check(offsets);
    return done;
  }

  /** The end of it, while nobody loads: producers are told first, then all that they have sent is copied. */
  async complete(): Promise<void> {
    await new DropJournal(this.#writer, this.from.topic).moved(this.to.topic);
    const drops = await readDrops(this.services.kafka, this.admin, this.from.topic);
    await new DropJournal(this.#writer, this.to.topic).takeOver(drops, this.to.topicId);
    this.unfinished = [...drops.drops.values()]
      .filter(d => d.manifest.state !== 'published')
      .map(d => `${d.manifest.id} (${d.manifest.name})`);
    await this.catchUp();
  }

  /** @throws TopicError where an offset is not that of the topic: a record that was sent twice has moved all behind it */
  async #check(offsets: TopicOffsets[]): Promise<void> {
    const ends = new Map((await topicOffsets(this.admin, this.to.topic)).map(o => [o.partition, o.end]));
    const wrong = offsets.find(o => ends.get(o.partition) !== o.end);
    if (wrong !== undefined)
      throw new TopicError(
        `partition ${wrong.partition} of the copy ends at offset ${ends.get(wrong.partition)}, where it should at ${wrong.end}`,
        {
          hint: `does anybody else write to "${this.to.topic}"? delete it and copy anew`,
        },
      );
  }

  #copyOf(partition: number): TopicCopy {
    return this.#copies.get(partition)!;
  }

  async close(): Promise<void> {
    await Promise.all([this.#writer.close(), this.#records.close()]);
  }
}
