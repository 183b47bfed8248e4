/** A worker stops when most of what it is given is refused for one reason, before it commits it. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeHeaders } from '../../shared/order-message.js';
import { tempDir } from '../support/services.js';
import { makeZip } from '../unit/producer/zips.js';
import { order, Shop } from './shop.js';

const TIMEOUT = { timeout: 150_000 };
const DRAIN = ['consume', '--until-drained'];
const FILE = { drop: 'feedfacefeedface', file: '2017-12-04.json', month: '2017_12' };

/** Every third order is good, the others have a value of a wrong type. */
const bad = (i: number) => i % 3 > 0;
const orders = Array.from({ length: 600 }, (_, i) => order(i + 1, bad(i) ? { more: ',"test":"secret"' } : {}));

async function send(shop: Shop): Promise<void> {
  await shop.run(0, DRAIN); // makes the topic
  await shop.send(orders.map((value, index) => ({ value, headers: encodeHeaders({ ...FILE, index }) })));
}

async function rejects(shop: Shop): Promise<number> {
  return JSON.parse((await shop.run(0, ['rejects', 'list', '--json'])).stdout).length;
}

function learn(shop: Shop): void {
  shop.oracle.message(...orders.filter((_, i) => !bad(i)).map(o => Buffer.from(o)));
}

test(
  'a batch most of which is refused for one reason stops the worker before anything of it is committed, until a person accepts it',
  TIMEOUT,
  async t => {
    const shop = await Shop.open(t, { ORDERS_PARTITIONS: '1' });
    await send(shop);
    const line = await shop.fails(DRAIN);
    assert.match(
      line,
      /: 400 of the last 600 orders are refused as bad_type, of drop feedfacefeedface; such as 2017-12-04\.json\[1\] at test\. .* — .*--accept-rejects/,
    );
    assert.doesNotMatch(line, /secret/);
    assert.deepEqual([await shop.position(), await rejects(shop)], [0, 0]);
    await shop.run(3, [...DRAIN, '--accept-rejects']);
    assert.deepEqual([await shop.position(), await rejects(shop)], [600, 400]);
    learn(shop);
    await shop.check();
  },
);

test('small batches are judged together; those before the one that stops the worker stay', TIMEOUT, async t => {
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '1', BATCH_ORDERS: '40', BREAKER_ORDERS: '200', BREAKER_SHARE: '60' });
  await send(shop);
  assert.match(await shop.fails(DRAIN), /: 13\d of the last 200 orders are refused as bad_type/);
  assert.equal(await shop.position(), 160);
  await shop.run(0, ['verify']);
  await shop.run(3, DRAIN, { BREAKER_SHARE: '70' });
  learn(shop);
  await shop.check();
});

test('orders that Postgres refuses stop a load just so', TIMEOUT, async t => {
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '1' });
  await shop.run(0, DRAIN);
  await shop.query('ALTER TABLE orders ADD CONSTRAINT somebody CHECK (test IS NULL)');
  const zip = join(tempDir('drop-'), 'drop.zip');
  const data = `{"orders":[${orders.map(o => o.replace('"secret"', 'true')).join(',')}]}`;
  writeFileSync(zip, await makeZip([{ name: FILE.file, data }]));
  assert.match(
    await shop.fails(['load', zip], { BREAKER_ORDERS: '100' }),
    /orders are refused as refused_by_database, of drop \w+; such as 2017-12-04\.json\[1\]/,
  );
  const stopped = await shop.position();
  assert.ok(stopped < 100, `stopped at ${stopped}`);
  await shop.run(3, ['load', zip, '--accept-rejects']);
  assert.deepEqual([await shop.position(), await rejects(shop)], [600, 400]);
  await shop.run(0, ['verify']);
});
