import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REACTIONS, reactionTo } from '../../../../consumer/load/sqlstate.js';
import { GlossierError, InterruptedError } from '../../../../shared/errors.js';

const withCode = (code: string) => Object.assign(new Error('x'), { code });

test('a full code goes before its class', () => {
  for (const [code, reaction] of [
    ['23514', 'data'],
    ['22P02', 'data'],
    ['40P01', 'again'],
    ['57014', 'again'],
    ['57P01', 'wait'],
    ['08006', 'wait'],
    ['53100', 'wait'],
    ['25006', 'wait'],
    ['28P01', 'stop'],
    ['3D000', 'stop'],
    ['42501', 'stop'],
    ['42P01', 'missing'],
    ['3F000', 'missing'],
    ['42601', 'bug'],
    ['XX000', 'bug'],
  ] as const) {
    assert.equal(reactionTo(withCode(code)), reaction, code);
  }
});

test('codes of the network, in an error or in a list of them', () => {
  assert.equal(reactionTo(withCode('ECONNREFUSED')), 'wait');
  assert.equal(reactionTo(new AggregateError([withCode('ECONNREFUSED'), withCode('ENOTFOUND')])), 'wait');
  assert.equal(reactionTo(withCode('ENOTFOUND')), 'stop');
});

test('a connection that ended has no code and is waited for; other errors without a code are bugs', () => {
  assert.equal(reactionTo(new Error('Connection terminated unexpectedly')), 'wait');
  assert.equal(reactionTo(new Error('Client has encountered a connection error and is not queryable')), 'wait');
  for (const bug of [new TypeError('x is not a function'), new Error('Connection'), null, undefined, 'text', 7])
    assert.equal(reactionTo(bug), 'bug');
});

test('our own errors are not tried again unless they say so', () => {
  assert.equal(reactionTo(new InterruptedError('stop')), 'bug');
  class Passing extends GlossierError {
    override readonly retryable = true;
  }
  assert.equal(reactionTo(new Passing('x')), 'wait');
});

test('no code stands twice in the table', () => {
  assert.equal(new Set(REACTIONS.map(([code]) => code)).size, REACTIONS.length);
});
