/** Drops that are no zip, from the command line to the tables. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as path from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { describe, runCli } from '../support/cli.js';
import { dropDatabase, freshDatabase, freshName, testServices } from '../support/services.js';
import { makeZip } from '../unit/producer/zips.js';
import { folder } from './produce-support.js';

const order = (id: number) => `{"id":${id},"user_id":7,"processed_at":"2017-12-04T10:00:00Z","total_price":"1.00","line_items":[]}`;
const file = (...ids: number[]) => `{"orders":[${ids.map(order)}]}`;

test('a file, a folder, lines, gzip and a URL of them load as a zip does', { timeout: 180_000 }, async t => {
  const url = await freshDatabase();
  const topic = freshName('kinds');
  const env = { DATABASE_URL: url, KAFKA_BROKERS: testServices().brokers.join(','), ORDERS_TOPIC: topic, KAFKA_GROUP: topic };
  const run = async (code: number, ...args: string[]) => {
    const result = await runCli(args, env);
    assert.equal(result.code, code, describe(result));
    return result;
  };
  const root = path.join(folder.path, 'drops');
  mkdirSync(path.join(root, 'november'), { recursive: true });
  folder.save(Buffer.from(file(1, 2)), 'drops/2017-12-04.json');
  folder.save(gzipSync(file(3)), 'drops/november/2017-11-04.json.gz');
  const bad = '{"id":5,"cut';
  const lines = folder.save(Buffer.from(`${order(4)}\r\n\r\n${bad}\n${order(6)}`), '2017-10-04.ndjson');
  const zip = folder.save(await makeZip([{ name: '2017-10-05.jsonl', data: `${order(8)}\n` }]), 'lines.zip');
  const packed = folder.save(gzipSync(file(7)), '2017-12-05.json.gz');
  const server = createServer((_, response) => response.end(readFileSync(packed)));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());

  await run(0, 'load', root);
  await run(3, 'load', lines, zip);
  await run(0, 'load', `http://127.0.0.1:${(server.address() as AddressInfo).port}/2017-12-05.json.gz`);
  assert.match((await run(0, 'load', root)).stderr, /^Already published: drop .* \(drops\), 3 orders/m);
  await run(0, 'verify');
  const status = JSON.parse((await run(0, 'status', '--json')).stdout);
  const numbers = status.drops.map((d: Record<string, unknown>) => [d.name, d.files, d.published, d.loaded, d.rejected]).sort();
  assert.deepEqual(numbers, [
    ['2017-10-04.ndjson', 1, 3, 2, 1],
    ['2017-12-05.json.gz', 1, 1, 1, 0],
    ['drops', 2, 3, 3, 0],
    ['lines.zip', 1, 1, 1, 0],
  ]);
  const tables = status.tables.filter((x: { table: string }) => x.table.startsWith('orders__'));
  assert.deepEqual(
    tables.map((x: { table: string; rows: number }) => [x.table, x.rows]),
    [
      ['orders__2017_10', 3],
      ['orders__2017_11', 1],
      ['orders__2017_12', 3],
    ],
  );
  const [reject] = JSON.parse((await run(0, 'rejects', 'list', '--json')).stdout);
  assert.deepEqual([reject.kind, reject.file, reject.index, reject.code], ['order', '2017-10-04.ndjson', 1, 'not_json']);
  assert.match((await run(0, 'rejects', 'show', String(reject.id))).stdout, /\{"id":5,"cut/);
  await dropDatabase(url);
});
