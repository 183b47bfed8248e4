/** Workers are replaced one after the other under load. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rollingRestart } from './rolling.js';
import { Shop } from './shop.js';

const EXPLAINED = [
  'started',
  'joined the group',
  'loading',
  'idle',
  'stopping',
  'stopped',
  'another worker had loaded part of a batch; going on from the positions',
];

test('three workers are replaced one after the other under load, and never is nothing loaded for ten seconds', {
  timeout: 300_000,
}, async t => {
  const shop = await Shop.open(t, { BATCH_WAIT: '100ms', SESSION_TIMEOUT: '10s', LOG_EVERY: '1s' });
  const { codes, logs, longest, rebalances, published } = await rollingRestart(shop, 3);
  t.diagnostic(`nothing was loaded for ${longest} s at the longest; ${rebalances.map(r => `${r.what} ${r.seconds}`).join(', ')}`);
  assert.deepEqual(codes, [0, 0, 0, 0, 0, 0]);
  assert.ok(longest <= 10, `${longest} s`);
  const [{ n }] = await shop.query('SELECT count(*) AS n FROM orders');
  assert.equal(Number(n), published);
  await shop.run(0, ['verify']);

  const lines = logs.flatMap(text => text.trimEnd().split('\n')).map(line => JSON.parse(line) as Record<string, unknown>);
  const unknown = lines.filter(l => !EXPLAINED.includes(String(l.msg)));
  assert.deepEqual(unknown, [], 'no line that the README does not explain');
  const told = lines.filter(l => l.msg === 'loading' || l.msg === 'idle');
  const sum = (name: string) => told.reduce((n, l) => n + Number(l[name]), 0);
  assert.ok(sum('read') > 0 && sum('read') <= published && sum('loaded') === sum('read'), JSON.stringify(told));
  assert.ok(told.every(l => ['lag', 'rate', 'bypassed', 'rejected'].every(name => name in l)));
  assert.equal(lines.filter(l => l.msg === 'started').length, 6);
  assert.equal(lines.filter(l => l.msg === 'stopped').length, 6);
});
