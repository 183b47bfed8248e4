import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { InterruptedError, ServiceError } from '../../../shared/errors.js';
import { atMost, backoff, ServiceState, throughOutages } from '../../../shared/outage.js';

function service(deadline: number) {
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line).msg) });
  return { state: new ServiceState('Postgres', log, deadline, 0), lines };
}

const fails = (times: number) => {
  let left = times;
  return async () => {
    if (left-- > 0) throw new Error('away');
    return 'done';
  };
};

test('work is tried until it succeeds, with one line when the outage begins and one when it ends', async () => {
  const { state, lines } = service(60_000);
  assert.equal(await throughOutages(state, () => true, undefined, fails(3)), 'done');
  assert.deepEqual(lines, ['Postgres is away, waiting', 'Postgres is back']);
  assert.equal(state.away, false);
  await throughOutages(state, () => true, undefined, fails(0));
  assert.equal(lines.length, 2, 'and nothing where there was no outage');
});

test('what is no outage is thrown on at once', async () => {
  const { state, lines } = service(60_000);
  await assert.rejects(
    throughOutages(state, () => false, undefined, fails(1)),
    /^Error: away$/,
  );
  assert.deepEqual(lines, []);
});

test('an outage beyond its deadline ends in one line', async () => {
  await assert.rejects(
    throughOutages(service(0).state, () => true, undefined, fails(99)),
    (e: unknown) => e instanceof ServiceError && /^Postgres has been away for \d+ s: away$/.test(e.message),
  );
  await assert.rejects(
    throughOutages(service(60_000).state, () => 0, undefined, fails(99)),
    ServiceError,
    'a kind of failure may have less patience',
  );
});

test('the signal ends the waiting', async () => {
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 20);
  const began = performance.now();
  await assert.rejects(
    throughOutages(service(60_000).state, () => true, stop.signal, fails(99)),
    InterruptedError,
  );
  assert.ok(performance.now() - began < 2000);
});

test('waits double up to five seconds, with jitter', () => {
  for (let n = 0; n < 200; n++) {
    const attempt = n % 20;
    const full = Math.min(5000, 100 * 2 ** attempt);
    const wait = backoff(attempt);
    assert.ok(wait >= full / 2 && wait <= full, `${attempt}: ${wait}`);
  }
});

test('a wait for at most so long ends with the work, whatever becomes of it', async () => {
  const began = performance.now();
  await atMost(60_000, Promise.resolve());
  await atMost(60_000, Promise.reject(new Error('x')));
  await atMost(10, new Promise(() => {}));
  assert.ok(performance.now() - began < 2000);
});
