/** The whole, over sizes: the same speed at a hundred times the drop, in the same memory. */
import { type Bench, count, type Measured, ratio, type Section, seconds, type Table } from './bench.js';
import { floor } from './floor.js';

const QUICK = [1, 10];
const FULL = [1, 10, 100];

export const section: Section = {
  title: 'Sizes',
  about:
    'The commands as a user runs them, on the drop so many times over; `consume` is one worker with `--until-drained`, and merges. Start-up is what the same command takes for a single order (`start`), and is taken off in orders a second, which are also told as a share of those at 1x.',
  quick: true,
  run: sizes,
};

async function sizes(bench: Bench): Promise<Table> {
  const rows: string[][] = [];
  const one = await bench.oneOrder();
  const start = await bench.often(async () => {
    const { topic, took } = await bench.publish([one]);
    const url = await bench.database();
    const consume = await bench.consume(url, topic);
    await bench.drop(url);
    return { ...consume, produce: took.seconds };
  });
  rows.push(['start', 'produce', '1', seconds(start.produce), '', '', '', '', '', '', '']);
  rows.push([
    'start',
    'consume',
    '1',
    seconds(start.seconds),
    seconds(start.cpu),
    seconds(start.postgres),
    seconds(start.kafka),
    count(start.memory),
    '',
    '',
    '',
  ]);
  const first = new Map<string, number>();
  for (const copies of bench.options.full ? FULL : QUICK) {
    const zip = await bench.zip(copies);
    const loadTopic = () => ({ ORDERS_TOPIC: `load-${Date.now()}` });
    let orders = 0;
    let tableRows = 0;
    const took = await bench.often(
      async () => {
        const { topic, took: produce } = await bench.publish([zip]);
        const url = await bench.database();
        const consume = await bench.consume(url, topic);
        const bottom = await floor(url, [1, 2]);
        orders = await bench.number(url, 'SELECT count(*) FROM orders');
        tableRows = bottom.rows;
        await bench.drop(url);
        const other = await bench.database();
        const load = await bench.measure([['load', zip]], { DATABASE_URL: other, ...loadTopic() });
        await bench.drop(other);
        return {
          ...named('produce', produce),
          ...named('consume', consume),
          ...named('load', load),
          floor1: bottom.seconds.get(1)!,
          floor2: bottom.seconds.get(2)!,
        };
      },
      copies >= 100 ? 1 : bench.options.times,
    );
    const figures = took as Record<string, number>;
    for (const command of ['produce', 'consume', 'load']) {
      const f = (what: string) => figures[`${command} ${what}`];
      const speed = orders / (f('seconds') - (command === 'produce' ? start.produce : start.seconds));
      if (!first.has(command)) first.set(command, speed);
      const share = command === 'consume' ? ratio(f('seconds'), figures.floor1) : '';
      rows.push([
        `${copies}x`,
        command,
        count(orders),
        seconds(f('seconds')),
        seconds(f('cpu')),
        seconds(f('postgres')),
        seconds(f('kafka')),
        count(f('memory')),
        command === 'load' ? '' : count(speed),
        command === 'load' ? '' : ratio(speed, first.get(command)!),
        share,
      ]);
    }
    rows.push([`${copies}x`, 'floor, 1 connection', `${count(tableRows)} rows`, seconds(figures.floor1), '', '', '', '', '', '', '1']);
    rows.push([
      `${copies}x`,
      'floor, 2 connections',
      `${count(tableRows)} rows`,
      seconds(figures.floor2),
      '',
      '',
      '',
      '',
      '',
      '',
      ratio(figures.floor2, figures.floor1),
    ]);
  }
  return {
    head: ['size', 'command', 'orders', 's', 'CPU s', "Postgres' CPU s", "Kafka's CPU s", 'MB', 'orders/s', 'of 1x', 'times the floor'],
    rows,
    notes: [
      '`load` runs publisher and worker side by side; its orders/s would be those of `consume` on a machine with cores to spare. Its MB is the worker.',
    ],
  };
}

function named(command: string, m: Measured): Record<string, number> {
  return Object.fromEntries(Object.entries(m).map(([what, n]) => [`${command} ${what}`, n as number]));
}
