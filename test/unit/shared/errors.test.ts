import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as errors from '../../../shared/errors.js';
import { isKafkaOutage } from '../../../shared/kafka-outage.js';

const { GlossierError, UsageError, ServiceError, InterruptedError, errorCode, oneLine, throwIfAborted } = errors;

test('an error has the name of its class, a hint, a cause and an exit code', () => {
  const cause = new Error('below');
  const e = new ServiceError('what', { hint: 'what to do', cause });
  assert.deepEqual([e.name, e.message, e.hint, e.cause, e.exitCode, e.retryable], ['ServiceError', 'what', 'what to do', cause, 1, false]);
  assert.equal(new UsageError('x').exitCode, 2);
  assert.ok(!('cause' in new GlossierError('x')));
});

test('every class is a GlossierError, and only usage ends in 2', () => {
  const classes = Object.values(errors).filter(
    (v): v is typeof GlossierError => typeof v === 'function' && v.prototype instanceof GlossierError,
  );
  assert.ok(classes.length >= 7);
  for (const c of classes) assert.equal(new c('x').exitCode, c.name === 'UsageError' ? 2 : 1, c.name);
});

test('anything thrown has a message of one line', () => {
  assert.equal(oneLine(new Error('a\n  b\r\nc')), 'a b c');
  assert.equal(oneLine(new Error('')), 'Error');
  assert.equal(oneLine('text'), 'text');
  assert.equal(oneLine(null), 'null');
  assert.equal(oneLine(new AggregateError([new Error('first'), new Error('second')])), 'first');
  assert.equal(oneLine(new AggregateError([new Error('first')], 'own')), 'own');
});

test('a code is text or nothing', () => {
  assert.equal(errorCode(Object.assign(new Error('x'), { code: '42P01' })), '42P01');
  for (const other of [new Error('x'), { code: 7 }, null, undefined, 'text']) assert.equal(errorCode(other), undefined);
});

test('a fired signal is an InterruptedError that says what was going on', () => {
  throwIfAborted(undefined, 'x');
  throwIfAborted(new AbortController().signal, 'x');
  assert.throws(
    () => throwIfAborted(AbortSignal.abort('SIGTERM'), 'reading'),
    (e: unknown) => e instanceof InterruptedError && e.message === 'interrupted while reading' && e.cause === 'SIGTERM',
  );
});

test('which failures of Kafka are waited out', () => {
  const kafka = (name: string, more: object = {}) => Object.assign(new Error('x'), { name, ...more });
  for (const passing of [
    kafka('KafkaJSConnectionError'),
    kafka('KafkaJSNumberOfRetriesExceeded', { cause: kafka('KafkaJSConnectionError') }),
    kafka('KafkaJSProtocolError', { type: 'NOT_LEADER_FOR_PARTITION' }),
    kafka('KafkaJSAggregateError', { errors: [kafka('KafkaJSConnectionError')] }),
  ]) {
    assert.equal(isKafkaOutage(passing), true, passing.name);
  }
  for (const lasting of [
    new TypeError('x'),
    new ServiceError('x'),
    kafka('KafkaJSSASLAuthenticationError'),
    kafka('KafkaJSProtocolError', { type: 'TOPIC_AUTHORIZATION_FAILED' }),
    kafka('KafkaJSNumberOfRetriesExceeded', {
      cause: kafka('KafkaJSProtocolError', { type: 'GROUP_AUTHORIZATION_FAILED' }),
    }),
    kafka('KafkaJSAggregateError', {
      errors: [kafka('KafkaJSConnectionError'), kafka('KafkaJSCreateTopicError', { type: 'POLICY_VIOLATION' })],
    }),
  ])
    assert.equal(isKafkaOutage(lasting), false, lasting.name);
});

test("kafkajs' own stumbling is waited out, in the bundle too", async () => {
  for (const place of ['kafkajs', '../../../bin/kafkajs/index.js']) {
    const { default: kafkajs } = (await import(place)) as { default: typeof import('kafkajs') };
    let thrown: unknown;
    try {
      kafkajs.AssignerProtocol.MemberAssignment.decode(null as unknown as Buffer);
    } catch (error) {
      thrown = error;
    }
    assert.ok(thrown instanceof TypeError, place);
    assert.equal(isKafkaOutage(thrown), true, thrown.stack);
  }
});
