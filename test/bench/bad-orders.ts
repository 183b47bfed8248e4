/** What bad orders cost: a drop loaded clean, with 1 % and with 10 % of its orders spoiled, by turns. */
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import yazl from 'yazl';
import { dropEntries } from '../support/oracle-zip.js';
import { type Bench, median, ratio, type Section, seconds, type Table } from './bench.js';

/** Every how manieth order is spoiled; 0 for none. */
const KINDS = [0, 100, 10];

export const section: Section = {
  title: 'Bad orders',
  about: 'The drop with some of its orders spoiled, which are rejected, each time into a topic and a database of its own; by turns.',
  quick: false,
  run: badOrders,
};

async function badOrders(bench: Bench): Promise<Table> {
  const drops: { every: number; topic: string; seconds: number[] }[] = [];
  for (const every of KINDS) {
    const path = join(bench.dir, `bad-${every}.zip`);
    await spoil(bench.options.drop, path, every);
    drops.push({ every, topic: (await bench.publish([path])).topic, seconds: [] });
  }
  for (let n = 0; n < bench.options.times; n++) {
    for (const drop of drops) {
      const url = await bench.database();
      drop.seconds.push((await bench.consume(url, drop.topic)).seconds);
      await bench.drop(url);
    }
  }
  const clean = median(drops[0].seconds);
  return {
    head: ['spoiled', 's', "of the clean drop's speed"],
    rows: drops.map(d => [`${d.every === 0 ? 0 : 100 / d.every} %`, seconds(median(d.seconds)), ratio(clean, median(d.seconds))]),
  };
}

async function spoil(drop: string, path: string, every: number): Promise<void> {
  const zip = new yazl.ZipFile();
  const written = pipeline(zip.outputStream, createWriteStream(path));
  let n = 0;
  for await (const { name, bytes } of dropEntries(drop)) {
    const { orders } = JSON.parse(bytes.toString()) as { orders: Record<string, unknown>[] };
    for (const order of orders) if (every > 0 && ++n % every === 0) order.test = 'no';
    zip.addBuffer(Buffer.from(JSON.stringify({ orders })), name);
  }
  zip.end();
  await written;
}
