/** A change of the export is told once a drop, with the numbers of the loaded orders, however often they were published. */
import assert from 'node:assert/strict';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import yazl from 'yazl';
import { removeServices, tempDir } from '../support/services.js';
import { order, Shop } from './shop.js';

async function zipOf(path: string, file: string, orders: string[]): Promise<string> {
  const zip = new yazl.ZipFile();
  zip.addBuffer(Buffer.from(`{"orders":[${orders.join(',')}]}`), file);
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(path));
  return path;
}

test('new fields and missing ones are told once a drop, and stand in the status', { timeout: 150_000 }, async t => {
  const dir = tempDir();
  t.after(() => removeServices(dir));
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '3', BATCH_ORDERS: '7' });
  const first = await zipOf(
    join(dir, 'first.zip'),
    '2017-12-04.json',
    Array.from({ length: 30 }, (_, i) => order(1 + i, { more: ',"note":"kept","gift":null' })),
  );
  const second = await zipOf(
    join(dir, 'second.zip'),
    '2017-12-05.json',
    Array.from({ length: 30 }, (_, i) => order(16 + i, { more: i % 2 === 0 ? ',"gift":{"a":1},"wrap":"red"' : ',"test":"no"' })),
  );
  const told = /the export has changed: (.*)/;
  assert.match((await shop.run(0, ['load', first])).stderr, /changed: new field\(s\), kept in extra: gift \(null, in 30 order\(s\)\)/);
  const { stderr } = await shop.run(3, ['load', second]);
  // orders 16 to 30 were loaded before; of the others 7 are good
  assert.match(
    stderr,
    /changed: new field\(s\), kept in extra: gift \(object, in 7 order\(s\)\), wrap \(string, in 7 order\(s\)\); no order has note any more/,
  );
  assert.doesNotMatch((await shop.run(3, ['load', second])).stderr, told);
  assert.doesNotMatch((await shop.run(3, ['load', second, '--again'])).stderr, told);
  const status = JSON.parse((await shop.run(0, ['status', '--json'])).stdout) as { drops: { name: string; drift: unknown }[] };
  assert.deepEqual(
    status.drops.map(d => [d.name, d.drift]),
    [
      ['first.zip', { unknown: [{ field: 'gift', kinds: ['null'], orders: 30 }], more: 0, missing: [] }],
      [
        'second.zip',
        {
          unknown: [
            { field: 'gift', kinds: ['object'], orders: 7 },
            { field: 'wrap', kinds: ['string'], orders: 7 },
          ],
          more: 0,
          missing: ['note'],
        },
      ],
      ['second.zip', null],
    ],
  );
  assert.match((await shop.run(0, ['status'])).stdout, /Drop \w+: new field\(s\), kept in extra: gift/);
  for (const path of [first, second, second]) await shop.oracle.load(path);
  await shop.check();
});
