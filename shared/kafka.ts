/**
 * The Kafka client: made in one place, so that timeouts, codecs and quiet logs are the same everywhere.
 *
 * Two things that kafkajs 2.2.4 does inside but does not offer are reached through its own cluster object: the id of a topic (Metadata
 * v10, KIP-516) and a plain read of a partition without a consumer group (a group costs a join of up to 3 s on a broker with the
 * default `group.initial.rebalance.delay.ms`, and litter). kafkajs is pinned to the exact version for that reason.
 */
import * as net from 'node:net';
import * as tls from 'node:tls';
import kafkajs, { type Admin, type Batch, type Kafka, type KafkaConfig, type SASLOptions } from 'kafkajs';
import InnerBatch from 'kafkajs/src/consumer/batch.js';
import { GlossierError, oneLine } from './errors.js';
import { teachKafkajs } from './kafka-codecs.js';
import type { KafkaSecurity } from './kafka-security.js';
import type { Logger } from './log.js';
import { metadataV10, type TopicInfo } from './metadata-v10.js';

export type { Admin, Batch, Kafka, KafkaConfig, SASLOptions, TopicInfo };

const { Kafka: KafkaClient, logLevel } = kafkajs;

teachKafkajs();

// kafkajs asks for timers in the past (its issue 1751), and Node 24 warns of each kind once. Such a timer fires at once, as is meant.
const emitWarning = process.emitWarning.bind(process) as (warning: string | Error, ...rest: unknown[]) => void;
process.emitWarning = ((warning: string | Error, ...rest: unknown[]) => {
  const [type] = rest;
  const name = typeof type === 'string' ? type : (type as { type?: string } | undefined)?.type;
  if (name !== 'TimeoutNegativeWarning') emitWarning(warning, ...rest);
}) as typeof process.emitWarning;

export interface KafkaOptions {
  brokers: string[];
  log: Logger;
  /** TLS and SASL; none where it is left out. */
  security?: KafkaSecurity;
  /** Milliseconds a request may take before its connection is given up: bounds a silent loss of the network. */
  requestTimeout?: number;
}

/** A client. Nothing is connected yet. kafkajs' own lines go to the log's debug level: what people must know we say ourselves. */
export function createKafka({ brokers, log, security, requestTimeout = 15_000 }: KafkaOptions): Kafka {
  const config: KafkaConfig = {
    ...security,
    clientId: 'glossier',
    brokers,
    connectionTimeout: 5000,
    requestTimeout,
    enforceRequestTimeout: true,
    retry: { initialRetryTime: 100, maxRetryTime: 2000, retries: 5 },
    logLevel: logLevel.DEBUG,
    logCreator: () => entry => {
      if (!log.isLevelEnabled('debug')) return;
      const { message, error, retryCount } = entry.log;
      log.debug({ kafkajs: entry.namespace, error, retryCount }, message);
    },
    socketFactory: ({ host, port, ssl, onConnect }) => {
      const place = { host, port, keepAlive: true, keepAliveInitialDelay: 10_000, noDelay: true };
      // a name is sent for servers with several certificates; an address is none
      const socket = ssl
        ? tls.connect({ ...place, ...(net.isIP(host) ? {} : { servername: host }), ...ssl }, onConnect)
        : net.connect(place, onConnect);
      return endWhenSilent(socket, requestTimeout);
    },
  };
  if (!log.isLevelEnabled('debug')) config.logLevel = logLevel.NOTHING;
  return new KafkaClient(config);
}

/** A fetch of drop records; more of them than their reader unpacks at once would be sent again and again. */
const RECORD_FETCH_BYTES = 256 * 1024;
const JOIN_GROUP = 11;
/** Milliseconds for a JoinGroup, which the broker answers when all members are there: above any rebalance timeout. */
const JOIN_SILENCE = 75_000;

/**
 * Ends a connection on which a request has had no answer for too long. kafkajs gives up the request, but keeps the connection and sends
 * everything else on it too: where the network has silently lost it, a consumer goes on for minutes without noticing.
 *
 * @param silence milliseconds
 */
function endWhenSilent(socket: net.Socket, silence: number): net.Socket {
  let timer: NodeJS.Timeout | undefined;
  const answered = (): void => {
    clearTimeout(timer);
    timer = undefined;
  };
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
  socket.write = ((...args: unknown[]) => {
    // a request begins with its length and the number of its kind
    const join = Buffer.isBuffer(args[0]) && args[0].length >= 6 && args[0].readInt16BE(4) === JOIN_GROUP;
    timer ??= setTimeout(
      () => socket.destroy(Object.assign(new Error('Kafka does not answer'), { code: 'ETIMEDOUT' })),
      join ? Math.max(JOIN_SILENCE, silence) : silence,
    );
    return write(...args);
  }) as net.Socket['write'];
  // kafkajs does this at each of its disconnects, to a closed socket as well, for which Node adds a listener each time and warns of the eleventh
  const unref = socket.unref.bind(socket);
  socket.unref = () => (socket.destroyed ? socket : unref());
  return socket.on('data', answered).on('close', answered);
}

export interface TopicOffsets {
  partition: number;
  /** First offset that the broker still has. */
  low: number;
  /** Offset that the next message will get. */
  end: number;
}

export interface RawRecord {
  offset: number;
  key: Buffer | null;
  value: Buffer | null;
}

/** What is used of kafkajs' inner objects, as of 2.2.4. */
export interface InnerBroker {
  initProducerId(request: { transactionTimeout: number }): Promise<{ producerId: string; producerEpoch: number }>;
  fetch(request: unknown): Promise<{ responses: { partitions: { highWatermark: string; messages: InnerMessage[] }[] }[] }>;
  connectionPool: { send(call: unknown): Promise<unknown> };
}
interface InnerMessage {
  offset: string;
  key: Buffer | null;
  value: Buffer | null;
  isControlRecord?: boolean;
}
export interface InnerCluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  refreshMetadata(): Promise<void>;
  addTargetTopic(topic: string): Promise<void>;
  findLeaderForPartitions(topic: string, partitions: number[]): Record<string, number[]>;
  findBroker(node: { nodeId: string }): Promise<InnerBroker>;
  findControllerBroker(): Promise<InnerBroker>;
}

/** Connects kafkajs' inner cluster object: the brokers, their connections and who leads what. The caller disconnects it. */
export async function openCluster(kafka: Kafka): Promise<InnerCluster> {
  const symbol = Object.getOwnPropertySymbols(kafka).find(s => s.description === 'private:Kafka:createCluster');
  if (symbol === undefined) throw new GlossierError('this is not kafkajs 2.2.4', { hint: 'run npm ci' });
  const cluster = (kafka as unknown as Record<symbol, (o: object) => InnerCluster>)[symbol]({
    allowAutoTopicCreation: false,
    metadataMaxAge: 60_000,
    isolationLevel: 1,
  });
  await cluster.connect();
  return cluster;
}

async function withCluster<T>(kafka: Kafka, use: (cluster: InnerCluster) => Promise<T>): Promise<T> {
  const cluster = await openCluster(kafka);
  try {
    return await use(cluster);
  } finally {
    await cluster.disconnect().catch(() => {});
  }
}

/**
 * Looks a topic up.
 *
 * @returns null when there is no such topic
 */
export async function topicInfo(kafka: Kafka, topic: string): Promise<TopicInfo | null> {
  return withCluster(kafka, cluster => describeTopic(cluster, topic));
}

/** Looks a topic up over connections that are there: a millisecond, where making one takes twenty. */
export async function describeTopic(cluster: InnerCluster, topic: string): Promise<TopicInfo | null> {
  await cluster.refreshMetadata(); // who the controller is
  const broker = await cluster.findControllerBroker();
  return (await broker.connectionPool.send(metadataV10(topic))) as TopicInfo | null;
}

/**
 * Reads one partition from an offset to the end that it has now, without a consumer group.
 *
 * @param onRecord called for each record in order; control records are left out
 * @returns the offset to go on from
 */
export async function readPartition(
  kafka: Kafka,
  topic: string,
  partition: number,
  from: number,
  onRecord: (record: RawRecord) => void,
): Promise<number> {
  return withCluster(kafka, async cluster => {
    await cluster.addTargetTopic(topic);
    const nodeId = Object.keys(cluster.findLeaderForPartitions(topic, [partition]))[0];
    const broker = await cluster.findBroker({ nodeId });
    for (let next = from; ; ) {
      const { responses } = await broker.fetch({
        maxWaitTime: 100,
        minBytes: 0,
        maxBytes: RECORD_FETCH_BYTES,
        isolationLevel: 1,
        topics: [{ topic, partitions: [{ partition, fetchOffset: String(next), maxBytes: RECORD_FETCH_BYTES }] }],
      });
      const { highWatermark, messages } = responses[0].partitions[0];
      for (const m of messages) {
        const offset = Number(m.offset);
        if (offset < next) continue; // a compressed batch comes whole, also when it starts before the asked offset
        next = offset + 1;
        if (!m.isControlRecord) onRecord({ offset, key: m.key, value: m.value });
      }
      if (next >= Number(highWatermark) || messages.length === 0) return Math.max(next, Number(highWatermark));
    }
  });
}

/**
 * One fetch of one partition without a consumer group, from an offset that the broker has.
 *
 * @param maxBytes compressed; the first record batch comes whole, however large
 * @returns null when there is nothing at that offset yet
 * @throws kafkajs' errors; after one the cluster object is to be thrown away, as it may not know who leads the partition
 */
export async function fetchBatch(
  cluster: InnerCluster,
  topic: string,
  partition: number,
  offset: number,
  maxBytes: number,
): Promise<Batch | null> {
  const nodeId = Object.keys(cluster.findLeaderForPartitions(topic, [partition]))[0];
  const broker = await cluster.findBroker({ nodeId });
  const { responses } = await broker.fetch({
    maxWaitTime: 250,
    minBytes: 1,
    maxBytes,
    isolationLevel: 1,
    topics: [{ topic, partitions: [{ partition, fetchOffset: String(offset), maxBytes }] }],
  });
  const got = responses[0].partitions[0];
  return got.messages.length === 0 ? null : new InnerBatch(topic, String(offset), got);
}

/** First and next offset of each partition, by partition. */
export async function topicOffsets(admin: Admin, topic: string): Promise<TopicOffsets[]> {
  const offsets = await admin.fetchTopicOffsets(topic);
  return offsets.map(o => ({ partition: o.partition, low: Number(o.low), end: Number(o.high) })).sort((a, b) => a.partition - b.partition);
}

/**
 * Makes the topic of the orders and the one of the drops when they are missing: both keep everything, whatever the broker's defaults.
 *
 * @param config what else the topic of the orders is to have, such as a larger max.message.bytes
 */
export async function ensureTopics(
  admin: Admin,
  topic: string,
  partitions: number,
  config: { name: string; value: string }[] = [],
): Promise<void> {
  const keep = [
    { name: 'retention.ms', value: '-1' },
    { name: 'retention.bytes', value: '-1' },
  ];
  const existing = new Set(await admin.listTopics());
  const wanted = [
    { topic, numPartitions: partitions, configEntries: [{ name: 'cleanup.policy', value: 'delete' }, ...keep, ...config] },
    { topic: dropsTopic(topic), numPartitions: 1, configEntries: [{ name: 'cleanup.policy', value: 'compact' }] },
  ].filter(t => !existing.has(t.topic));
  if (wanted.length === 0) return;
  try {
    await admin.createTopics({ topics: wanted, waitForLeaders: true, timeout: 15_000 });
  } catch (error) {
    if (!/already exists/i.test(oneLine(error)) && !isAlreadyThere(error)) throw error; // another process made it meanwhile
  }
}

function isAlreadyThere(error: unknown): boolean {
  const errors = (error as { errors?: { type?: string }[] }).errors ?? [];
  return errors.length > 0 && errors.every(e => e.type === 'TOPIC_ALREADY_EXISTS');
}

/** What was set for the topic itself of how large its messages may be, and whose time they have. */
export async function messageConfig(admin: Admin, topic: string): Promise<{ name: string; value: string }[]> {
  const names = ['max.message.bytes', 'message.timestamp.type'];
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: TOPIC_RESOURCE, name: topic, configNames: names }],
  });
  return (resources[0]?.configEntries ?? []).map(c => ({ name: c.configName, value: c.configValue })).filter(c => names.includes(c.name));
}

/** Kafka's number of a topic among what can be configured. */
export const TOPIC_RESOURCE = 2;

/** The compacted topic that tells what each drop holds. */
export function dropsTopic(topic: string): string {
  return `${topic}.drops`;
}
