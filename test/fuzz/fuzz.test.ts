/** A short fuzz in every run: one fixed seed and one of the day, both said, so that what failed can be done again by run.ts. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { produceDrop } from '../../producer/produce-drop.js';
import { DropError } from '../../shared/errors.js';
import { createKafka } from '../../shared/kafka.js';
import { createLog } from '../../shared/log.js';
import { resolveSettings } from '../../shared/settings.js';
import { freshName, tempDir, testServices } from '../support/services.js';
import { realOrders } from './material.js';
import { fuzzOrders } from './orders.js';
import { Python } from './python.js';
import { fuzzZips } from './zips.js';

const TIMEOUT = { timeout: 240_000 };
const FIXED = 20171030;
const FRESH = Math.floor(Math.random() * 1e9);
const ORDERS = 1600;
const ZIPS = 200;

function judge(t: TestContext): { folder: string; python: Python | null; say: (line: string) => void } {
  const folder = tempDir('glossier-fuzz-');
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const say = (line: string): void => t.diagnostic(line);
  const python = Python.start(say);
  t.after(() => python?.stop());
  say(`seeds ${FIXED} and ${FRESH}`);
  return { folder, python, say };
}

test('mutated orders load as an independent reader reads them, or are rejected by a rule, and stop no neighbour', TIMEOUT, async t => {
  const { folder, python, say } = judge(t);
  const real = await realOrders(say);
  for (const seed of [FIXED, FRESH]) {
    const result = await fuzzOrders(t, { seed, orders: ORDERS, real, folder, python });
    assert.deepEqual(result.problems, []);
    assert.ok(
      result.orders >= ORDERS && result.loaded > ORDERS / 4 && result.rejected > ORDERS / 8 && result.brokenFiles > 0,
      JSON.stringify(result),
    );
  }
});

test(
  'mutated zips are taken as other readers take them or refused by a rule, and of a refused one nothing is published',
  TIMEOUT,
  async t => {
    const { folder, python } = judge(t);
    const topic = freshName('refused');
    const log = await createLog('silent', null);
    const { brokers } = testServices();
    const kafka = createKafka({ brokers, log });
    const { settings } = resolveSettings({ topic, partitions: '2', kafkaBrokers: brokers.join(), databaseUrl: 'postgres://unused' }, {});
    for (const seed of [FIXED, FRESH]) {
      const { problems, taken, refused, samples } = await fuzzZips(seed, ZIPS, folder, python);
      assert.deepEqual(problems, []);
      assert.ok(taken > ZIPS / 20 && refused > ZIPS / 4, `${taken} taken, ${refused} refused`);
      for (const source of samples) await assert.rejects(produceDrop({ source, kafka, settings, log }), DropError);
    }
    const admin = kafka.admin();
    await admin.connect();
    const there = (await admin.listTopics()).filter(name => name.startsWith(topic));
    const ends = await Promise.all(there.map(name => admin.fetchTopicOffsets(name)));
    await admin.disconnect();
    assert.deepEqual([...new Set(ends.flat().map(o => o.high))], ['0'], 'the topics were made, and are empty');
  },
);
