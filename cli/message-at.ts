/** A single message of the topic, for answers that are better with it and can do without. */
import type { OrderMessage } from '../consumer/intake/batch.js';
import { TopicSource } from '../consumer/rebuild/topic-source.js';
import type { Kafka } from '../shared/kafka.js';
import { ServiceState } from '../shared/outage.js';
import type { Context, Services } from './context.js';

/** Postgres, and Kafka where one is set or is the local one. */
export async function kafkaIfAny(context: Context): Promise<Pick<Services, 'databaseUrl'> & { kafka: Kafka | null }> {
  const { databaseUrl, kafkaBrokers } = context.settings;
  const alone = databaseUrl !== undefined && kafkaBrokers === undefined;
  return alone ? { ...(await context.database()), kafka: null } : context.services();
}

/** The messages at these places, each null where there is no Kafka or it does not have it any more. */
export async function messagesAt(
  context: Context,
  kafka: Kafka | null,
  topic: string,
  places: readonly { partition: number; offset: number }[],
): Promise<(OrderMessage | null)[]> {
  if (kafka === null) return places.map(() => null);
  const { log, settings, signal } = context;
  const source = new TopicSource(kafka, topic, new ServiceState('Kafka', log, settings.outageTimeout), signal);
  try {
    const found: (OrderMessage | null)[] = [];
    for (const place of places) found.push((await source.messages([place]))[0] ?? null);
    return found;
  } catch (error) {
    if (signal.aborted) throw error;
    log.debug({ reason: String(error) }, 'a message could not be read');
    return places.map(() => null);
  } finally {
    await source.close();
  }
}
