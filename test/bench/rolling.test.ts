/** What each change of a rolling restart costs: `npm test -- bench/rolling`. */
import { test } from 'node:test';
import { rollingRestart } from '../guarantees/rolling.js';
import { Shop } from '../guarantees/shop.js';

test('a rolling restart of three workers, five times', { timeout: 900_000 }, async t => {
  const worst = { leaves: 0, joins: 0 };
  for (let round = 1; round <= 5; round++) {
    const shop = await Shop.open(t, { BATCH_WAIT: '100ms', SESSION_TIMEOUT: '10s' });
    const { codes, rebalances, longest, published } = await rollingRestart(shop, 3);
    for (const { what, seconds } of rebalances) worst[what] = Math.max(worst[what], seconds);
    t.diagnostic(
      `${published} orders, exits ${codes.join(' ')}, longest ${longest} s: ${rebalances.map(r => `${r.what} ${r.seconds}`).join(', ')}`,
    );
  }
  t.diagnostic(`at the most ${worst.leaves} s when one leaves, ${worst.joins} s when one joins`);
});
