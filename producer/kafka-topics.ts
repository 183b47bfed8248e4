/** What Kafka looks like when a run begins, and whether it has all of the run's orders when it ends. */
import type { DropStates } from '../shared/drop-record.js';
import { ServiceError, TopicError } from '../shared/errors.js';
import { type Admin, ensureTopics, type Kafka, openCluster, type TopicOffsets, topicInfo, topicOffsets } from '../shared/kafka.js';
import { isKafkaOutage } from '../shared/kafka-outage.js';
import { type ServiceState, throughOutages } from '../shared/outage.js';
import { readDrops } from './drop-journal.js';
import { whileSettling } from './settling.js';

export interface Topics {
  /** The broker's id of the topic of the orders. */
  topicId: string;
  partitions: number;
  offsets: TopicOffsets[];
  drops: DropStates;
}

export interface KafkaPlace {
  kafka: Kafka;
  service: ServiceState;
  topic: string;
}

/**
 * Makes the topics when they are missing and asks all that a run must know, about 0.3 s.
 *
 * @param partitions of a topic that is made now
 */
export async function askTopics(place: KafkaPlace, partitions: number, signal: AbortSignal): Promise<Topics> {
  const { kafka, topic } = place;
  return withAdmin(place, signal, async admin => {
    await ensureTopics(admin, topic, partitions);
    const offsets = await topicOffsets(admin, topic);
    const drops = await readDrops(kafka, admin, topic);
    const info = await topicInfo(kafka, topic);
    if (info === null) throw Object.assign(new Error(`the topic ${topic} is not known yet`), { type: 'UNKNOWN_TOPIC_OR_PARTITION' });
    refuseNewer(topic, drops);
    refuseMoved(topic, drops);
    return { topicId: info.id, partitions: info.partitions, offsets, drops };
  });
}

/** @throws ServiceError where the drops topic has records that this version does not know */
export function refuseNewer(topic: string, { newer }: DropStates): void {
  if (newer > 0) throw new ServiceError(`the topic ${topic}.drops has records of a newer version`, { hint: 'update glossier' });
}

function refuseMoved(topic: string, { movedTo }: DropStates): void {
  if (movedTo !== null) throw new ServiceError(`the topic "${topic}" was moved to "${movedTo}"`, { hint: `set ORDERS_TOPIC=${movedTo}` });
}

/**
 * Asks again whether the topic was moved meanwhile: nobody loads from it then.
 *
 * @throws ServiceError where it was
 */
export async function checkNotMoved(place: KafkaPlace, { drops }: Topics, signal: AbortSignal | undefined): Promise<void> {
  const { kafka, topic } = place;
  refuseMoved(topic, await withAdmin(place, signal, admin => readDrops(kafka, admin, topic, drops.next)));
}

/**
 * High watermark of each partition, by partition: unlike the end that a topic's offsets tell it counts what stands in transactions that are open.
 *
 * @param offsets of every partition
 */
export async function highWatermarks(kafka: Kafka, topic: string, offsets: TopicOffsets[]): Promise<Map<number, number>> {
  const cluster = await openCluster(kafka);
  try {
    await cluster.addTargetTopic(topic);
    const marks = new Map<number, number>();
    for (const { partition, end } of offsets) {
      const broker = await cluster.findBroker({ nodeId: Object.keys(cluster.findLeaderForPartitions(topic, [partition]))[0] });
      const partitions = [{ partition, fetchOffset: String(end), maxBytes: 1 }];
      const { responses } = await broker.fetch({
        maxWaitTime: 0,
        minBytes: 0,
        maxBytes: 1,
        isolationLevel: 1,
        topics: [{ topic, partitions }],
      });
      marks.set(partition, Number(responses[0].partitions[0].highWatermark));
    }
    return marks;
  } finally {
    await cluster.disconnect().catch(() => {});
  }
}

/**
 * Compares the topic with what it was: every order that was sent must be in it.
 *
 * @throws TopicError where it has fewer messages, or is another topic of the same name
 */
export async function verifySent(place: KafkaPlace, before: Topics, sent: number, signal: AbortSignal | undefined): Promise<void> {
  const { kafka, topic } = place;
  const hint = 'the same command publishes the drop from its start';
  const { info, offsets } = await withAdmin(place, signal, async admin => ({
    offsets: await topicOffsets(admin, topic),
    info: await topicInfo(kafka, topic),
  }));
  if (info?.id !== before.topicId) throw new TopicError(`the topic ${topic} was deleted while the drop was published`, { hint });
  const began = new Map(before.offsets.map(o => [o.partition, o.end]));
  const grown = offsets.reduce((sum, o) => sum + o.end - (began.get(o.partition) ?? 0), 0);
  if (grown < sent) throw new TopicError(`the topic ${topic} has grown by ${grown} messages, and ${sent} were sent`, { hint });
}

async function withAdmin<T>(
  { kafka, service }: KafkaPlace,
  signal: AbortSignal | undefined,
  work: (admin: Admin) => Promise<T>,
): Promise<T> {
  return throughOutages(service, isKafkaOutage, signal, () =>
    whileSettling(async () => {
      const admin = kafka.admin();
      try {
        await admin.connect();
        return await work(admin);
      } finally {
        admin.disconnect().catch(() => {});
      }
    }),
  );
}
