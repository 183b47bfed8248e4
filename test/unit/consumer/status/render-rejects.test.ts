import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupRejects, renderRejects } from '../../../../consumer/status/render-rejects.js';

const REJECT = {
  id: 4,
  kind: 'order' as const,
  drop: 'd',
  file: '2017-12-04.json',
  index: 7,
  partition: 0,
  offset: 1,
  order_id: '9007199254740993',
  code: 'bad_id',
  path: 'id',
  reason: 'id is null',
  rejected_at: '',
  tries: 1,
  tried_at: null,
  settled: null,
};

test('rejects are one line each below their reasons, and control characters of a name do not reach the terminal', () => {
  assert.equal(renderRejects([], 80), 'Nothing is rejected.');
  const text = renderRejects([REJECT, { ...REJECT, id: 5, kind: 'file', file: 'a\u001b[2J\n.json', index: null, order_id: null }], 100);
  assert.equal(text.split('\n').length, 6);
  assert.match(text, /^4 +order +2017-12-04\.json +7 +9007199254740993 +1 +id is null$/m);
  assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f]/);
});

test('rejects are grouped by code and path, whatever the index, the most frequent first', () => {
  const items = [0, 1, 12].map(i => ({ ...REJECT, code: 'bad_type', path: `line_items[${i}].quantity`, id: 10 + i, drop: `d${i % 2}` }));
  assert.deepEqual(
    groupRejects([REJECT, ...items]).map(g => [g.code, g.path, g.count, g.drops, g.first.id]),
    [
      ['bad_type', 'line_items[].quantity', 3, 2, 10],
      ['bad_id', 'id', 1, 1, 4],
    ],
  );
  assert.match(renderRejects([REJECT, ...items], 100), /^ +3 +bad_type +line_items\[\]\.quantity +2 +10: id is null$/m);
});

test('fifty are shown one by one, and how many more there are', () => {
  const text = renderRejects(
    Array.from({ length: 60 }, (_, i) => ({ ...REJECT, id: i })),
    100,
  );
  assert.match(text, /^… and 10 more; --json has all$/m);
  assert.equal(text.split('\n').length, 2 + 1 + 51 + 1);
});

test('what a retry has settled says how', () => {
  assert.match(renderRejects([{ ...REJECT, settled: 'loaded', tries: 2 }], 100), / 2 +loaded; before: id is null$/m);
});
