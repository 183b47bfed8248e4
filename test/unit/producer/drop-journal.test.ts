import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DropJournal, findPublication } from '../../../producer/drop-journal.js';
import type { Share } from '../../../producer/idempotent-writer.js';
import { encodeRecordBatch } from '../../../producer/record-batch.js';
import { DROP_RECORD_FORMAT, type DropManifest, DropStates, publishedOrders } from '../../../shared/drop-record.js';
import { decodeRecordBatch } from './model-kafka.js';

const SHA = '0123456789abcdef'.repeat(4);
const TOPIC = 'f'.repeat(32);
const ID = '0123456789abcdef';

function manifest(id: string, state: DropManifest['state'], orders: number | null = null): DropManifest {
  return {
    format: DROP_RECORD_FORMAT,
    id,
    name: 'x.zip',
    sha256: SHA,
    bytes: 1,
    partitions: 8,
    state,
    files: [],
    orders,
    startedAt: '',
    finishedAt: null,
  };
}

function states(...manifests: DropManifest[]): DropStates {
  const drops = new DropStates();
  for (const m of manifests) drops.add(m.id, Buffer.from(JSON.stringify(m)));
  return drops;
}

test('a drop is named by its bytes; again counts up, and only behind a publication that is finished', () => {
  const cases: [DropStates, again: boolean, id: string, state: string | undefined][] = [
    [states(), false, ID, undefined],
    [states(), true, ID, undefined],
    [states(manifest('other', 'published')), false, ID, undefined],
    [states(manifest(ID, 'publishing')), false, ID, 'publishing'],
    [states(manifest(ID, 'publishing')), true, ID, 'publishing'],
    [states(manifest(ID, 'published')), false, ID, 'published'],
    [states(manifest(ID, 'published')), true, `${ID}-2`, undefined],
    [states(manifest(ID, 'published'), manifest(`${ID}-2`, 'publishing')), true, `${ID}-2`, 'publishing'],
    [states(manifest(ID, 'published'), manifest(`${ID}-2`, 'publishing')), false, `${ID}-2`, 'publishing'],
    [states(manifest(ID, 'published'), manifest(`${ID}-2`, 'published')), true, `${ID}-3`, undefined],
    [states(manifest(ID, 'published'), manifest(`${ID}-2`, 'published')), false, `${ID}-2`, 'published'],
  ];
  for (const [drops, again, id, state] of cases) {
    const found = findPublication(drops, SHA, again, TOPIC);
    assert.deepEqual([found.id, found.state?.manifest.state], [id, state]);
  }
});

test('what went to another topic of the same name does not count', () => {
  const old = { ...manifest(ID, 'published', 5), topicId: 'e'.repeat(32) };
  const here = { ...manifest(ID, 'published', 5), topicId: TOPIC };
  for (const again of [false, true]) assert.deepEqual(findPublication(states(old), SHA, again, TOPIC), { id: ID, state: null });
  assert.equal(findPublication(states(here), SHA, false, TOPIC).state?.manifest.orders, 5);
  assert.deepEqual(findPublication(states(here, { ...old, id: `${ID}-2` }), SHA, true, TOPIC), {
    id: `${ID}-2`,
    state: null,
  });
});

test('what the journal writes is what the drops topic tells', async () => {
  const shares: Share[] = [];
  const journal = new DropJournal({ write: async s => void shares.push(...s), close: async () => {} }, 'orders');
  await journal.begin(manifest(ID, 'publishing'));
  await journal.progress(ID, { file: 1, index: 7, orders: 20 });
  const drops = new DropStates();
  const replay = async () => {
    for (const { topic, partition, records } of shares.splice(0)) {
      assert.deepEqual([topic, partition], ['orders.drops', 0]);
      const batch = encodeRecordBatch(records, { producerId: 1n, producerEpoch: 0, baseSequence: 0 });
      for (const r of (await decodeRecordBatch(batch)).records) drops.add(String(r.key), r.value);
    }
    return drops.drops.get(ID)!;
  };
  const begun = await replay();
  assert.equal(begun.manifest.state, 'publishing');
  assert.deepEqual([begun.progress?.file, begun.progress?.index, publishedOrders(begun)], [1, 7, 20]);
  await journal.finish(manifest(ID, 'published', 30), { file: 2, index: 0, orders: 30 });
  assert.equal(shares.length, 1, 'one record batch, so both or neither');
  const finished = await replay();
  assert.deepEqual([finished.manifest.state, finished.progress?.file, publishedOrders(finished)], ['published', 2, 30]);
});
