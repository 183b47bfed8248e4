/** What the facts about Kafka mean: pure. */
import { strangersTo } from '../../shared/kafka-group.js';
import type { Settings } from '../../shared/settings.js';
import { advice, type Finding, many, ok, problem, unknown } from './finding.js';
import type { KafkaFacts, Reached, TopicFacts } from './kafka-facts.js';

/** Topic ids, by which a topic that was made anew is told, came with Metadata 10: Kafka 2.8. */
const METADATA_WITH_IDS = 10;
/** What key, headers and the frame of a batch add to an order at the most. */
const FRAME_BYTES = 8192;
/** A manifest of ten thousand files. */
const MANIFEST_BYTES = 1_000_000;

type Names = Pick<Settings, 'topic' | 'kafkaGroup' | 'maxOrderBytes' | 'partitions'>;

export function checkKafka(facts: KafkaFacts, settings: Names): Finding[] {
  const reached = checkReach(facts);
  if (reached.state === 'problem') return [reached];
  return [
    reached,
    checkVersion(facts),
    checkTopic(facts, settings),
    ...(facts.orders === null ? [] : [checkRetention(facts, settings)]),
    ...(facts.drops === null ? [] : [checkDrops(facts.drops, `${settings.topic}.drops`)]),
    checkSizes(facts, settings),
    checkCopies(facts, settings),
    checkWorkers(facts, settings),
    checkGroup(facts, settings),
  ];
}

const LISTENERS = 'advertised.listeners of the brokers must name addresses that this machine can reach';

function checkReach({ bootstrap, advertised, error }: KafkaFacts): Finding {
  const check = 'kafka.reach';
  const tell = (b: Reached) => `${b.address} (${b.error})`;
  const dead = bootstrap.filter(b => b.error !== null);
  if (dead.length === bootstrap.length)
    return problem(check, `Kafka cannot be reached: ${dead.map(tell).join(', ')}`, 'Check KAFKA_BROKERS and that the brokers run');
  const lost = advertised.filter(b => b.error !== null);
  if (lost.length > 0) return problem(check, `Kafka tells of brokers that cannot be reached: ${lost.map(tell).join(', ')}`, LISTENERS);
  if (error !== null)
    return problem(check, `Kafka was reached and does not answer as it should: ${error}`, 'Is it a broker without TLS and SASL?');
  if (dead.length > 0)
    return advice(
      check,
      `${many(dead.length, 'broker')} of KAFKA_BROKERS cannot be reached: ${dead.map(tell).join(', ')}`,
      'The others do; correct the list',
    );
  return ok(check, `Kafka answers, ${many(advertised.length, 'broker')}: ${advertised.map(b => b.address).join(', ')}`);
}

function checkVersion({ metadata }: KafkaFacts): Finding {
  const check = 'kafka.version';
  if (metadata >= METADATA_WITH_IDS) return ok(check, 'Kafka is 2.8 or later');
  return problem(
    check,
    'Kafka is older than 2.8: it has no topic ids, without which a topic that was made anew is not noticed',
    'Update Kafka',
  );
}

function checkTopic({ orders }: KafkaFacts, { topic, partitions }: Names): Finding {
  const check = 'kafka.topic';
  if (orders === null) return ok(check, `The topic "${topic}" is not there yet; it will be made with ${many(partitions, 'partition')}`);
  const headless = orders.partitions.filter(p => p.leader < 0);
  if (headless.length === 0)
    return ok(check, `The topic "${topic}" has ${many(orders.partitions.length, 'partition')}, each with a leader`);
  return problem(
    check,
    `Partition ${headless.map(p => p.partition).join(', ')} of "${topic}" has no leader`,
    'Start the brokers that hold it',
  );
}

function alter(topic: string, settings: string): string[] {
  return [
    'By a tool of Kafka:',
    `kafka-configs.sh --bootstrap-server HOST:PORT --alter --entity-type topics --entity-name ${topic} --add-config ${settings}`,
  ];
}

function checkRetention({ orders }: KafkaFacts, { topic }: Names): Finding {
  const check = 'kafka.retention';
  const config = orders!.config;
  if (config === null)
    return unknown(
      check,
      `The broker does not tell how long "${topic}" keeps messages`,
      'It must keep them for ever: retention.ms=-1, retention.bytes=-1',
    );
  const wrong: string[] = [];
  if (config['retention.ms'] !== '-1') wrong.push(`retention.ms=${config['retention.ms']}`);
  if (config['retention.bytes'] !== '-1') wrong.push(`retention.bytes=${config['retention.bytes']}`);
  if (/compact/.test(config['cleanup.policy'])) wrong.push(`cleanup.policy=${config['cleanup.policy']}`);
  if (wrong.length === 0) return ok(check, `"${topic}" keeps every message for ever`);
  return problem(
    check,
    `"${topic}" does not keep every message: ${wrong.join(', ')}. Without them the tables cannot be made again`,
    ...alter(topic, 'retention.ms=-1,retention.bytes=-1,cleanup.policy=delete'),
  );
}

function checkDrops({ config }: TopicFacts, name: string): Finding {
  const check = 'kafka.drops';
  if (config === null)
    return unknown(check, `The broker does not tell how "${name}" is cleaned up`, 'It must be compacted: cleanup.policy=compact');
  if (config['cleanup.policy'] === 'compact') return ok(check, `"${name}" is compacted, and so keeps what each drop holds`);
  if (config['cleanup.policy'] === 'delete' && config['retention.ms'] === '-1' && config['retention.bytes'] === '-1')
    return advice(check, `"${name}" is not compacted: it grows with every drop`, ...alter(name, 'cleanup.policy=compact'));
  return problem(
    check,
    `"${name}" forgets which drops are published: cleanup.policy=${config['cleanup.policy']}, retention.ms=${config['retention.ms']}`,
    ...alter(name, 'cleanup.policy=compact'),
  );
}

/** Into the topic, between brokers, and out of it. */
function checkSizes({ orders, drops, brokers }: KafkaFacts, { topic, maxOrderBytes }: Names): Finding {
  const check = 'kafka.sizes';
  const needed = maxOrderBytes + FRAME_BYTES;
  const least = (name: string) => (brokers === null ? Infinity : Math.min(...brokers.map(b => Number(b[name] ?? Infinity))));
  const takes = Number(orders?.config?.['max.message.bytes'] ?? least('message.max.bytes'));
  if (takes === Infinity)
    return unknown(
      check,
      'The broker does not tell how large a message may be',
      `It must be at least ${needed}: MAX_ORDER_BYTES and its frame`,
    );
  if (takes < needed)
    return problem(
      check,
      `"${topic}" takes messages of ${takes} bytes, and MAX_ORDER_BYTES is ${maxOrderBytes}: a large order would end its publication`,
      'Lower MAX_ORDER_BYTES, or',
      ...alter(topic, `max.message.bytes=${needed}`),
    );
  const request = least('socket.request.max.bytes');
  if (request < needed)
    return problem(
      check,
      `A broker takes requests of ${request} bytes, and an order may have ${maxOrderBytes}`,
      `Raise socket.request.max.bytes of the brokers, or lower MAX_ORDER_BYTES`,
    );
  const copies = least('replica.fetch.max.bytes');
  if ((brokers?.length ?? 1) > 1 && copies < takes)
    return advice(
      check,
      `Brokers copy ${copies} bytes at a time, and "${topic}" takes messages of ${takes}: large ones are copied one by one`,
      `Raise replica.fetch.max.bytes of the brokers to ${takes}`,
    );
  const out = least('fetch.max.bytes');
  if (out < takes)
    return advice(
      check,
      `A broker hands out ${out} bytes a fetch, and "${topic}" takes messages of ${takes}: large ones are fetched one by one`,
      `Raise fetch.max.bytes of the brokers to ${takes}`,
    );
  const manifest = Number(drops?.config?.['max.message.bytes'] ?? Infinity);
  if (manifest < MANIFEST_BYTES)
    return advice(
      check,
      `"${topic}.drops" takes messages of ${manifest} bytes: the list of a drop of thousands of files is longer`,
      ...alter(`${topic}.drops`, 'max.message.bytes=1048588'),
    );
  return ok(check, `An order of MAX_ORDER_BYTES (${maxOrderBytes}) passes: messages may have ${takes} bytes`);
}

/** Copies of what is published, where there are brokers for them. */
function checkCopies({ orders, drops, advertised }: KafkaFacts, { topic }: Names): Finding {
  const check = 'kafka.copies';
  if (orders === null) return ok(check, 'There is no topic yet whose copies could be counted');
  for (const [name, t] of [
    [topic, orders],
    [`${topic}.drops`, drops],
  ] as const) {
    if (t === null) continue;
    const replicas = Math.min(...t.partitions.map(p => p.replicas));
    const inSync = Number(t.config?.['min.insync.replicas'] ?? NaN); // of what is not told no comparison holds
    if (inSync > replicas)
      return problem(
        check,
        `"${name}" wants ${inSync} copies of a message in sync and has ${replicas}: nothing can be published`,
        ...alter(name, `min.insync.replicas=${Math.max(1, replicas - 1)}`),
      );
    const behind = t.partitions.filter(p => p.inSync < p.replicas).map(p => p.partition);
    if (behind.length > 0)
      return problem(
        check,
        `Partition ${behind.join(', ')} of "${name}" has fewer copies in sync than it should have`,
        'Start the brokers that are away',
      );
    if (advertised.length < 3) continue;
    if (replicas < 3)
      return problem(
        check,
        `"${name}" has ${many(replicas, 'copy').replace('copys', 'copies')} on ${advertised.length} brokers: the loss of a disk loses orders`,
        'Give it three: kafka-reassign-partitions.sh',
      );
    if (inSync < 2)
      return problem(
        check,
        `"${name}" confirms a message that one broker alone has (min.insync.replicas=${inSync}): its loss loses orders`,
        ...alter(name, 'min.insync.replicas=2'),
      );
  }
  if (advertised.length < 3)
    return ok(check, `${many(advertised.length, 'broker')}: copies are judged from three on. Back up the topic's disk`);
  return ok(check, 'Each message has three copies, and is confirmed when two of them are written');
}

function checkWorkers({ orders, group }: KafkaFacts, { topic }: Names): Finding {
  const check = 'kafka.workers';
  const workers = group?.members.filter(m => m.topics.includes(topic)).length ?? 0;
  const partitions = orders?.partitions.length ?? 0;
  if (workers > partitions && partitions > 0)
    return advice(
      check,
      `${many(workers, 'worker')} for ${many(partitions, 'partition')}: ${workers - partitions} of them have nothing to do`,
      `Stop them, or add partitions: kafka-topics.sh --alter --topic ${topic} --partitions ${workers}`,
    );
  return ok(check, workers === 0 ? 'No worker runs now' : `${many(workers, 'worker')} for ${many(partitions, 'partition')}`);
}

/** The group's committed offsets are for display, but a stranger takes partitions and loads nothing of them. */
function checkGroup({ group }: KafkaFacts, { topic, kafkaGroup }: Names): Finding {
  const check = 'kafka.group';
  if (group === null || group.members.length === 0) return ok(check, `Nobody else is in the group "${kafkaGroup}"`);
  const other = 'Give one of the two another group: KAFKA_GROUP';
  if (group.protocol !== 'consumer' && group.protocol !== '')
    return problem(check, `The group "${kafkaGroup}" is one of another kind (${group.protocol})`, other);
  const strangers = strangersTo(topic, group.members);
  if (strangers.length === 0) return ok(check, `Only workers are in the group "${kafkaGroup}"`);
  const names = strangers.map(m => `${m.client} on ${m.host} (${m.topics.join(', ') || 'no topic'})`);
  return problem(
    check,
    `Strangers are in the group "${kafkaGroup}": ${names.join('; ')}. They take partitions away from the workers`,
    other,
  );
}
