/**
 * Chaos, short enough for every run of the tests: one seed that is always the same, and a fresh one whose number is printed, so that
 * `node dist/test/chaos/run.js --seed N --faults 11 --drops 4` repeats it.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { removeServices, tempDir } from '../support/services.js';
import { killAll } from './actors.js';
import { chaosRun } from './driver.js';
import { makePool, type Pool } from './pool.js';
import { ChaosServers } from './servers.js';

/** Has a worker, a producer, a rebuild, the broker and Postgres killed, a worker suspended, a backend ended, the network cut and held, the tables read and rebuilt. */
const FIXED_SEED = 57531;
const FAULTS = 11;
const DROPS = 4;

let servers: ChaosServers;
let pool: Pool;
let drops: string;
let held = true;

before(async () => {
  servers = await ChaosServers.start();
  drops = tempDir('chaos-drops-');
  pool = await makePool(drops, false, DROPS);
});

after(async () => {
  killAll();
  await servers.stop(!held);
  if (held) await removeServices(drops);
});

async function holds(seed: number): Promise<void> {
  const lines: string[] = [];
  const result = await chaosRun(servers, pool, seed, FAULTS, line => lines.push(line));
  held &&= result.problems.length === 0;
  const repeat = `node dist/test/chaos/run.js --seed ${seed} --faults ${FAULTS} --drops ${DROPS}`;
  assert.deepEqual(
    result.problems,
    [],
    `seed ${seed}; its logs, with GLOSSIER_TEST_KEEP=1: ${result.logs}; again by: ${repeat}\n${lines.join('\n')}`,
  );
  assert.equal(result.done.length, FAULTS);
}

test('under the faults of a fixed seed nothing is lost, doubled or stuck', { timeout: 150_000 }, () => holds(FIXED_SEED));

test('under the faults of a fresh seed nothing is lost, doubled or stuck', { timeout: 150_000 }, async t => {
  const seed = Math.floor(Math.random() * 1e9);
  t.diagnostic(`the fresh seed is ${seed}`);
  await holds(seed);
});
