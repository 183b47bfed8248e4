/** What is done about each code of Postgres and of the network: written here once more, so that a change of the table is a change of this. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REACTIONS, type Reaction, reactionTo } from '../../consumer/load/sqlstate.js';

const STATED: Record<Reaction, string> = {
  wait: '57 57P01 57P02 57P03 08 08000 08003 08006 53 53100 53200 53300 58 58030 25006 25 25P03 ECONNREFUSED ECONNRESET ECONNABORTED EPIPE ETIMEDOUT EHOSTUNREACH ENETUNREACH EAI_AGAIN GLOSSIER_LOST',
  again: '40001 40P01 40 40003 55P03 55006 57014',
  stop: '28 28000 28P01 3D 3D000 42501 ENOTFOUND',
  missing: '42P01 42703 3F 3F000',
  duplicate: '23505',
  data: '23 23502 23514 22 22001 22003 22008 22021 22P02 22P05 54 54000 21 21000',
  bug: '42601 42883 XX000 0A000 P0001 EACCES',
};

test('each code is reacted to as stated, and the table has no other', () => {
  const stated = new Set<string>();
  for (const [reaction, codes] of Object.entries(STATED)) {
    for (const code of codes.split(' ')) {
      stated.add(code);
      assert.equal(reactionTo(Object.assign(new Error('any text'), { code, constraint: 'known_orders_pkey' })), reaction, code);
    }
  }
  assert.deepEqual(
    REACTIONS.map(([code]) => code).filter(code => !stated.has(code)),
    [],
  );
});

test('a unique index of somebody else refuses a row; only our own keys tell of known orders', () => {
  const of = (constraint: string) => reactionTo(Object.assign(new Error('any text'), { code: '23505', constraint }));
  assert.equal(of('orders__2017_12_pkey'), 'duplicate');
  assert.equal(of('order_line_item_mapping_pkey'), 'duplicate');
  assert.equal(of('names_are_unique'), 'data');
});
