/** Postgres holds the position, so a database that was put back to an earlier state catches up from the topic by itself. */
import { join } from 'node:path';
import { test } from 'node:test';
import { makeDrop } from '../support/make-drop.js';
import { dropDatabase, freshDatabase, removeServices, tempDir } from '../support/services.js';
import { Shop } from './shop.js';

test('a database restored from an earlier state catches up, in the same group and in another one', {
  timeout: 150_000,
}, async t => {
  const dir = tempDir();
  t.after(() => removeServices(dir));
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '3', BATCH_ORDERS: '100' });
  const [first, second] = [join(dir, 'a.zip'), join(dir, 'b.zip')];
  const a = await makeDrop(first, { seed: 21, dates: ['2017-12-04'], orders: 200, awkward: 0.1, bad: true });
  await makeDrop(second, {
    seed: 22,
    dates: ['2017-12-05', '2018-01-01'],
    orders: 200,
    awkward: 0.1,
    firstId: 2n ** 58n,
    again: a.orders.slice(0, 50),
  });
  await shop.oracle.load(first);
  await shop.run(3, ['load', first]);
  const copies = [await freshDatabase(shop.server.databaseUrl, shop.url), await freshDatabase(shop.server.databaseUrl, shop.url)];
  t.after(() => Promise.all(copies.map(url => dropDatabase(url, shop.server.databaseUrl))));
  await shop.oracle.load(second);
  await shop.run(0, ['load', second]);
  await shop.check();
  // the group's own offsets say that all is done
  for (const [url, group] of [
    [copies[0], shop.topic],
    [copies[1], `${shop.topic}-other`],
  ]) {
    await shop.run(0, ['consume', '--until-drained'], { DATABASE_URL: url, KAFKA_GROUP: group });
    await shop.check(url);
  }
});
