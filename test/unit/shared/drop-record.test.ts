import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  DROP_RECORD_FORMAT,
  type DropManifest,
  type DropProgress,
  DropStates,
  manifestKey,
  progressKey,
  publishedOrders,
} from '../../../shared/drop-record.js';

const manifest = (id: string, more: Partial<DropManifest> = {}): DropManifest => ({
  format: DROP_RECORD_FORMAT,
  id,
  name: 'a.zip',
  sha256: '',
  bytes: 1,
  partitions: 8,
  state: 'publishing',
  files: [],
  orders: null,
  startedAt: '',
  finishedAt: null,
  ...more,
});
const progress = (id: string, orders: number): DropProgress => ({
  format: DROP_RECORD_FORMAT,
  id,
  file: 0,
  index: orders,
  orders,
  at: '',
});

function fold(...records: [key: string | null, value: unknown][]): DropStates {
  const states = new DropStates();
  for (const [key, value] of records)
    states.add(key, value === null ? null : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
  return states;
}

test('records of one drop fold into its latest state', () => {
  const { drops } = fold(
    [manifestKey('a'), manifest('a')],
    [progressKey('a'), progress('a', 10)],
    [manifestKey('b'), manifest('b')],
    [progressKey('a'), progress('a', 20)],
  );
  assert.deepEqual([...drops.keys()], ['a', 'b']);
  assert.equal(publishedOrders(drops.get('a')!), 20);
  assert.equal(publishedOrders(drops.get('b')!), 0);
});

test('a published drop counts what its manifest says, whatever the last progress was', () => {
  const { drops } = fold(
    [manifestKey('a'), manifest('a')],
    [progressKey('a'), progress('a', 10)],
    [manifestKey('a'), manifest('a', { state: 'published', orders: 30 })],
  );
  assert.equal(publishedOrders(drops.get('a')!), 30);
  assert.equal(drops.get('a')!.progress!.orders, 10);
});

test('compaction may leave the progress before the manifest', () => {
  const { drops } = fold([progressKey('a'), progress('a', 7)], [manifestKey('a'), manifest('a')]);
  assert.equal(publishedOrders(drops.get('a')!), 7);
  assert.equal(fold([progressKey('a'), progress('a', 7)]).drops.size, 0);
});

test("somebody else's records are passed over, those of a newer format are counted", () => {
  const states = fold(
    [null, manifest('a')],
    ['a', null],
    ['a', 'no json'],
    ['a', 'null'],
    ['a', '7'],
    ['a', '[]'],
    ['a', {}],
    ['a', { format: 1 }],
    ['a', { ...manifest('a'), format: DROP_RECORD_FORMAT + 1 }],
  );
  assert.equal(states.drops.size, 0);
  assert.equal(states.newer, 1);
});
