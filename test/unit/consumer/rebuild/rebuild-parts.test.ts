/** The pure parts of a rebuild. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusalFor } from '../../../../consumer/rebuild/disk.js';
import { rebuildWords, stateOf } from '../../../../consumer/rebuild/progress.js';
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
  const many = [
    {
      table: 'orders',
      ...none,
      removed: 5,
      examples: ['11674779651', '11676844035', '11677827075', '11678711811'],
      structure: ['is unlogged'],
    },
  ];
  assert.match(renderDifferences(many, 80), /^orders +0 +5 +0 +is unlogged +11674779651, 11676844035$/m);
});

test('a rebuild that runs tells its rate and the time that is left, one that was abandoned how far it came', () => {
  assert.equal(
    rebuildWords(stateOf('replaying', 5000, 20_000, 10)),
    'Rebuild running: replaying, 5,000 of 20,000 message(s), 500/s, 30 s left',
  );
  assert.equal(rebuildWords(stateOf('comparing', 3, 12, 2)), 'Rebuild running: comparing, 3 of 12 table(s), 1.5/s, 6 s left');
  assert.equal(rebuildWords(stateOf('replaying', 0, 20_000, 10)), 'Rebuild running: replaying, 0 of 20,000 message(s)');
  assert.equal(rebuildWords(stateOf('replaying', 100, 90, 10)), 'Rebuild running: replaying, 100 of 100 message(s), 10/s, 0 s left');
  assert.equal(rebuildWords(stateOf('applying', 3, 12, null)), 'Rebuild abandoned: applying, 3 of 12 table(s)');
  assert.equal(rebuildWords(stateOf(null, 0, 0, 1)), 'Rebuild running: it has just begun');
  const { per_second, seconds_left } = stateOf('replaying', 300, 1200, 3);
  assert.deepEqual([per_second, seconds_left], [100, 9]);
});
