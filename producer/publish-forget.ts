/** Records in the drops topic that a user is to be forgotten. */
import type { ForgetRecord } from '../shared/drop-record.js';
import { DropJournal } from './drop-journal.js';
import { IdempotentWriter } from './idempotent-writer.js';
import { askTopics, type KafkaPlace } from './kafka-topics.js';

/**
 * A user of whom nothing was kept stays one: a later request that keeps the money would bring the rows back where the topic is loaded anew.
 *
 * @returns what was recorded
 * @throws ServiceError when Kafka stays away too long; InterruptedError on the signal: then it may be recorded
 */
export async function publishForget(
  place: KafkaPlace,
  partitions: number,
  record: ForgetRecord,
  signal: AbortSignal,
): Promise<ForgetRecord> {
  const { drops } = await askTopics(place, partitions, signal);
  const recorded = drops.forgets.get(record.user)?.keeps === 'nothing' ? { ...record, keeps: 'nothing' as const } : record;
  const writer = new IdempotentWriter({ ...place, signal });
  try {
    await new DropJournal(writer, place.topic).forget(recorded);
    return recorded;
  } finally {
    await writer.close();
  }
}
