/** Orders larger than MAX_ORDER_BYTES, from the zip to `status`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProduceProgress } from '../../producer/produce-drop.js';
import { describe, runCli } from '../support/cli.js';
import { dropDatabase, freshDatabase, freshName, testServices } from '../support/services.js';
import { makeZip } from '../unit/producer/zips.js';
import { folder, produce, readTopic, settings } from './produce-support.js';

const order = (id: number, note = '') =>
  `{"id":${id},"user_id":7,"processed_at":"2017-12-04T10:00:00Z","total_price":"1.00","line_items":[],"note":"${note}"}`;
const LARGE = 'x'.repeat(5000);

test('an order that is too large is a reject of its own, and the others of its file load', { timeout: 120_000 }, async () => {
  const url = await freshDatabase();
  const topic = freshName('oversize');
  const env = {
    DATABASE_URL: url,
    KAFKA_BROKERS: testServices().brokers.join(','),
    ORDERS_TOPIC: topic,
    KAFKA_GROUP: topic,
    MAX_ORDER_BYTES: '4KB',
  };
  const run = async (code: number, ...args: string[]) => {
    const result = await runCli(args, env);
    assert.equal(result.code, code, describe(result));
    return result;
  };
  const orders = [order(1), order(2, LARGE), order(3), order(4, LARGE), order(5)];
  const text = `{"orders":[${orders}]}`;
  const broken = `{"orders":[${[order(11, LARGE), order(12)]},{`;
  const many = `{"orders":[${Array.from({ length: 120 }, (_, n) => order(100 + n, LARGE))}]}`;
  const zip = folder.save(
    await makeZip([
      { name: '2017-12-04.json', data: text },
      { name: '2017-12-05.json', data: broken },
      { name: '2017-12-06.json', data: many },
    ]),
  );
  const loaded = await run(3, 'load', zip);
  assert.match(loaded.stderr, /Left out 123 order\(s\) larger than MAX_ORDER_BYTES: /);
  assert.match(loaded.stdout, /^Loaded 2 file\(s\) into orders__2017_12$/m);

  await run(0, 'rebuild', '--dry-run'); // those beyond the hundred that are named have no index to be compared by
  const status = JSON.parse((await run(0, 'status', '--json')).stdout);
  const { published, rejected, waiting, complete, broken_files, oversize_orders } = status.drops[0];
  assert.deepEqual(
    { published, loaded: status.drops[0].loaded, rejected, waiting, complete, broken_files, oversize_orders },
    { published: 4, loaded: 4, rejected: 0, waiting: 0, complete: true, broken_files: 1, oversize_orders: 123 },
  );
  await run(0, 'verify');
  type Row = { kind: string; code: string; file: string; index: number | null; reason: string };
  const rejects: Row[] = JSON.parse((await run(0, 'rejects', 'list', '--json')).stdout);
  assert.ok(rejects.every(r => r.kind === 'file'));
  const of = (file: string) => rejects.filter(r => r.file === file).map(r => `${r.code} ${r.index}`);
  assert.deepEqual(of('2017-12-04.json'), ['too_large 1', 'too_large 3']);
  assert.deepEqual(of('2017-12-05.json').sort(), ['broken_file 2', 'too_large 0']);
  assert.equal(of('2017-12-06.json').length, 97 + 1);
  const bytes = orders[1].length;
  assert.equal(
    rejects[0].reason,
    `order 1 is ${(bytes / 1000).toFixed(1)} KB (${bytes} bytes from byte ${text.indexOf(orders[1])} on), more than MAX_ORDER_BYTES (4000): raise it, and max.message.bytes of the topic, then publish with --again`,
  );
  assert.match(rejects.at(-1)!.reason, /^23 more order\(s\) of the file are each more than MAX_ORDER_BYTES \(4000\)/);
  assert.equal(rejects.at(-1)!.index, null);

  // once more: told of again, recorded once; with a higher limit the rest comes
  await run(3, 'load', zip);
  assert.equal(JSON.parse((await run(0, 'rejects', 'list', '--json')).stdout).length, rejects.length);
  const again = await runCli(['load', zip, '--again'], { ...env, MAX_ORDER_BYTES: '10KB' });
  assert.equal(again.code, 3, describe(again)); // one of its files is broken
  const second = JSON.parse((await run(0, 'status', '--json')).stdout).drops.find((d: { drop: string }) => d.drop.endsWith('-2'));
  assert.deepEqual([second.published, second.loaded, second.bypassed, second.oversize_orders], [127, 123, 4, 0]);
  await run(0, 'verify');
  await dropDatabase(url);
});

test('a publication that is gone on with keeps the limit that it began with', async () => {
  const topic = freshName('limit');
  const data = (file: number) =>
    `{"orders":[${Array.from({ length: 3000 }, (_, n) => order(file * 10_000 + n, n % 100 === 7 ? LARGE : 'y'.repeat(1000)))}]}`;
  const zip = folder.save(await makeZip(Array.from({ length: 8 }, (_, f) => ({ name: `2017-12-0${f + 1}.json`, data: data(f) }))));
  const limit = (maxOrderBytes: number) => ({ ...settings(topic), maxOrderBytes });
  const abort = new AbortController();
  const onProgress = (p: ProduceProgress) => {
    if (p.phase === 'publish' && p.orders > 12_000) abort.abort();
  };
  await assert.rejects(produce(zip, topic, { signal: abort.signal, onProgress, settings: limit(4000) }), { name: 'InterruptedError' });
  const before = (await readTopic(topic)).length;
  assert.ok(before > 0 && before < 23_760);
  const result = await produce(zip, topic, { settings: limit(900_000) });
  assert.deepEqual([result.orders, result.sent, result.resumed], [23_760, 23_760 - before, true]);
  assert.deepEqual(
    result.files.map(f => [f.orders, f.oversize?.count]),
    Array(8).fill([2970, 30]),
  );
  assert.equal(
    result.files.reduce((sum, f) => sum + f.oversize!.first.length, 0),
    100,
  );
  const messages = await readTopic(topic);
  assert.equal(messages.length, 23_760);
  assert.equal(new Set(messages.map(m => `${m.file}:${m.index}`)).size, 23_760);
  assert.ok(messages.every(m => m.index % 100 !== 7 && JSON.parse(m.value).id % 10_000 === m.index));
});
