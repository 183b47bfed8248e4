/** What it means when a broker refuses a batch: which refusals pass by themselves, and which are for a person. */
import { ServiceError } from '../shared/errors.js';

/** Error codes of a Produce answer that waiting cannot help, and what to do about each. */
const HOPELESS: Record<number, [what: string, hint: string]> = {
  10: ['an order is larger than the topic takes', 'raise max.message.bytes of the topic, or lower MAX_ORDER_BYTES'],
  17: ['the name of the topic is not allowed', 'set ORDERS_TOPIC'],
  18: ['a batch is larger than the topic takes', 'raise max.message.bytes and segment.bytes of the topic'],
  29: ['Kafka does not allow us to write to the topic', 'give this user the right WRITE on the topic'],
  31: ['Kafka does not allow us to write as an idempotent producer', 'give this user the right IDEMPOTENT_WRITE on the cluster'],
  32: ['Kafka refuses the time of a message', 'look at the message.timestamp settings of the topic and at the clock'],
  35: ['Kafka is too old', 'Kafka 2.1 or later is needed'],
  42: ['Kafka does not understand the request', 'this is a bug of the program'],
  43: ['the topic keeps messages in an old format', 'set message.format.version of the topic to 2.0 or later'],
  44: ["Kafka's policy forbids the message", "ask the cluster's administrators"],
  76: ['the topic does not take lz4', 'set compression.type of the topic to producer'],
  87: ['Kafka refuses a message as invalid', 'look at cleanup.policy of the topic: it must be delete'],
};

/** Error codes after which a producer id is of no use any more. */
const LOST_PRODUCER = new Set([45, 47, 49, 59, 90]);

/** There is no leader for the partition now. */
export const NO_LEADER = 5;

/** The batch was stored by an earlier attempt. */
export const DUPLICATE_SEQUENCE = 46;

/** Error codes that pass soon, by the names that kafkajs has for them. */
const TYPES: Record<number, string> = {
  3: 'UNKNOWN_TOPIC_OR_PARTITION',
  5: 'LEADER_NOT_AVAILABLE',
  6: 'NOT_LEADER_FOR_PARTITION',
};

/** The broker refused a partition's share. */
export class ProduceRefused extends Error {
  readonly newProducer: boolean;
  readonly type: string | undefined;
  constructor(topic: string, partition: number, error: number) {
    super(`Kafka refuses messages for ${topic}/${partition} (${TYPES[error] ?? `error ${error}`})`);
    this.newProducer = LOST_PRODUCER.has(error);
    this.type = TYPES[error];
  }
}

/** @throws ServiceError where waiting cannot help, else returns an error that throughOutages waits out */
export function refused(topic: string, partition: number, error: number): ProduceRefused {
  const hopeless = HOPELESS[error];
  if (hopeless) throw new ServiceError(`${hopeless[0]} (topic ${topic}, partition ${partition})`, { hint: hopeless[1] });
  return new ProduceRefused(topic, partition, error);
}
