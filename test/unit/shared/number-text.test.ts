import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { grouped } from '../../../shared/number-text.js';

test('numbers are grouped by thousands as people write them in English', () => {
  for (const [n, text] of [
    [0, '0'],
    [999, '999'],
    [1000, '1,000'],
    [13183, '13,183'],
    [-1234567.6, '-1,234,568'],
  ] as const)
    assert.equal(grouped(n), text);
  fc.assert(fc.property(fc.integer(), n => grouped(n) === n.toLocaleString('en-US')));
});
