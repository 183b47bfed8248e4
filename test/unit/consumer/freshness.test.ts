/** Up to when the tables hold everything, and what a worker says of its own state. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Freshness } from '../../../consumer/freshness.js';
import { healthOf } from '../../../consumer/http/health.js';
import { WorkerView } from '../../../consumer/worker-view.js';
import { StalledError } from '../../../shared/errors.js';
import type { TopicOffsets } from '../../../shared/kafka.js';
import { createLog } from '../../../shared/log.js';
import { ServiceState } from '../../../shared/outage.js';

const ends = (...at: number[]): TopicOffsets[] => at.map((end, partition) => ({ partition, low: 0, end }));
const positions = (...at: number[]) => new Map(at.map((offset, partition) => [partition, offset]));

test('whatever is published and loaded: the answer is the last look whose ends all positions have passed', () => {
  const step = fc.record({
    published: fc.array(fc.nat(3), { minLength: 2, maxLength: 2 }),
    loaded: fc.array(fc.nat(4), { minLength: 2, maxLength: 2 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), steps => {
      const fresh = new Freshness();
      const end = [0, 0];
      const at = [0, 0];
      const looks: number[][] = [];
      for (const { published, loaded } of steps) {
        for (const p of [0, 1]) {
          end[p] += published[p];
          at[p] = Math.min(end[p], at[p] + loaded[p]);
        }
        looks.push([...end]);
        fresh.look(looks.length, ends(...end), positions(...at));
        const passed = looks.findLastIndex(look => look.every((e, p) => at[p] >= e));
        assert.equal(fresh.until, passed < 0 ? null : passed + 1);
      }
    }),
  );
});

test('a worker that is far behind for days keeps few looks and never says too much', () => {
  const fresh = new Freshness();
  for (let i = 1; i <= 50_000; i++) fresh.look(i, ends(i), positions(0));
  assert.equal(fresh.until, null);
  fresh.look(50_001, ends(50_001), positions(25_000));
  assert.ok(fresh.until !== null && fresh.until <= 25_000 && fresh.until > 20_000, String(fresh.until));
  fresh.look(50_002, ends(50_001), positions(50_001));
  assert.equal(fresh.until, 50_002);
});

async function view(): Promise<WorkerView> {
  const log = await createLog('silent', null);
  return new WorkerView('w', new ServiceState('Postgres', log, 60_000), new ServiceState('Kafka', log, 60_000), 5000);
}

test('a worker is live until its watchdog fires, or hangs although nobody is away', async () => {
  const v = await view();
  const now = Date.now();
  assert.equal(v.dead(now + 1e9), null, 'before the first look there is nothing to judge');
  const look = (at: number) => ({ at, offsets: ends(5), positions: positions(0), mine: new Set([0]) });
  v.looked(look(now), false);
  assert.equal(v.dead(now + 20_000), null);
  assert.match(v.dead(now + 36_000)!, /watchdog itself hangs/);
  v.kafka.failed(new Error('gone'));
  assert.equal(v.dead(now + 36_000), null, 'it waits for Kafka as everybody does');
  v.kafka.succeeded();
  v.failed(new StalledError('partition 0 stands still'));
  assert.match(v.dead(now)!, /stands still/);
  assert.deepEqual([healthOf(v, 'current', now).live, healthOf(v, 'current', now).ready], [false, false]);
});

test('a worker is ready only when Postgres, the schema, Kafka and the group are all there, and it is not stopping', async () => {
  const v = await view();
  const now = Date.now();
  assert.equal(healthOf(null, 'current', now).ready, false);
  assert.equal(healthOf(v, 'current', now).ready, false, 'Kafka has not answered yet');
  v.kafkaAnswered = now;
  v.consumer = { joined: true };
  assert.equal(healthOf(v, 'current', now).ready, true);
  for (const schema of ['older', 'newer', 'away'] as const) assert.equal(healthOf(v, schema, now).ready, false, schema);
  assert.equal(healthOf(v, 'current', now + 11_000).checks.kafka, 'does not answer');
  v.consumer = { joined: false };
  assert.equal(healthOf(v, 'current', now).checks.group, 'not joined');
  v.consumer = { joined: true };
  v.stopping = true;
  assert.deepEqual([healthOf(v, 'current', now).ready, healthOf(v, 'current', now).live], [false, true]);
});
