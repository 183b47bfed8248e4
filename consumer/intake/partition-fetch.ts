/** Fetches of single partitions of a topic, without a consumer group, over connections that are kept from one to the next. */
import { type Batch, fetchBatch, type InnerCluster, type Kafka, openCluster } from '../../shared/kafka.js';

export class PartitionFetch {
  #cluster: InnerCluster | null = null;

  constructor(
    readonly kafka: Kafka,
    readonly topic: string,
  ) {}

  /**
   * One fetch from an offset that the broker has.
   *
   * @param maxBytes compressed; the first record batch comes whole, however large
   * @returns null when there is nothing at that offset yet
   * @throws kafkajs' errors; the next fetch makes its connections anew, as these may not know who leads the partition
   */
  async fetch(partition: number, offset: number, maxBytes: number): Promise<Batch | null> {
    try {
      if (this.#cluster === null) {
        this.#cluster = await openCluster(this.kafka);
        await this.#cluster.addTargetTopic(this.topic);
      }
      return await fetchBatch(this.#cluster, this.topic, partition, offset, maxBytes);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const cluster = this.#cluster;
    this.#cluster = null;
    await cluster?.disconnect().catch(() => {});
  }
}
