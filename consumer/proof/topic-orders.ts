/** The messages of one drop, read from the topic from where its publication began to where it ended. */
import type { Kafka } from '../../shared/kafka.js';
import { isKafkaOutage } from '../../shared/kafka-outage.js';
import { type ServiceState, throughOutages, unlessAborted } from '../../shared/outage.js';
import { TopicReader } from '../intake/topic-reader.js';
import type { Positions } from '../load/positions.js';
import { TopicSource } from '../rebuild/topic-source.js';
import type { OrderSource } from './hold-drop.js';
import type { PublishedDrop } from './publications.js';

/** Milliseconds by which the clocks of producers and brokers may differ. */
const CLOCKS = 10 * 60_000;

export interface TopicOrdersOptions {
  kafka: Kafka;
  topic: string;
  state: ServiceState;
  stallTimeout: number;
  /** Up to where the tables hold the topic: what lies behind is not loaded yet. */
  positions: Positions;
  signal: AbortSignal;
  onMessages: (done: number, total: number) => void;
}

export async function* topicOrders(drop: PublishedDrop, o: TopicOrdersOptions): OrderSource {
  const source = new TopicSource(o.kafka, o.topic, o.state, o.signal);
  try {
    const offsets = await source.offsets(o.positions);
    const near = async (time: Date | null, add: number) => (time === null ? null : source.offsetsAt(new Date(time.getTime() + add)));
    const first = await near(drop.startedAt, -CLOCKS);
    const last = await near(drop.finishedAt, CLOCKS);
    const at = (found: Positions | null, partition: number, otherwise: number) => {
      const offset = found?.get(partition) ?? -1;
      return offset < 0 ? otherwise : offset;
    };
    const from = new Map(
      offsets.map(p => [p.partition, Math.min(p.end, Math.max(p.low, at(first, p.partition, first === null ? p.low : p.end)))]),
    );
    const limits = new Map(offsets.map(p => [p.partition, Math.min(p.end, at(last, p.partition, p.end))]));
    const total = offsets.reduce((n, p) => n + Math.max(0, limits.get(p.partition)! - from.get(p.partition)!), 0);
    const reader = new TopicReader({
      kafka: o.kafka,
      topic: o.topic,
      from,
      stallTimeout: o.stallTimeout,
      signal: o.signal,
      patiently: work => throughOutages(o.state, isKafkaOutage, o.signal, () => unlessAborted(work(), o.signal)),
    });
    try {
      let done = 0;
      for (;;) {
        const batch = await reader.next(limits, 4000, 6_000_000);
        if (batch === null) return;
        done += batch.messages.length;
        o.onMessages(done, Math.max(done, total));
        yield { messages: batch.messages.filter(m => m.place?.drop === drop.drop) };
      }
    } finally {
      await reader.close();
    }
  } finally {
    await source.close();
  }
}
