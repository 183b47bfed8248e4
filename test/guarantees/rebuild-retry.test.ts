/** A rebuild and rejects that were tried again. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { removeServices, tempDir } from '../support/services.js';
import { order, Shop } from './shop.js';

interface Listed {
  id: number;
  code: string;
}

test('rejects that were loaded by a retry stay so in a rebuild, and those mended by hand are rejects again', {
  timeout: 150_000,
}, async t => {
  const dir = tempDir();
  t.after(() => removeServices(dir));
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '1' });
  const list = async (...flags: string[]) => JSON.parse((await shop.run(0, ['rejects', 'list', '--json', ...flags])).stdout) as Listed[];
  await shop.run(0, ['merge']); // makes the tables
  await shop.query('ALTER TABLE orders ADD CONSTRAINT somebody CHECK (number > 0)');
  await shop.run(0, ['consume', '--until-drained']);
  const refused = [2, 3].map(id => order(id, { more: ',"number":-1' }));
  const bad = order(4, { more: ',"test":"no"' });
  await shop.send([order(1), ...refused, bad, order(5)].map(value => ({ value })));
  await shop.run(3, ['consume', '--until-drained']);
  await shop.query('ALTER TABLE orders DROP CONSTRAINT somebody');
  await shop.run(0, ['rejects', 'retry', '--reason', 'refused_by_database']);
  await shop.run(0, ['rebuild', '--dry-run']);
  const file = join(dir, 'bad.jsonl');
  await shop.run(0, ['rejects', 'export', file]);
  writeFileSync(file, readFileSync(file, 'utf8').replace('\\"no\\"', 'false'));
  await shop.run(0, ['rejects', 'retry', '--from', file]);
  const [, , mended] = await list('--all');
  assert.deepEqual(await list(), []);
  await shop.run(4, ['rebuild', '--dry-run']);
  await shop.run(0, ['rebuild']);
  assert.deepEqual(
    (await list()).map(r => [r.id, r.code]),
    [[mended.id, 'bad_type']],
  );
  await shop.run(0, ['rebuild', '--dry-run']);
  shop.oracle.message(...[order(1), ...refused, bad, order(5)].map(o => Buffer.from(o)));
  await shop.check();
  await shop.run(0, ['rejects', 'retry', '--from', file]);
  assert.deepEqual(await list(), []);
  await shop.run(0, ['verify']);
});
