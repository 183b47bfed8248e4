/** What only a person can mend ends the program at once, in one line. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dropDatabase, freshDatabase, freshName, testServices } from '../support/services.js';
import { oneLineOf, Shop } from './shop.js';

test('a wrong password, a missing database, a missing right and a wrong host end the program within ten seconds, in one line', {
  timeout: 150_000,
}, async t => {
  const shop = await Shop.open(t);
  const role = freshName('nobody');
  const secret = freshName('secret');
  const owned = await freshDatabase();
  t.after(async () => {
    await dropDatabase(owned);
    await shop.query(`DROP ROLE ${role}`, [], testServices().databaseUrl);
  });
  await shop.query(`CREATE ROLE ${role} LOGIN PASSWORD '${secret}'`);
  const urlWith = (change: (url: URL) => void): string => {
    const url = new URL(owned);
    change(url);
    return url.href;
  };
  const wrong = freshName('wrong');
  const faults: [string, RegExp][] = [
    [urlWith(u => (u.password = wrong)), /password authentication failed/],
    [urlWith(u => (u.pathname = '/test_not_there')), /"test_not_there" does not exist/],
    [urlWith(u => ([u.username, u.password] = [role, secret])), /permission denied/],
    [urlWith(u => (u.hostname = 'no-such-host.invalid')), /no-such-host\.invalid/],
  ];
  // what a start of the program takes on this machine now is not counted
  const start = (await shop.run(0, ['--version'])).seconds;
  for (const [url, words] of faults) {
    for (const args of [['consume'], ['merge']]) {
      const result = await shop.run(1, args, { DATABASE_URL: url });
      const line = oneLineOf(result);
      assert.match(line, words);
      assert.match(line, / — ./, 'it says what to do');
      assert.ok(result.seconds < 10 + 3 * start, `${line}: ${result.seconds} s`);
      assert.ok(![wrong, secret].some(s => result.stderr.includes(s)), 'no password is shown');
    }
  }
});
