/** A worker that stands still although everything answers ends, so that its supervisor starts another. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import kafkajs, { type PartitionAssigner } from 'kafkajs';
import { describe } from '../support/cli.js';
import { faceOf } from '../support/http.js';
import { oneLineOf, order, Shop } from './shop.js';

const TIMEOUT = { timeout: 150_000 };

test('a position that stands still while both servers answer ends the worker', TIMEOUT, async t => {
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '1', STALL_TIMEOUT: '3s', SHUTDOWN_TIMEOUT: '2s' });
  await shop.run(0, ['consume', '--until-drained']);
  await shop.query(`
    CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(25); RETURN NULL; END $$;
    CREATE TRIGGER slow AFTER INSERT ON glossier.known_orders FOR EACH STATEMENT EXECUTE FUNCTION public.slow()`);
  await shop.send([{ value: order(1) }, { value: order(2) }]);
  const worker = shop.start(['consume', '--http', '0']);
  const face = await faceOf(worker);
  const live: string[] = [];
  const asking = setInterval(() => {
    face.get('live').then(
      ({ status, text }) => live.push(`${status} ${text}`),
      () => {}, // the process has ended
    );
  }, 50);
  const result = await worker.done;
  clearInterval(asking);
  assert.equal(live[0], '200 {"live":true}');
  assert.equal(live.at(-1), '503 {"live":false,"reason":"a partition stands still although Kafka and Postgres answer"}');
  assert.equal(result.code, 1, describe(result));
  assert.match(
    oneLineOf(result),
    /partition 0 stands at offset 0 of 2 for \d+ s although Kafka and Postgres answer — start the worker again/,
  );
  await shop.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
     DROP FUNCTION public.slow CASCADE`,
  );
  await shop.run(0, ['consume', '--until-drained']);
  shop.oracle.message(Buffer.from(order(1)), Buffer.from(order(2)));
  await shop.check();
});

test('a consumer that kafkajs ends for good ends the worker', TIMEOUT, async t => {
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '1' });
  await shop.run(0, ['consume', '--until-drained']);
  // a group whose members divide the partitions by another rule takes no member of ours
  const rule = { name: 'by another rule', version: 1 };
  const other: PartitionAssigner = () => ({
    ...rule,
    assign: async () => [],
    protocol: ({ topics }) => ({
      name: rule.name,
      metadata: kafkajs.AssignerProtocol.MemberMetadata.encode({ version: 1, topics, userData: Buffer.alloc(0) }),
    }),
  });
  const holder = new kafkajs.Kafka({ brokers: shop.server.brokers, logLevel: kafkajs.logLevel.NOTHING }).consumer({
    groupId: shop.topic,
    partitionAssigners: [other],
  });
  const joined = new Promise(resolve => holder.on(holder.events.GROUP_JOIN, resolve));
  await holder.connect();
  t.after(() => holder.disconnect());
  await holder.subscribe({ topic: shop.topic });
  await holder.run({ eachMessage: async () => {} });
  await joined;
  await shop.send([{ value: order(1) }]);
  const result = await shop.start(['consume']).done;
  assert.equal(result.code, 1, describe(result));
  assert.match(
    oneLineOf(result),
    /the Kafka consumer ended: .*protocols are incompatible.* — is the group "shop_\w+" another program's\? then set KAFKA_GROUP/,
  );
});
