/**
 * How long lag stands after a worker's kill -9: two workers, one is killed, 2,000 orders are sent at that moment, and the time until
 * Postgres has all of them is told.
 */
import kafkajs from 'kafkajs';
import { startCli } from '../support/cli.js';
import { freshName } from '../support/services.js';
import { type Bench, median, type Section, type Table } from './bench.js';

const ORDERS = 2000;
const SESSION = '10s';

export const section: Section = {
  title: 'Recovery',
  about: `Two workers, one of which is killed by \`kill -9\`; ${ORDERS} orders are sent at that moment. Seconds until all of them are in the tables. \`SESSION_TIMEOUT\` is ${SESSION}.`,
  quick: false,
  run: recovery,
};

async function recovery(bench: Bench): Promise<Table> {
  const url = await bench.database();
  const topic = freshName('recovery');
  const env = {
    DATABASE_URL: url,
    KAFKA_BROKERS: bench.brokers,
    ORDERS_TOPIC: topic,
    KAFKA_GROUP: topic,
    SESSION_TIMEOUT: SESSION,
    LOG_LEVEL: 'info',
  };
  const kafka = new kafkajs.Kafka({ brokers: bench.services.brokers, logLevel: kafkajs.logLevel.NOTHING });
  const producer = kafka.producer();
  await producer.connect();
  const start = () => startCli(['consume'], env, { timeout: 3_600_000 });
  const stays = start();
  await stays.waitFor(/joined the group/);
  const seconds: number[] = [];
  let sent = 0;
  const send = async () => {
    const messages = Array.from({ length: ORDERS }, () => ({
      key: String(++sent),
      value: `{"id":${sent},"user_id":${sent % 99},"processed_at":"2017-12-04T10:00:00Z","total_price":"1.00","line_items":[{"id":${sent}}]}`,
    }));
    await producer.send({ topic, messages });
  };
  const loaded = async () => {
    while ((await bench.number(url, 'SELECT coalesce(sum(next_offset), 0) FROM glossier.positions')) < sent) {
      await new Promise(resolve => setTimeout(resolve, 20));
    }
  };
  for (let n = 0; n < bench.options.times; n++) {
    const dies = start();
    await dies.waitFor(/joined the group.*/);
    await send(); // both are at work
    await loaded();
    await dies.stop('SIGKILL');
    const began = performance.now();
    await send();
    await loaded();
    seconds.push((performance.now() - began) / 1000);
  }
  await stays.stop();
  await producer.disconnect();
  await bench.drop(url);
  return {
    head: ['kills', 'median s', 'longest s'],
    rows: [[String(seconds.length), median(seconds).toFixed(1), Math.max(...seconds).toFixed(1)]],
  };
}
