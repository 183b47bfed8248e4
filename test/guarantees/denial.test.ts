/** What others do to the servers: a full disk, a table that is locked, thousands of open drops. It is waited out, and costs no memory. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import kafkajs from 'kafkajs';
import { makeDrop } from '../support/make-drop.js';
import { removeServices, tempDir, testServices } from '../support/services.js';
import { order, Shop, until } from './shop.js';

/** A file system that is soon full, which Postgres may write into. @returns null where it may not be mounted */
function smallDisk(dataDirectory: string): { place: string; grow: () => void; remove: () => void } | null {
  const disk = tempDir('glossier-disk-');
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=768k', 'tmpfs', disk], { stdio: 'ignore' });
  } catch {
    rmdirSync(disk);
    return null;
  }
  const [uid, gid] = execFileSync('stat', ['-c', '%u %g', dataDirectory], { encoding: 'utf8' }).split(' ').map(Number);
  chmodSync(disk, 0o700);
  chownSync(disk, uid, gid);
  return {
    place: disk,
    grow: () => execFileSync('mount', ['-o', 'remount,size=64m', disk], { stdio: 'ignore' }),
    remove: () => {
      execFileSync('umount', ['-l', disk], { stdio: 'ignore' });
      rmdirSync(disk);
    },
  };
}

test('a disk of Postgres that is full is waited out, and what could not be written then is there once there is room', {
  timeout: 120_000,
}, async t => {
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '1' });
  const [{ data_directory }] = await shop.query('SHOW data_directory');
  const disk = smallDisk(data_directory);
  if (disk === null) return t.skip('no file system may be mounted here: run as root, in a container with CAP_SYS_ADMIN');
  const space = `space_${shop.topic}`;
  t.after(async () => {
    // the database is gone by now
    await shop.query(`DROP TABLESPACE IF EXISTS ${space}`, [], testServices().databaseUrl).finally(disk.remove);
  });
  await shop.run(0, ['consume', '--until-drained']);
  await shop.query(`CREATE TABLESPACE ${space} LOCATION '${disk.place}'`);
  await shop.query(`ALTER TABLE order_line_item_mapping SET TABLESPACE ${space}`);
  const orders = Array.from({ length: 20_000 }, (_, i) => order(i + 1));
  for (let at = 0; at < orders.length; at += 5000) await shop.send(orders.slice(at, at + 5000).map(value => ({ value })));
  const worker = shop.start(['consume', '--until-drained']);
  await worker.waitFor(/No space left on device.*Postgres is away, waiting/, 30_000);
  const then = await shop.done();
  assert.ok(then < orders.length);
  disk.grow();
  assert.equal((await worker.done).code, 0);
  assert.deepEqual(await shop.query('SELECT count(*) AS n, count(DISTINCT order_id) AS of FROM order_line_item_mapping'), [
    { n: '20000', of: '20000' },
  ]);
  await shop.run(0, ['verify']);
});

test('ten thousand drops that are open cost a worker and status little time and memory', { timeout: 120_000 }, async t => {
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '1' });
  await shop.run(0, ['consume', '--until-drained']);
  const producer = new kafkajs.Kafka({ brokers: shop.server.brokers, logLevel: kafkajs.logLevel.NOTHING }).producer();
  await producer.connect();
  const now = new Date().toISOString();
  const files = ['2017-12-04.json', '2017-12-05.json'].map(name => ({ name, month: '2017_12', bytes: 1000, orders: null }));
  const manifest = {
    format: 1,
    name: 'open.zip',
    sha256: '0'.repeat(64),
    bytes: 1000,
    partitions: 1,
    state: 'publishing',
    files,
    orders: null,
  };
  const messages = Array.from({ length: 10_000 }, (_, i) => {
    const id = i.toString(16).padStart(16, '0');
    return { key: id, value: JSON.stringify({ ...manifest, id, startedAt: now, finishedAt: null }) };
  });
  for (let at = 0; at < messages.length; at += 1000)
    await producer.send({ topic: `${shop.topic}.drops`, messages: messages.slice(at, at + 1000) });
  await producer.disconnect();
  await shop.send([{ value: order(1) }]);
  const worker = await shop.run(0, ['consume', '--until-drained']);
  const status = await shop.run(0, ['status', '--json']);
  assert.equal(JSON.parse(status.stdout).drops.length, 10_001);
  for (const [what, { seconds, maxRssKiB }] of Object.entries({ worker, status })) {
    assert.ok(maxRssKiB !== null);
    t.diagnostic(`${what}: ${seconds.toFixed(1)} s, ${Math.round(maxRssKiB / 1024)} MB`);
    assert.ok(seconds < 30, `${what} took ${seconds} s`);
    assert.ok(maxRssKiB < 250 * 1024, `${what} took ${maxRssKiB} KiB`);
  }
});

test('a lock that somebody holds on a month is waited for, is no outage, and stops no reader', {
  timeout: 120_000,
}, async t => {
  const dir = tempDir();
  t.after(() => removeServices(dir));
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '1', OUTAGE_TIMEOUT: '60s' });
  const [first, second] = [join(dir, 'first.zip'), join(dir, 'second.zip')];
  await makeDrop(first, { seed: 91, dates: ['2017-12-04'], orders: 10 });
  await makeDrop(second, { seed: 92, dates: ['2017-12-05'], orders: 10, firstId: 10_000n });
  for (const zip of [first, second]) await shop.oracle.load(zip);
  await shop.run(0, ['load', first]);
  const { default: pg } = await import('pg');
  const analyst = new pg.Client({ connectionString: shop.url });
  analyst.on('error', () => {}); // it goes with the database
  await analyst.connect();
  // a slow reader holds nothing up
  await analyst.query('BEGIN; DECLARE slow CURSOR FOR SELECT * FROM orders; FETCH 1 FROM slow');
  await shop.run(0, ['load', second]);
  await analyst.query('COMMIT; BEGIN; LOCK TABLE orders__2017_12 IN SHARE MODE');
  const third = join(dir, 'third.zip');
  await makeDrop(third, { seed: 93, dates: ['2017-12-06'], orders: 10, firstId: 20_000n });
  await shop.oracle.load(third);
  const held = shop.start(['load', third]);
  await until(
    'the load waits',
    30,
    async () => (await shop.query(`SELECT FROM pg_locks WHERE NOT granted AND relation = 'orders__2017_12'::regclass`)).length > 0,
  );
  await shop.query('SELECT count(*) FROM orders');
  await analyst.query('COMMIT');
  assert.equal((await held.done).code, 0);
  assert.doesNotMatch(held.output().stderr, /away/);
  await shop.check();
});
