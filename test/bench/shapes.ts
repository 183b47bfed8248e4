/** The worker over batch sizes, partitions and numbers of workers, at ten times the drop. */
import { type Bench, count, type Measured, type Section, seconds, type Table } from './bench.js';

const COPIES = 10;
const HEAD = ['', 's', 'CPU s', "Postgres' CPU s", 'MB', 'orders/s with start-up'];

interface Shape {
  name: string;
  partitions?: number;
  workers?: number;
  env?: Record<string, string>;
}

async function shapes(bench: Bench, list: Shape[]): Promise<Table> {
  const zip = await bench.zip(bench.options.full ? COPIES : COPIES / 5);
  const topics = new Map<number, string>();
  const rows: string[][] = [];
  for (const { name, partitions = 8, workers = 1, env } of list) {
    if (!topics.has(partitions)) topics.set(partitions, (await bench.publish([zip], { ORDERS_PARTITIONS: String(partitions) })).topic);
    let orders = 0;
    const m: Measured = await bench.often(async () => {
      const url = await bench.database();
      const took = await bench.consume(url, topics.get(partitions)!, workers, env);
      orders = await bench.number(url, 'SELECT count(*) FROM orders');
      await bench.drop(url);
      return took;
    });
    rows.push([name, seconds(m.seconds), seconds(m.cpu), seconds(m.postgres), count(m.memory), count(orders / m.seconds)]);
  }
  return { head: HEAD, rows };
}

const ABOUT = '`consume --until-drained` of the drop ten times over (twice, in a quick run).';

export const batches: Section = {
  title: 'Batch sizes',
  about: `${ABOUT} \`BATCH_ORDERS\` and \`BATCH_BYTES\`, whichever is reached first.`,
  quick: false,
  run: bench =>
    shapes(
      bench,
      [
        ['500', '6MB'],
        ['1000', '6MB'],
        ['2000', '6MB'],
        ['4000', '3MB'],
        ['4000', '6MB'],
        ['8000', '12MB'],
        ['16000', '24MB'],
        ['32000', '48MB'],
      ].map(([orders, bytes]) => ({ name: `${orders} orders, ${bytes}`, env: { BATCH_ORDERS: orders, BATCH_BYTES: bytes } })),
    ),
};

export const partitions: Section = {
  title: 'Partitions',
  about: `${ABOUT} One worker.`,
  quick: false,
  run: bench =>
    shapes(
      bench,
      [1, 2, 4, 8, 12, 24].map(n => ({ name: `${n} partition(s)`, partitions: n })),
    ),
};

export const workers: Section = {
  title: 'Workers',
  about: `${ABOUT} Workers that are started at once, each a process; CPU of all together, MB of the largest.`,
  quick: false,
  run: bench =>
    shapes(
      bench,
      [1, 2, 3, 4].map(n => ({ name: `${n} worker(s)`, workers: n })),
    ),
};

export const fleet: Section = {
  title: 'Many workers, many partitions',
  about: `${ABOUT} 24 and 96 partitions with 1 to 8 workers that are started at once. Where the cores are all at work more workers add their start-up and nothing else.`,
  quick: false,
  run: bench =>
    shapes(
      bench,
      [24, 96].flatMap(n => [1, 2, 4, 8].map(w => ({ name: `${n} partitions, ${w} worker(s)`, partitions: n, workers: w }))),
    ),
};
