/** The pure parts of a rebuild. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusalFor } from '../../../../consumer/rebuild/disk.js';
import { renderDifferences } from '../../../../consumer/rebuild/render.js';

test('a rebuild is refused where its copy clearly does not fit, with both figures', () => {
  assert.equal(refusalFor(1e9, 2e9), null);
  assert.match(refusalFor(3e9, 2e9)!.message, /needs some 3,068 MB, and 2,000 MB are free/);
});

test('differences are told by table, with counts by column and ids, and without control characters', () => {
  const none = { added: 0, removed: 0, changed: 0, columns: {}, examples: [] };
  assert.equal(renderDifferences([{ table: 'user_stats', ...none }]), 'The tables hold what the topic says.');
  const text = renderDifferences([
    { table: 'user_stats', ...none },
    { table: 'orders__2017_11', ...none, added: 1, changed: 1200, columns: { note: 1200, email: 3 }, examples: ['7', 'a\u001bb'] },
  ]);
  assert.doesNotMatch(text, /user_stats/);
  assert.match(text, /^orders__2017_11 +1 +0 +1,200 +note \(1,200\), email \(3\) +7, a\ufffdb$/m);
});
