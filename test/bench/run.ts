/**
 * Measures the program and writes RESULTS.md.
 *
 *     npm run bench                          # what takes a few minutes
 *     npm run bench -- --full                # all, at full size: hours
 *     npm run bench -- sizes workers         # these parts; with --full at full size
 *     npm run bench -- --against COMMIT      # this and another commit by turns; writes nothing
 *
 * --drop real.zip (default: beside the checkout, as for the tests), --times 3.
 */
import { parseArgs } from 'node:util';
import { REAL_DROP } from '../chaos/pool.js';
import { against } from './against.js';
import { section as badOrders } from './bad-orders.js';
import { Bench, type Section } from './bench.js';
import { section as grown } from './grown.js';
import { section as known } from './known.js';
import { section as rebuild } from './rebuild.js';
import { section as recovery } from './recovery.js';
import { section as refused } from './refused-rows.js';
import { readResults, renderSection, stamp, withSection, writeResults } from './results.js';
import { batches, fleet, partitions, workers } from './shapes.js';
import { section as sizes } from './sizes.js';
import { section as stages } from './stages.js';

const SECTIONS: Record<string, Section> = {
  sizes,
  stages,
  batches,
  partitions,
  workers,
  fleet,
  known,
  grown,
  refused,
  'bad-orders': badOrders,
  recovery,
  rebuild,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    drop: { type: 'string', default: REAL_DROP },
    full: { type: 'boolean', default: false },
    times: { type: 'string', default: '3' },
    against: { type: 'string' },
  },
});
const unknown = positionals.filter(name => !(name in SECTIONS));
if (unknown.length > 0) {
  process.stderr.write(`no such part: ${unknown.join(', ')}; there are ${Object.keys(SECTIONS).join(', ')}\n`);
  process.exit(2);
}
const names = positionals.length > 0 ? positionals : Object.keys(SECTIONS).filter(name => values.full || SECTIONS[name].quick);
const say = (text: string) => process.stderr.write(`${text}\n`);
const bench = await Bench.open({ drop: values.drop, full: values.full, times: Number(values.times) }, say);
try {
  if (values.against !== undefined) process.stdout.write(await against(bench, values.against, say));
  else {
    const when = stamp(await bench.versions());
    for (const name of names) {
      say(`${name}…`);
      const part = renderSection(name, SECTIONS[name], await SECTIONS[name].run(bench), `${when}${values.full ? '; at full size' : ''}`);
      process.stdout.write(`${part}\n`);
      writeResults(withSection(readResults(), name, part, Object.keys(SECTIONS)));
    }
  }
} finally {
  await bench.close();
}
process.exit();
