/** Messages that a publisher has sent twice, as one does that was killed and goes on, count once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import kafkajs from 'kafkajs';
import { encodeHeaders } from '../../shared/order-message.js';
import { describe, runCli } from '../support/cli.js';
import { dropDatabase, freshDatabase, freshName, testServices } from '../support/services.js';

interface Message {
  value: string;
  headers: Record<string, string>;
}

const FILE = { drop: 'feedfacefeedface', file: '2017-12-04.json', month: '2017_12' };

/** The order that stands at an index of the file. */
function message(index: number, id: number, fields = ''): Message {
  const value = `{"id":${id},"user_id":7,"processed_at":"2017-12-04T10:00:00Z","total_price":"1.00","line_items":[{"id":${id},"quantity":1}]${fields}}`;
  return { value, headers: encodeHeaders({ ...FILE, index }) };
}

/** Publishes to a topic of one partition, loads it to the end in batches of 30, and gives the books. */
async function load(messages: Message[], code: number): Promise<Record<string, unknown>> {
  const { brokers } = testServices();
  const url = await freshDatabase();
  const topic = freshName('repeats');
  const env = {
    DATABASE_URL: url,
    KAFKA_BROKERS: brokers.join(','),
    ORDERS_TOPIC: topic,
    KAFKA_GROUP: topic,
    BATCH_ORDERS: '30',
    ORDERS_PARTITIONS: '1',
  };
  const run = async (expected: number, ...args: string[]) => {
    const result = await runCli(args, env);
    assert.equal(result.code, expected, describe(result));
    return result.stdout;
  };
  await run(0, 'consume', '--until-drained'); // makes the topic
  const producer = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).producer();
  await producer.connect();
  await producer.send({ topic, messages });
  await producer.disconnect();
  await run(code, 'consume', '--until-drained');
  await run(0, 'verify');
  const status = JSON.parse(await run(0, 'status', '--json'));
  await dropDatabase(url);
  const { loaded, bypassed, rejected, line_items } = status.drops[0];
  return { loaded, bypassed, rejected, line_items };
}

test('what was published twice counts once, also behind an order that comes twice in the file', {
  timeout: 120_000,
}, async () => {
  // the order at 80 is that of 5: bypassed, and behind it others are loaded to the end of the batch
  const file = Array.from({ length: 90 }, (_, i) => message(i, i === 80 ? 6 : i + 1));
  assert.deepEqual(await load([...file, ...file.slice(20)], 0), {
    loaded: 89,
    bypassed: 1,
    rejected: 0,
    line_items: 89,
  });
});

test('a reject that was published twice is one reject', { timeout: 120_000 }, async () => {
  const file = Array.from({ length: 20 }, (_, i) => message(i, i + 1, i % 5 === 0 ? ',"test":"no"' : ''));
  assert.deepEqual(await load([...file, ...file], 3), { loaded: 16, bypassed: 0, rejected: 4, line_items: 16 });
});

test('a refused order between two that share a line item stops neither', { timeout: 120_000 }, async () => {
  const file = Array.from({ length: 20 }, (_, i) => message(i, i + 1));
  // orders 21 and 23 have the line item of order 20; the one between them is refused before its line items are looked at
  const shared = (index: number, fields: string) => ({
    ...message(index, index + 1),
    value: message(index, index + 1, fields).value.replace(/\[\{"id":\d+/, '[{"id":777'),
  });
  file.push(
    shared(20, ''),
    message(21, 22, ',"number":"x"'),
    shared(22, ''),
    ...file.slice(0, 3).map((m, i) => ({ ...m, headers: encodeHeaders({ ...FILE, index: 23 + i }) })),
  );
  assert.deepEqual(await load(file, 3), { loaded: 22, bypassed: 3, rejected: 1, line_items: 21 });
});
