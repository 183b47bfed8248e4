/** Records in the drops topic that a user is to be forgotten. */
import type { ForgetRecord } from '../shared/drop-record.js';
import { DropJournal } from './drop-journal.js';
import { IdempotentWriter } from './idempotent-writer.js';
import { askTopics, type KafkaPlace } from './kafka-topics.js';

/** @throws ServiceError when Kafka stays away too long; InterruptedError on the signal: then it may be recorded */
export async function publishForget(place: KafkaPlace, partitions: number, record: ForgetRecord, signal: AbortSignal): Promise<void> {
  await askTopics(place, partitions, signal);
  const writer = new IdempotentWriter({ ...place, signal });
  try {
    await new DropJournal(writer, place.topic).forget(record);
  } finally {
    await writer.close();
  }
}
