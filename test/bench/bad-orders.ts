/**
 * What bad orders cost: a drop loaded clean, with 1 % and with 10 % of its orders spoiled, by turns, each into a topic and a database of its own.
 *
 *     node dist/test/bench/bad-orders.js [--drop real.zip] [--times 5]
 *
 * Prints the seconds of `consume --until-drained` and the speed as a share of the clean drop's.
 */
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import yazl from 'yazl';
import { REAL_DROP } from '../chaos/pool.js';
import { runCli } from '../support/cli.js';
import { dropEntries } from '../support/oracle-zip.js';
import { dropDatabase, freshDatabase, freshName, removeServices, startTestServices, tempDir } from '../support/services.js';

/** Every how manieth order is spoiled; 0 for none. */
const KINDS = [0, 100, 10];

const { values } = parseArgs({ options: { drop: { type: 'string', default: REAL_DROP }, times: { type: 'string', default: '5' } } });
const services = await startTestServices();
const dir = tempDir('bad-orders-');
const brokers = services.brokers.join(',');
const drops: { every: number; topic: string; seconds: number[] }[] = [];
for (const every of KINDS) {
  const path = join(dir, `${every}.zip`);
  await spoil(path, every);
  const topic = freshName('bad');
  const { code, stderr } = await runCli(['produce', path], { KAFKA_BROKERS: brokers, ORDERS_TOPIC: topic });
  if (code !== 0) throw new Error(stderr);
  drops.push({ every, topic, seconds: [] });
}
for (let n = 0; n < Number(values.times); n++) {
  for (const { topic, seconds, every } of drops) {
    const url = await freshDatabase(services.databaseUrl);
    const env = { DATABASE_URL: url, KAFKA_BROKERS: brokers, ORDERS_TOPIC: topic, KAFKA_GROUP: freshName('bad') };
    const result = await runCli(['consume', '--until-drained'], env);
    if (result.code !== (every === 0 ? 0 : 3)) throw new Error(`exit ${result.code}: ${result.stderr}`);
    seconds.push(result.seconds);
    await dropDatabase(url, services.databaseUrl);
  }
}
const median = (list: number[]): number => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const clean = median(drops[0].seconds);
for (const { every, seconds } of drops) {
  const share = every === 0 ? 0 : 100 / every;
  const all = seconds.map(s => s.toFixed(2)).join(' ');
  process.stdout.write(
    `${share} % bad: ${all} s, median ${median(seconds).toFixed(2)} s, ${(clean / median(seconds)).toFixed(2)} of the clean drop's speed\n`,
  );
}
await removeServices(dir);
await removeServices(services.dir);

async function spoil(path: string, every: number): Promise<void> {
  const zip = new yazl.ZipFile();
  const written = pipeline(zip.outputStream, createWriteStream(path));
  let n = 0;
  for await (const { name, bytes } of dropEntries(values.drop)) {
    const { orders } = JSON.parse(bytes.toString()) as { orders: Record<string, unknown>[] };
    for (const order of orders) if (every > 0 && ++n % every === 0) order.test = 'no';
    zip.addBuffer(Buffer.from(JSON.stringify({ orders })), name);
  }
  zip.end();
  await written;
}
