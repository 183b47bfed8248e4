import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stateOf } from '../../../../consumer/rebuild/progress.js';
import type { Status } from '../../../../consumer/status/read-status.js';
import { renderStatus } from '../../../../consumer/status/render.js';

const DROP = {
  drop: '7b61058f27244795',
  name: 'a.zip',
  state: 'published',
  files: 31,
  broken_files: 0,
  oversize_orders: 0,
  published: 13183,
  loaded: 13180,
  bypassed: 2,
  rejected: 1,
  line_items: 5,
  waiting: 0,
  complete: true,
  drift: null,
  notes: null,
  started_at: null,
  finished_at: null,
};
const EMPTY: Status = {
  topic: 'orders',
  drops: [],
  partitions: [],
  lag: 0,
  staging: 0,
  rejects: { orders: 0, files: 0, by_reason: [] },
  tables: [],
  rebuild: null,
  rebuild_due: [],
};

test('a status shows each drop with its books and what it waits for', () => {
  const text = renderStatus(
    {
      ...EMPTY,
      drops: [
        DROP,
        { ...DROP, drop: 'b', waiting: 1200, complete: false, broken_files: 2 },
        { ...DROP, drop: 'c', state: 'publishing' },
        { ...DROP, drop: '', name: '(other producers)', state: 'other' },
      ],
      partitions: [{ partition: 0, position: 1000, end: 2200, lag: 1200 }],
      lag: 1200,
      staging: 3,
      rejects: {
        orders: 1,
        files: 2,
        by_reason: [
          { code: 'broken_file', path: '', count: 2 },
          { code: 'bad_id', path: 'id', count: 1 },
        ],
      },
      tables: [{ table: 'orders__2017_12', rows: 13180 }],
      rebuild: stateOf('replaying', 7000, 13185, null),
      rebuild_due: [{ table: 'user_stats', reason: 'it is so', since: '' }],
    },
    120,
  );
  const line = (start: string) =>
    text
      .split('\n')
      .find(l => l.startsWith(start))!
      .split(/ {2,}/);
  assert.deepEqual(line('7b61'), ['7b61058f27244795', 'a.zip', '13,183', '13,180', '2', '1', '31', 'complete']);
  assert.deepEqual(line('b  ').slice(-2), ['31 (2 broken)', '1,200 waiting']);
  assert.equal(line('c  ').at(-1), 'publishing');
  assert.equal(line('-  ')[1], '(other producers)');
  assert.match(text, /^ +0 +1,000 +2,200 +1,200$/m);
  assert.match(text, /^orders__2017_12 +13,180$/m);
  assert.match(
    text,
    /^Lag 1,200; user_staging 3 row\(s\); rejects 1 order\(s\), 2 file\(s\)\nRebuild abandoned: replaying, 7,000 of 13,185 message\(s\)\nuser_stats waits for glossier rebuild: it is so\n {2}2 × broken_file\n {2}1 × bad_id at id$/m,
  );
  assert.doesNotMatch(text, /[ \t]$/m);
});

test('a status of nothing says so', () => {
  const text = renderStatus(EMPTY, 80);
  assert.match(text, /No drops yet\./);
  assert.match(text, /The topic "orders" is not there yet\./);
});

test('long names are cut to the width', () => {
  const text = renderStatus({ ...EMPTY, drops: [{ ...DROP, name: `${'long'.repeat(40)}.zip` }] }, 100);
  assert.match(text, /…/);
  for (const l of text.split('\n')) assert.ok(l.length <= 120, l);
});

test('rows that are estimated say so', () => {
  const text = renderStatus({ ...EMPTY, tables: [{ table: 'user_stats', rows: 5000000, estimated: true }] }, 80);
  assert.match(text, /user_stats +about 5,000,000/);
});
