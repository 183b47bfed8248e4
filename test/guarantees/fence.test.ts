/** Of two owners of a partition one alone moves it on, and what the other had made comes to nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claimTopic } from '../../consumer/load/positions.js';
import { compare } from '../support/compare.js';
import { Oracle } from '../support/oracle.js';
import { batchOf, directDatabase, directLoader, loadNow, mergeNow, TABLES, TOPIC, TOPIC_ID, withDb } from './direct.js';
import { order } from './shop.js';

const TIMEOUT = { timeout: 150_000 };
const orders = (from: number, count: number): string[] => Array.from({ length: count }, (_, i) => order(from + i));

async function expect(url: string, loaded: string[]): Promise<void> {
  const oracle = new Oracle();
  oracle.message(...loaded.map(o => Buffer.from(o)));
  await mergeNow(url);
  assert.deepEqual(await compare(url, 'public', oracle), []);
}

test('of two workers that load from one position only one does', TIMEOUT, async t => {
  const url = await directDatabase(t);
  const loaders = await Promise.all(['a', 'b', 'c', 'd'].map(name => directLoader(t, url, name)));
  const won: string[] = [];
  let at = 0;
  for (let round = 0; round < 10; round++) {
    // each has other orders, so that no key but the position stands between them; and other ends, so that none takes another's for its own
    const made = loaders.map((_, i) => orders(1 + round * 1000 + i * 100, 20 + i));
    const prepared = await Promise.all(loaders.map((l, i) => l.prepare(batchOf({ partition: 0, from: at, orders: made[i] }))));
    const results = await Promise.all(loaders.map((l, i) => l.load(prepared[i])));
    const winners = results.flatMap((r, i) => (r === null ? [] : [i]));
    assert.equal(winners.length, 1, `round ${round}: ${JSON.stringify(results)}`);
    assert.equal(results[winners[0]]!.loaded, made[winners[0]].length);
    won.push(...made[winners[0]]);
    at += made[winners[0]].length;
  }
  await expect(url, won);
});

test('of a batch of two partitions nothing is loaded when one of them has moved on', TIMEOUT, async t => {
  const url = await directDatabase(t);
  const loader = await directLoader(t, url, 'a');
  const first = orders(1, 10);
  assert.notEqual(await loadNow(loader, { partition: 1, from: 0, orders: first }), null);
  const stale = await loadNow(
    loader,
    { partition: 0, from: 0, orders: orders(100, 10) },
    { partition: 1, from: 0, orders: orders(200, 12) },
  );
  assert.equal(stale, null);
  await expect(url, first);
});

test('a worker that still holds the old incarnation of the topic loads nothing', TIMEOUT, async t => {
  const url = await directDatabase(t);
  const loader = await directLoader(t, url, 'a', 'another one');
  assert.equal(await loadNow(loader, { partition: 0, from: 0, orders: orders(1, 10) }), null);
  const { rows } = await withDb(url, db => db.query(`SELECT count(*) AS n FROM ${TABLES.orders}`));
  assert.equal(rows[0].n, '0');
});

test('an end that the broker told of before others loaded beyond it stops no worker', TIMEOUT, async t => {
  const url = await directDatabase(t);
  const loader = await directLoader(t, url, 'a');
  await loadNow(loader, { partition: 0, from: 0, orders: orders(1, 10) });
  const claim = (before: number, end: number) =>
    withDb(url, db => {
      const offsets = [0, 1].map(partition => ({ partition, low: 0, end }));
      return claimTopic(db, TABLES, TOPIC, TOPIC_ID, offsets, new Map([[0, before]]));
    });
  await claim(6, 8);
  await assert.rejects(claim(10, 8), /ends at offset 8, and the tables hold it up to 10/);
});
