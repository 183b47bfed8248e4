/** What `doctor` asks Kafka. Nothing is changed: a topic that is missing stays missing. */
import { connect } from 'node:net';
import { oneLine } from '../../shared/errors.js';
import { type Admin, dropsTopic, type Kafka, openCluster, type TopicOffsets, topicInfo, topicOffsets } from '../../shared/kafka.js';
import { describeGroup, type GroupDescription } from '../../shared/kafka-group.js';

/** An address, and why nobody answers there; null where somebody does. */
export interface Reached {
  address: string;
  error: string | null;
}

export interface TopicFacts {
  partitions: { partition: number; leader: number; replicas: number; inSync: number }[];
  /** null where the broker does not tell. */
  config: Record<string, string> | null;
}

export interface KafkaFacts {
  /** The brokers that are set. */
  bootstrap: Reached[];
  /** Those that the cluster tells of: what a client really talks to. */
  advertised: Reached[];
  /** Why the cluster could not be asked; then all below is empty. */
  error: string | null;
  /** The greatest version of the request Metadata. */
  metadata: number;
  /** The incarnation of the topic. */
  topicId: string | null;
  orders: TopicFacts | null;
  drops: TopicFacts | null;
  offsets: TopicOffsets[];
  /** Of each broker; null where none tells. */
  brokers: Record<string, string>[] | null;
  group: GroupDescription | null;
}

const REACH_TIMEOUT = 4000;
const METADATA = 3;
const TOPIC = 2;
const BROKER = 4;

export async function kafkaFacts(kafka: Kafka, bootstrap: string[], topic: string, group: string): Promise<KafkaFacts> {
  const facts: KafkaFacts = {
    bootstrap: await Promise.all(bootstrap.map(reach)),
    advertised: [],
    error: null,
    metadata: 0,
    topicId: null,
    orders: null,
    drops: null,
    offsets: [],
    brokers: null,
    group: null,
  };
  if (facts.bootstrap.every(b => b.error !== null)) return { ...facts, error: facts.bootstrap[0].error };
  const admin = kafka.admin();
  try {
    await admin.connect();
    await ask(kafka, admin, topic, group, facts);
  } catch (error) {
    facts.error = oneLine(error);
  } finally {
    await admin.disconnect().catch(() => {});
  }
  return facts;
}

async function ask(kafka: Kafka, admin: Admin, topic: string, group: string, facts: KafkaFacts): Promise<void> {
  const { brokers } = await admin.describeCluster();
  facts.advertised = await Promise.all(brokers.map(b => reach(`${b.host}:${b.port}`)));
  if (facts.advertised.some(b => b.error !== null)) return; // every further question may go to such a broker
  facts.metadata = await metadataVersion(kafka);
  facts.brokers = await Promise.all(brokers.map(b => config(admin, BROKER, String(b.nodeId)))).then(all =>
    all.every(c => c !== null) ? all : null,
  );
  const topics = await admin.listTopics();
  for (const [name, key] of [
    [topic, 'orders'],
    [dropsTopic(topic), 'drops'],
  ] as const) {
    if (topics.includes(name)) facts[key] = { partitions: await partitions(admin, name), config: await config(admin, TOPIC, name) };
  }
  if (facts.orders?.partitions.every(p => p.leader >= 0)) {
    facts.offsets = await topicOffsets(admin, topic);
    facts.topicId = (await topicInfo(kafka, topic))?.id ?? null;
  }
  facts.group = await describeGroup(admin, group);
}

/** Does somebody listen there? */
function reach(address: string): Promise<Reached> {
  const [, host, port] = /^\[?(.+?)\]?:(\d+)$/.exec(address) ?? [];
  if (port === undefined) return Promise.resolve({ address, error: 'it is not host:port' });
  return new Promise(resolve => {
    const socket = connect({ host, port: Number(port), timeout: REACH_TIMEOUT });
    const settle = (error: string | null) => {
      socket.destroy();
      resolve({ address, error });
    };
    socket.on('connect', () => settle(null));
    socket.on('timeout', () => settle(`no answer within ${REACH_TIMEOUT / 1000} s`));
    socket.on('error', error => settle(oneLine(error)));
  });
}

/** kafkajs keeps what each broker can do, and shows it to nobody. */
async function metadataVersion(kafka: Kafka): Promise<number> {
  const cluster = await openCluster(kafka);
  try {
    await cluster.refreshMetadata();
    const broker = (await cluster.findControllerBroker()) as unknown as { versions?: Record<number, { maxVersion: number }> };
    return broker.versions?.[METADATA]?.maxVersion ?? 0;
  } finally {
    await cluster.disconnect().catch(() => {});
  }
}

async function config(admin: Admin, type: number, name: string): Promise<Record<string, string> | null> {
  const { resources } = await admin
    .describeConfigs({ includeSynonyms: false, resources: [{ type, name }] })
    .catch(() => ({ resources: [] }));
  if (resources[0] === undefined || resources[0].errorCode !== 0) return null;
  return Object.fromEntries(resources[0].configEntries.map(c => [c.configName, c.configValue]));
}

async function partitions(admin: Admin, topic: string): Promise<TopicFacts['partitions']> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  return topics[0].partitions.map(p => ({ partition: p.partitionId, leader: p.leader, replicas: p.replicas.length, inSync: p.isr.length }));
}
