/** What a worker tells over HTTP: true, to whom it may be told, and without changing anything. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Reader } from '../../consumer/http/reader.js';
import { describe } from '../support/cli.js';
import { faceOf } from '../support/http.js';
import { makeDrop } from '../support/make-drop.js';
import { removeServices, tempDir } from '../support/services.js';
import { oneLineOf, order, Shop, until } from './shop.js';

const TIMEOUT = { timeout: 120_000 };
const dir = tempDir();
after(() => removeServices(dir));

test('what a worker tells over HTTP is what the tables hold, and a restart loses nothing of the last hour', TIMEOUT, async t => {
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '3', MERGE_EVERY: '1s', BATCH_ORDERS: '200' });
  const zip = join(dir, 'drop.zip');
  await makeDrop(zip, { seed: 91, dates: ['2017-12-04', '2017-12-05'], orders: 1200, awkward: 0.02, bad: true });
  await shop.oracle.load(zip);
  await shop.run(0, ['produce', zip]);
  await shop.send([{ value: order(1) }, { value: 'no json' }]);
  const before = Date.now();
  const worker = shop.start(['consume', '--http', '0', '--accept-rejects']);
  const face = await faceOf(worker);
  await until('everything is loaded and told', 60, async () => {
    const s = await face.json('status.json');
    return s.lag === 0 && s.until >= before && s.facts?.staging === 0 && s.totals?.drops === 1 && s.totals.open === 0;
  });
  const [books] = await shop.query(
    'SELECT sum(loaded) AS loaded, sum(bypassed) AS bypassed, sum(rejected) AS rejected, sum(line_items) AS line_items FROM glossier.books',
  );
  const s = await face.json('status.json');
  for (const outcome of ['loaded', 'bypassed', 'rejected'] as const) {
    assert.ok(Number(books[outcome]) > 0 || outcome === 'bypassed');
    assert.equal(s.totals[outcome], Number(books[outcome]), outcome);
    assert.equal(await face.metric(`glossier_orders_total{outcome="${outcome}"}`), Number(books[outcome]), outcome);
  }
  assert.equal(await face.metric('glossier_rows_total{table="order_line_item_mapping"}'), Number(books.line_items));
  const [users] = await shop.query('SELECT count(*) AS n FROM user_stats');
  assert.equal(await face.metric('glossier_rows_total{table="user_stats"}'), Number(users.n));
  const rejects = await shop.query('SELECT kind, code, count(*) AS n FROM glossier.rejects WHERE settled IS NULL GROUP BY 1, 2 ORDER BY 2');
  assert.ok(rejects.length > 2);
  for (const r of rejects) assert.equal(await face.metric(`glossier_rejects{kind="${r.kind}",code="${r.code}"}`), Number(r.n), r.code);
  const [batches] = await shop.query('SELECT count(DISTINCT loaded_at) AS n, sum(messages) AS messages FROM glossier.batches');
  assert.equal(await face.metric('glossier_commit_seconds_count'), Number(batches.n));
  assert.equal(await face.metric('glossier_batch_seconds_count'), Number(batches.n));
  const told = s.rates.minutes.reduce((n: number, [, messages]: [number, number]) => n + messages, 0);
  assert.equal(told, Number(batches.messages));
  for (const { partition, position } of s.partitions) {
    assert.equal(position, await shop.position(partition));
    assert.equal(await face.metric(`glossier_partition_assigned{partition="${partition}"}`), 1);
  }
  const [list] = (await face.json('drops.json')).drops;
  const { published, loaded, bypassed, rejected, whole } = list;
  assert.deepEqual([whole, published], [true, loaded + bypassed + rejected]);

  const group = s.facts.rejects.find((g: { code: string }) => g.code === 'not_json');
  const one = await face.json(`reject.json?id=${group.id}`);
  assert.equal(one.text, 'no json');
  assert.equal((await face.get('reject.json?id=999999')).status, 404);
  assert.equal((await face.get("reject.json?id=1'--")).status, 400);
  assert.doesNotMatch(worker.output().stderr, /no json/);

  const again = shop.start(['consume', '--http', new URL(face.url).host]);
  assert.match(oneLineOf(await again.done), /cannot listen on 127\.0\.0\.1:\d+ \(EADDRINUSE\) — is it taken\?/);
  const stopped = await worker.stop();
  assert.equal(stopped.code, 0, describe(stopped));
  const next = await faceOf(shop.start(['consume', '--http', '0']));
  await until('the next worker knows of it', 30, async () => {
    const { rates } = await next.json('status.json');
    return rates?.minutes.reduce((n: number, [, messages]: [number, number]) => n + messages, 0) === told;
  });
});

test('over HTTP nothing is told without the token, to a foreign name, or by another method', TIMEOUT, async t => {
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '1' });
  const open = await faceOf(shop.start(['consume', '--http', '0']));
  const token = 'a-token-of-this-test';
  const closed = await faceOf(shop.start(['consume', '--http', '0.0.0.0:0'], { HTTP_TOKEN: token }));
  const [openAt, closedAt] = [open, closed].map(f => `http://127.0.0.1:${new URL(f.url).port}/`);
  const ask = (url: string, headers: Record<string, string> = {}, method = 'GET') =>
    new Promise<number>((resolve, reject) => {
      const asked = request(url, { method, headers }, response => resolve(response.resume().statusCode!));
      asked.on('error', reject).end();
    });
  await until('it is ready', 30, async () => (await ask(`${openAt}ready`)) === 200);
  const data = ['metrics', 'status.json', 'drops.json', 'reject.json?id=1'];
  for (const path of [...data, 'live', '', 'page.js']) {
    assert.equal(await ask(openAt + path, { host: 'evil.example' }), 421, path);
    assert.ok([405, 404].includes(await ask(openAt + path, {}, 'POST')), path);
    assert.ok([405, 404].includes(await ask(openAt + path, {}, 'DELETE')), path);
  }
  for (const path of data) {
    const good = path.startsWith('reject') ? 404 : 200;
    assert.equal(await ask(closedAt + path), 401, path);
    assert.equal(await ask(closedAt + path, { authorization: 'Bearer a-token-of-this-tesT' }), 401, path);
    assert.equal(await ask(closedAt + path, { authorization: `Bearer ${token}`, host: 'worker.example' }), good, path);
    assert.equal(await ask(openAt + path), good, path);
  }
  for (const path of ['live', '', 'page.css']) assert.equal(await ask(closedAt + path), 200, path);
  for (const path of ['nothing', '../package.json', '%2e%2e/package.json', 'page.js/', '//evil.example/', 'page.css%00', 'constructor'])
    assert.equal(await ask(openAt + path), 404, path);
  for (const path of ['', 'live', 'metrics', 'status.json', 'nothing']) {
    const { headers } = await open.get(path);
    const policy = headers.get('content-security-policy')!;
    assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/);
    assert.doesNotMatch(policy, /unsafe|\*|https?:|data:/);
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.equal(headers.get('access-control-allow-origin'), null);
  }
  assert.match(
    oneLineOf(await shop.run(2, ['consume', '--http', '0.0.0.0:0'])),
    /can be reached from other machines and the page shows orders: set HTTP_TOKEN/,
  );
});

test(
  'what is asked over HTTP is asked on a connection that can only read, and a schema of another version is not ready',
  TIMEOUT,
  async t => {
    const shop = await Shop.open(t, { ORDERS_PARTITIONS: '1', MERGE_EVERY: '1h', DATABASE_SCHEMA: `s"'<script>` });
    const reader = new Reader(shop.url, 'a test');
    t.after(() => reader.close());
    await assert.rejects(
      reader.run(db => db.query('CREATE TABLE x ()')),
      { code: '25006' },
    );
    const face = await faceOf(shop.start(['consume', '--http', '0']));
    const ready = async () => (await face.get('ready')).status === 200;
    await until('it is ready', 30, ready);
    await shop.query("INSERT INTO glossier.migrations (name, run_on) VALUES ('9999_of_tomorrow', now())");
    await until('it is not ready', 10, async () => !(await ready()));
    assert.deepEqual((await face.json('ready')).checks, {
      postgres: 'ok',
      schema: 'migrated by a newer version',
      kafka: 'ok',
      group: 'ok',
    });
    assert.equal((await face.get('live')).status, 200);
    await shop.query("DELETE FROM glossier.migrations WHERE name = '9999_of_tomorrow'");
    await until('it is ready again', 10, ready);
    await shop.query('DROP TABLE glossier.migrations');
    await until('it is not ready without its tables', 10, async () => !(await ready()));
    assert.equal((await face.json('ready')).checks.schema, 'older than this version needs');
  },
);

test('who asks for much over HTTP and reads nothing, or says nothing, is cut off, and probes are answered meanwhile', TIMEOUT, async t => {
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '1' });
  const worker = shop.start(['consume', '--http', '0']);
  const face = await faceOf(worker);
  const { hostname, port } = new URL(face.url);
  const open = (text: string) => {
    const socket = connect({ host: hostname, port: Number(port) }).on('error', () => {});
    if (text !== '') socket.pause().write(text);
    t.after(() => socket.destroy());
    return socket;
  };
  const asked = `GET /page.css HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`;
  const greedy = Array.from({ length: 20 }, () => open(asked.repeat(2000)));
  const silent = Array.from({ length: 20 }, () => open('').resume());
  for (let n = 0; n < 10; n++) assert.equal((await face.get('live')).status, 200);
  await until('those who say nothing are cut off', 15, async () => silent.every(s => s.closed));
  // one that does not read does not see that it was cut off
  for (const socket of greedy) socket.resume();
  await until('those who read nothing are cut off', 10, async () => greedy.every(s => s.closed));
  const { text } = await face.get('page.css');
  for (const socket of greedy) assert.ok(socket.bytesRead < 500 * text.length, `${socket.bytesRead} bytes were answered`);
  const { maxRssKiB } = await worker.stop();
  assert.ok(maxRssKiB !== null && maxRssKiB < 200 * 1024, `${maxRssKiB} KiB`);
});
