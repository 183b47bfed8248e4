/** Drops that come by standard input, with a sha256, and into a folder that is watched. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { describe, runCli, startCli } from '../support/cli.js';
import { dropDatabase, freshDatabase, freshName, testServices } from '../support/services.js';
import { makeZip } from '../unit/producer/zips.js';
import { folder, readTopic } from './produce-support.js';

const order = (id: number) => `{"id":${id},"user_id":7,"processed_at":"2017-12-04T10:00:00Z","total_price":"1.00","line_items":[]}`;
const zipOf = (...ids: number[]) => makeZip([{ name: '2017-12-04.json', data: `{"orders":[${ids.map(order)}]}` }]);
const KAFKA_BROKERS = testServices().brokers.join(',');

test('a drop loads from standard input, and one with another sha256 is not published', { timeout: 120_000 }, async () => {
  const url = await freshDatabase();
  const topic = freshName('stdin');
  const TMPDIR = path.join(folder.path, 'tmp');
  mkdirSync(TMPDIR);
  const env = { DATABASE_URL: url, KAFKA_BROKERS, ORDERS_TOPIC: topic, KAFKA_GROUP: topic, TMPDIR };
  const run = async (code: number, input: Buffer, ...args: string[]) => {
    const result = await runCli(args, env, { input });
    assert.equal(result.code, code, describe(result));
    assert.deepEqual(
      readdirSync(TMPDIR).filter(f => f.startsWith('glossier-drop-')),
      [],
      'nothing is left behind',
    );
    return result;
  };
  const zip = await zipOf(1, 2);
  const sum = createHash('sha256').update(zip).digest('hex');
  const wrong = [`${sum.slice(1)}0`, 'abc'];
  assert.match(
    (await run(1, zip, 'produce', '-', '--sha256', wrong[0])).stderr,
    /^glossier: stdin\.zip has the sha256 \w{64}, and not \w{64} — /m,
  );
  assert.match((await run(2, zip, 'preview', '-', '--sha256', wrong[1])).stderr, /^glossier: --sha256 is no sha256 — 64 hex digits/m);
  await run(2, zip, 'produce', '-', 'x.zip', '--sha256', sum);
  assert.match((await run(0, zip, 'preview', '-', '--sha256', sum)).stdout, /stdin\.zip/);
  await run(0, zip, 'load', '-', '--sha256', sum);
  assert.match((await run(0, zip, 'produce', '-')).stderr, /^Already published: drop \w+ \(stdin\.zip\), 2 orders/m);
  await run(0, gzipSync(`${order(3)}\n${order(4)}\n`), 'produce', '-');
  assert.deepEqual((await readTopic(topic)).map(m => `${m.file} ${m.key}`).sort(), [
    '2017-12-04.json 1',
    '2017-12-04.json 2',
    'stdin.jsonl.gz 3',
    'stdin.jsonl.gz 4',
  ]);
  // a signal, and a second one at once, in the middle of the input
  for (const signals of [1, 2]) {
    const cut = startCli(['produce', '-'], env, { input: 'open' });
    cut.child.stdin!.write(zip.subarray(0, 50));
    for (const end = performance.now() + 20_000; readdirSync(TMPDIR).length === 0; await new Promise(r => setTimeout(r, 20)))
      assert.ok(performance.now() < end);
    if (signals === 2) cut.child.kill('SIGTERM');
    const result = await cut.stop('SIGTERM');
    assert.ok(result.code === 1 || result.signal === 'SIGTERM', describe(result));
    assert.deepEqual(
      readdirSync(TMPDIR).filter(f => f.startsWith('glossier-drop-')),
      [],
    );
  }
  await dropDatabase(url);
});

test('every drop that lands in a watched folder is published once, until a signal', { timeout: 120_000 }, async () => {
  const topic = freshName('watched');
  const root = path.join(folder.path, 'landing');
  mkdirSync(root);
  const at = (name: string) => path.join(root, name);
  const env = { KAFKA_BROKERS, ORDERS_TOPIC: topic };
  const zip = await zipOf(1, 2);
  writeFileSync(at('a.zip'), zip);
  writeFileSync(at('cut.zip'), zip.subarray(0, 100));
  let producer = startCli(['produce', '--watch', root], env);
  await producer.waitFor(/Published 2 orders of 1 file\(s\), drop \w+ \(a\.zip\)/);
  writeFileSync(at('b.zip.part'), await zipOf(3));
  renameSync(at('b.zip.part'), at('b.zip'));
  await producer.waitFor(/Published 1 orders of 1 file\(s\), drop \w+ \(b\.zip\)/);
  let result = await producer.stop('SIGTERM');
  assert.equal(result.code, 0, describe(result));
  assert.equal((await readTopic(topic)).length, 3);
  // what it has published is known by the drops topic
  writeFileSync(at('cut.zip'), await zipOf(4));
  producer = startCli(['produce', '--watch', root], env);
  await producer.waitFor(/Published 1 orders of 1 file\(s\), drop \w+ \(cut\.zip\)/);
  result = await producer.stop('SIGINT');
  assert.equal(result.code, 0, describe(result));
  assert.deepEqual((await readTopic(topic)).map(m => m.key).sort(), ['1', '2', '3', '4']);
  assert.equal(result.stderr.match(/"msg":"already published"/g)?.length, 2, describe(result));
});
