/** The two configuration files of the local broker. Pure. */

/** Warnings and errors only, to standard output. */
export const LOGGING = `rootLogger.level=warn
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{ISO8601} %p %c - %m%n
logger.server.name=kafka.server.KafkaRaftServer
logger.server.level=info
`;

/**
 * @param where ports on 127.0.0.1, and the data folder as seen from the folder that Kafka runs in
 */
export function serverProperties(where: { port: number; controllerPort: number; data: string; advertisedPort?: number }): string {
  return `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${where.controllerPort}
listeners=PLAINTEXT://127.0.0.1:${where.port},CONTROLLER://127.0.0.1:${where.controllerPort}
advertised.listeners=PLAINTEXT://127.0.0.1:${where.advertisedPort ?? where.port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=${where.data}

# One node has one copy.
default.replication.factor=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1

# Topics are made on purpose and kept for ever.
auto.create.topics.enable=false
log.retention.ms=-1
log.retention.bytes=-1
message.max.bytes=4194304
replica.fetch.max.bytes=4194304

# A group of one should not wait for others.
group.initial.rebalance.delay.ms=0

# After a crash the controller lets nobody register as this broker until the lost one has been silent for so long (9 s by default).
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500

# Small: few threads, few internal partitions, and 16 MB instead of 128 for the cleaner of compacted topics.
num.network.threads=2
num.io.threads=4
background.threads=2
offsets.topic.num.partitions=8
transaction.state.log.num.partitions=4
share.coordinator.state.topic.num.partitions=2
log.cleaner.dedupe.buffer.size=16777216
`;
}
