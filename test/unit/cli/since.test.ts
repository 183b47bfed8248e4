import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sinceInstant } from '../../../cli/since.js';
import { UsageError } from '../../../shared/errors.js';

const NOW = Date.parse('2017-12-04T10:00:00Z');

test('--since is an instant, UTC without an offset, or a time back from now', () => {
  const told: Record<string, string> = {
    '2017-12-04': '2017-12-04T00:00:00.000Z',
    '2017-12-04 09:30': '2017-12-04T09:30:00.000Z',
    '2017-12-04T09:30:00-05:00': '2017-12-04T14:30:00.000Z',
    '90m': '2017-12-04T08:30:00.000Z',
    '1.5h': '2017-12-04T08:30:00.000Z',
    '3d': '2017-12-01T10:00:00.000Z',
  };
  for (const [text, instant] of Object.entries(told)) assert.equal(sinceInstant(text, NOW).toISOString(), instant, text);
  for (const text of ['', 'yesterday', '2017-13-01', '2017-12-04T25:00', '5', '3w', '12/04/2017'])
    assert.throws(() => sinceInstant(text, NOW), UsageError, text);
});
