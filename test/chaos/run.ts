/**
 * Runs chaos, one seed after the other, on one broker and one Postgres.
 *
 *     node dist/test/chaos/run.js [--seed N] [--seeds 5] [--faults 12] [--minutes M] [--real share] [--results file]
 *
 * `--seed N` alone repeats that run. With `--results` the runs are added to a JSON file, and RESULTS.md beside this file is written from it.
 * Exit 0 when every run held; 1 otherwise, with the logs kept.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { tempDir } from '../support/services.js';
import { killAll } from './actors.js';
import { chaosRun } from './driver.js';
import { makePool } from './pool.js';
import { addResult, writeTable } from './results.js';
import { ChaosServers } from './servers.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '1' },
    faults: { type: 'string', default: '12' },
    minutes: { type: 'string', default: '600' },
    drops: { type: 'string', default: '8' },
    real: { type: 'boolean', default: false },
    results: { type: 'string' },
  },
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const until = Date.now() + Number(values.minutes) * 60_000;
const first = values.seed === undefined ? Math.floor(Math.random() * 1e9) : Number(values.seed);
let failed = 0;
let interrupted = false;
const servers = await ChaosServers.start();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    interrupted = true;
    killAll();
    void servers.stop(true).then(() => process.exit(1));
  });
}
const pool = await makePool(tempDir('chaos-drops-'), values.real, Number(values.drops));
for (let n = 0; n < Number(values.seeds) && Date.now() < until && !interrupted; n++) {
  const seed = first + n;
  say(`--- seed ${seed}`);
  const result = await chaosRun(servers, pool, seed, Number(values.faults), say);
  if (result.problems.length > 0) failed++;
  say(
    `--- seed ${seed} ${result.problems.length === 0 ? 'held' : `FAILED, logs in ${result.logs}`}: ${result.done.length} faults, ${result.seconds.toFixed(1)} s`,
  );
  if (values.results) addResult(values.results, { faults: Number(values.faults), real: values.real, drops: Number(values.drops) }, result);
}
if (values.results) writeTable(values.results, join('test', 'chaos', 'RESULTS.md'));
await servers.stop(failed > 0);
if (failed > 0) say(`${failed} run(s) failed; the servers' folder is kept: ${servers.dir}`);
process.exit(failed > 0 ? 1 : 0);
