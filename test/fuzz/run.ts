/**
 * Runs the fuzz for long, on a Kafka and a Postgres of its own.
 *
 *     node dist/test/fuzz/run.js [--seed N] [--orders 200000] [--zips 20000] [--round 4000]
 *
 * The orders go in rounds, each with a seed of its own, counted up from the first. The same seed, counts and GLOSSIER_DROP make the same input.
 * A signal ends it behind the round under way. Exit 0 when everything held; 1 otherwise, with what did not.
 */
import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { removeServices, startTestServices, tempDir } from '../support/services.js';
import { realOrders } from './material.js';
import { fuzzOrders } from './orders.js';
import { Python } from './python.js';
import { fuzzZips } from './zips.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    orders: { type: 'string', default: '200000' },
    zips: { type: 'string', default: '20000' },
    round: { type: 'string', default: '4000' },
  },
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const seed = values.seed === undefined ? Math.floor(Math.random() * 1e9) : Number(values.seed);
const [orders, zips, round] = [Number(values.orders), Number(values.zips), Number(values.round)];
say(`seed ${seed}: ${orders} orders in rounds of ${round}, ${zips} zips`);

let stopped = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (stopped = true));
let failed = 0;
const found = (problems: string[]): void => {
  failed += problems.length;
  for (const problem of problems.slice(0, 10)) say(`FAILED ${problem.slice(0, 2000)}`);
};
const folder = tempDir('glossier-fuzz-');
const python = Python.start(say);
for (let done = 0, n = 0; done < zips && !stopped; n++) {
  const some = Math.min(2000, zips - done);
  const result = await fuzzZips(seed + n, some, folder, python);
  done += some;
  say(`zips: ${done}, of the last ${some} ${result.taken} taken, ${result.refused} refused`);
  found(result.problems);
}
const services = orders > 0 ? await startTestServices(say) : null;
const real = services === null ? [] : await realOrders(say);
let total = 0;
for (let n = 0; services !== null && total < orders && !stopped; n++) {
  const ends: (() => unknown)[] = [];
  const options = { seed: seed + n, orders: Math.min(round, orders - total), real, folder, python, server: services };
  const result = await fuzzOrders({ after: end => void ends.push(end as () => unknown) }, options);
  for (const end of ends) await end();
  total += result.orders;
  say(`orders: ${total}; seed ${seed + n}: ${result.loaded} loaded, ${result.rejected} rejected, ${result.brokenFiles} broken file(s)`);
  found(result.problems);
}
python?.stop();
if (services !== null) await removeServices(services.dir);
if (failed === 0) rmSync(folder, { recursive: true, force: true });
say(failed === 0 ? 'everything held' : `${failed} problem(s); the files are in ${folder}`);
process.exit(failed === 0 ? 0 : 1);
