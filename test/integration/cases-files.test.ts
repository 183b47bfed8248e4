/** Every file and zip of test/cases: all files in one drop end to end; each zip through the producer, as nothing of a refused one is published. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readDrops } from '../../producer/drop-journal.js';
import { DropError } from '../../shared/errors.js';
import { FILES, type FileOutcome } from '../cases/files.js';
import { ZIPS } from '../cases/zips.js';
import { Shop } from '../guarantees/shop.js';
import { describe } from '../support/cli.js';
import { freshName, tempDir } from '../support/services.js';
import { makeZip } from '../unit/producer/zips.js';
import { folder, kafka, produce, readTopic, settings } from './produce-support.js';

const TIMEOUT = { timeout: 240_000 };

test('every case of an odd or broken file, in one drop: the orders before its fault load, and so do the other files', TIMEOUT, async t => {
  const dir = tempDir('glossier-files-');
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const zip = join(dir, 'files.zip');
  writeFileSync(zip, await makeZip(FILES.map(([, name, data]) => ({ name, data }))));
  const shop = await Shop.open(t);
  await shop.oracle.load(zip);
  const result = await shop.run(3, ['load', '--accept-rejects', zip]);
  const loaded = await shop.query(
    'SELECT file, sum(loaded) AS n FROM glossier.drop_files JOIN glossier.books USING (file_no) GROUP BY file',
  );
  const broken = await shop.query(`SELECT file, order_index, reason FROM glossier.rejects WHERE kind = 'file'`);
  const manifest: { name: string }[] = (await kafkaFiles(shop.topic)).files;
  const wrong = FILES.flatMap(([why, name, , outcome]) => {
    const n = Number(loaded.find(r => r.file === name)?.n ?? 0);
    const fault = broken.find(r => r.file === name);
    const read = manifest.some(f => f.name === name);
    return fits(outcome, n, fault, read) ? [] : [`${why}: ${n} loaded, ${fault?.reason ?? 'whole'}, ${read ? 'read' : 'skipped'}`];
  });
  assert.deepEqual(wrong, [], describe(result));
  assert.equal(broken.length, FILES.filter(([, , , outcome]) => typeof outcome === 'object').length);
  await shop.check();
});

function fits(outcome: FileOutcome, loaded: number, fault: Record<string, string> | undefined, read: boolean): boolean {
  if (outcome === 'skipped') return !read && loaded === 0 && fault === undefined;
  if (typeof outcome === 'number') return read && loaded === outcome && fault === undefined;
  return read && loaded === outcome[0] && fault !== undefined && Number(fault.order_index) === outcome[0] && outcome[1].test(fault.reason);
}

/** What the drops topic says of the only drop of a topic. */
async function kafkaFiles(topic: string): Promise<{ files: { name: string }[] }> {
  const admin = kafka.admin();
  await admin.connect();
  const { drops } = await readDrops(kafka, admin, topic);
  await admin.disconnect();
  assert.equal(drops.size, 1);
  return [...drops.values()][0].manifest;
}

test('every case of a bad or odd zip: refused in words with nothing published, or taken', TIMEOUT, async () => {
  const topic = freshName('zips');
  const wrong: string[] = [];
  let orders = 0;
  for (const [why, zip, outcome, limits = {}] of ZIPS) {
    const told = await produce(folder.save(zip), topic, { settings: { ...settings(topic), ...limits } }).then(
      r => r.orders,
      (error: unknown) => {
        assert.ok(error instanceof DropError && error.hint && !error.message.includes('\n'), `${why}: ${error}`);
        return error.message;
      },
    );
    const right = typeof outcome === 'number' ? told === outcome : typeof told === 'string' && outcome.test(told);
    if (!right) wrong.push(`${why}: ${told}, not ${outcome}`);
    if (typeof outcome === 'number') orders += outcome;
  }
  assert.deepEqual(wrong, []);
  assert.equal((await readTopic(topic)).length, orders);
});
