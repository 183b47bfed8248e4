/** A user's row does not depend on the order in which orders come, nor on when they are folded. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare } from '../support/compare.js';
import { Oracle } from '../support/oracle.js';
import { directDatabase, directLoader, loadNow, mergeNow, TABLES, withDb } from './direct.js';
import { order } from './shop.js';

const named = (name: string | null, buyer = true): string =>
  `,"customer_locale":${JSON.stringify(name)},"buyer_accepts_marketing":${buyer},"contact_email":${JSON.stringify(name)},"phone":null`;

/** User 1: the newest is null in all fields. User 2: one instant in three notations, so the greatest id decides. User 3: in one load alone. */
const LOADS = [
  [
    order(10, { user: 1, at: '2017-12-04T10:00:00Z', more: named('old') }),
    order(32, { user: 2, at: '2017-12-04T12:00:00+02:00', more: named('id 32') }),
    order(50, { user: 3, price: '0.0001', more: named('only') }),
  ],
  [order(11, { user: 1, at: '2018-01-04T10:00:00.000001Z' }), order(31, { user: 2, at: '2017-12-04T10:00:00Z', more: named('id 31') })],
  [
    order(12, { user: 1, at: '2018-01-04T10:00:00Z', price: '0.1', more: named('nearly', false) }),
    order(33, { user: 2, at: '2017-12-04T05:00:00-05:00', more: named('id 33', false) }),
    order(34, { user: null }),
  ],
];

const ORDERS = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
];

test('three loads in every order, folded after each or at the end, give the same users', {
  timeout: 150_000,
}, async t => {
  const oracle = new Oracle();
  oracle.message(...LOADS.flat().map(o => Buffer.from(o)));
  const empty = await directDatabase(t);
  const seen = new Set<string>();
  for (const turns of ORDERS) {
    for (const often of [true, false]) {
      const url = await directDatabase(t, empty);
      const loader = await directLoader(t, url, 'a');
      let from = 0;
      for (const turn of turns) {
        await loadNow(loader, { partition: 0, from, orders: LOADS[turn] });
        from += LOADS[turn].length;
        if (often) await mergeNow(url);
      }
      await mergeNow(url);
      assert.deepEqual(await compare(url, 'public', oracle), [], `${turns} ${often}`);
      const { rows } = await withDb(url, db => db.query(`SELECT * FROM ${TABLES.userStats} ORDER BY user_id`));
      seen.add(JSON.stringify(rows));
    }
  }
  assert.equal(seen.size, 1);
  const users: Record<string, unknown>[] = JSON.parse([...seen][0]);
  assert.deepEqual(
    users.map(u => [u.user_id, u.contact_email, u.total_orders, u.total_days]),
    [
      ['1', null, '3', '32'],
      ['2', 'id 33', '3', '1'],
      ['3', 'only', '1', '1'],
    ],
  );
});
