/**
 * How long lag stands after a worker's kill -9: two workers, one is killed, 2,000 orders are sent at that moment, and the time until
 * Postgres has all of them is printed.
 *
 *     node dist/test/bench/recovery.js [--times 5] [--session 10s]
 */
import { parseArgs } from 'node:util';
import kafkajs from 'kafkajs';
import pg from 'pg';
import { startCli } from '../support/cli.js';
import { freshDatabase, freshName, removeServices, startTestServices } from '../support/services.js';

const ORDERS = 2000;

const { values } = parseArgs({ options: { times: { type: 'string', default: '5' }, session: { type: 'string', default: '10s' } } });
const services = await startTestServices();
const url = await freshDatabase(services.databaseUrl);
const topic = freshName('recovery');
const env = {
  DATABASE_URL: url,
  KAFKA_BROKERS: services.brokers.join(','),
  ORDERS_TOPIC: topic,
  KAFKA_GROUP: topic,
  SESSION_TIMEOUT: values.session,
  LOG_LEVEL: 'info',
};
const kafka = new kafkajs.Kafka({ brokers: services.brokers, logLevel: kafkajs.logLevel.NOTHING });
const db = new pg.Client({ connectionString: url });
await db.connect();
const producer = kafka.producer();
await producer.connect();
const start = () => startCli(['consume'], env, { timeout: 3_600_000 });
const stays = start();
await stays.waitFor(/joined the group/);
const seconds: number[] = [];
let sent = 0;
for (let n = 0; n < Number(values.times); n++) {
  const dies = start();
  await dies.waitFor(/joined the group.*/);
  await send(); // both are at work
  await loaded();
  await dies.stop('SIGKILL');
  const began = performance.now();
  await send();
  await loaded();
  seconds.push((performance.now() - began) / 1000);
  process.stdout.write(`killed: all loaded after ${seconds.at(-1)!.toFixed(1)} s\n`);
}
await stays.stop();
await producer.disconnect();
await db.end();
await removeServices(services.dir);
seconds.sort((a, b) => a - b);
const at = (share: number): string => seconds[Math.floor(share * (seconds.length - 1))].toFixed(1);
process.stdout.write(`session timeout ${values.session}: ${seconds.length} kills, median ${at(0.5)} s, longest ${at(1)} s\n`);

async function send(): Promise<void> {
  const messages = Array.from({ length: ORDERS }, () => ({
    key: String(++sent),
    value: `{"id":${sent},"user_id":${sent % 99},"processed_at":"2017-12-04T10:00:00Z","total_price":"1.00","line_items":[{"id":${sent}}]}`,
  }));
  await producer.send({ topic, messages });
}

async function loaded(): Promise<void> {
  for (;;) {
    const { rows } = await db.query('SELECT sum(next_offset) AS n FROM glossier.positions');
    if (Number(rows[0].n) >= sent) return;
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}
