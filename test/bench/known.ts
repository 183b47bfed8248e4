/** A drop that comes once more, all of whose orders are known. */
import { type Bench, count, type Measured, ratio, type Section, seconds, type Table } from './bench.js';

export const section: Section = {
  title: 'Known orders',
  about:
    'A drop is loaded, published once more by `produce --again`, and loaded again: every order is bypassed. Seconds without start-up are those less what a worker takes for a single order.',
  quick: true,
  run: known,
};

async function known(bench: Bench): Promise<Table> {
  const rows: string[][] = [];
  const one = await bench.oneOrder();
  const start = await bench.often(async () => {
    const { topic } = await bench.publish([one]);
    const url = await bench.database();
    const took = await bench.consume(url, topic);
    await bench.drop(url);
    return took;
  });
  for (const copies of [1, 10]) {
    const zip = await bench.zip(copies);
    const all: Record<'new' | 'known', Measured[]> = { new: [], known: [] };
    for (let n = 0; n < bench.options.times; n++) {
      const { topic } = await bench.publish([zip]);
      const url = await bench.database();
      all.new.push(await bench.consume(url, topic));
      await bench.measure([['produce', '--again', zip]], { ORDERS_TOPIC: topic });
      all.known.push(await bench.consume(url, topic));
      await bench.drop(url);
    }
    const [fresh, again] = await Promise.all([all.new, all.known].map(list => bench.often(async () => list.shift()!, list.length)));
    for (const [name, m] of [
      ['new', fresh],
      ['known', again],
    ] as const) {
      const own = m.seconds - start.seconds;
      rows.push([
        `${copies}x`,
        name,
        seconds(m.seconds),
        seconds(own),
        seconds(m.cpu),
        seconds(m.postgres),
        count(m.memory),
        ratio(m.seconds, fresh.seconds),
        ratio(own, fresh.seconds - start.seconds),
      ]);
    }
  }
  return { head: ['size', 'orders', 's', 'without start-up', 'CPU s', "Postgres' CPU s", 'MB', 'of new', 'of new without start-up'], rows };
}
