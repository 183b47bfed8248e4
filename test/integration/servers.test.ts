/** Which command needs which server. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { oneLineOf, Shop } from '../guarantees/shop.js';
import { makeDrop } from '../support/make-drop.js';
import { removeServices, tempDir } from '../support/services.js';

test('produce needs no database, merge and rejects need no Kafka, and nothing local is started beside what is set', {
  timeout: 120_000,
}, async t => {
  const dir = tempDir();
  t.after(() => removeServices(dir));
  const shop = await Shop.open(t, { GLOSSIER_LOCAL: join(dir, 'local') });
  const zip = join(dir, 'drop.zip');
  await makeDrop(zip, { seed: 51, dates: ['2017-12-04'], orders: 20, bad: true });
  await shop.run(0, ['produce', zip], { DATABASE_URL: '' });
  await shop.run(3, ['consume', '--until-drained']);
  await shop.run(0, ['merge'], { KAFKA_BROKERS: '' });
  assert.ok(JSON.parse((await shop.run(0, ['rejects', 'list', '--json'], { KAFKA_BROKERS: '' })).stdout).length > 0);
  for (const [args, missing] of [
    [['produce', zip], 'KAFKA_BROKERS'],
    [['merge'], 'DATABASE_URL'],
    [['load', zip], 'DATABASE_URL'],
    [['consume'], 'KAFKA_BROKERS'],
  ] as const) {
    assert.match(oneLineOf(await shop.run(2, args, { [missing]: '' })), new RegExp(`is set and ${missing} is not — set it too`));
  }
});
