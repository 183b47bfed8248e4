/** The daily drop on top of years of orders: what load, merge, status and verify cost as the tables grow. */
import { Database } from '../../consumer/load/database.js';
import { type Bench, count, type Measured, ratio, type Section, seconds, type Table } from './bench.js';
import { GROWN, GROWN_TOPIC, type GrownSize, grow } from './grow.js';

/** For a first look: a hundredth of the full size. */
const SMALL: GrownSize = { orders: GROWN.orders / 20, months: GROWN.months, users: GROWN.users / 20 };

export const section: Section = {
  title: 'Grown tables',
  about: 'A drop of 1x, as new, into empty tables and into tables that hold years of orders (made by SQL); then the other commands there.',
  quick: false,
  run: grown,
};

async function grown(bench: Bench): Promise<Table> {
  const size = bench.options.full ? GROWN : SMALL;
  const rows: string[][] = [];
  const tell = (what: string, m: Measured, share = '') =>
    rows.push([what, seconds(m.seconds), seconds(m.cpu), seconds(m.postgres), count(m.memory), share]);
  const url = await bench.database();
  const db = await Database.connect(url, 'bench');
  await grow(db, size, text => process.stderr.write(`  ${text}\n`));
  await db.end();
  const { topic: first } = await bench.publish([await bench.oneOrder()]);
  const start = await bench.often(async () => {
    const empty = await bench.database();
    const took = await bench.consume(empty, first);
    await bench.drop(empty);
    return took;
  });
  const into = { empty: [] as Measured[], grown: [] as Measured[] };
  for (let n = 0; n < bench.options.times; n++) {
    // another drop each time, as days follow on each other
    const zip = await bench.copy(n);
    const { topic } = await bench.publish([zip]);
    const empty = await bench.database();
    into.empty.push(await bench.consume(empty, topic));
    await bench.drop(empty);
    into.grown.push(await bench.consume(url, topic));
  }
  const [empty, full] = await Promise.all([into.empty, into.grown].map(list => bench.often(async () => list.shift()!, list.length)));
  tell('start-up, into empty tables', start);
  tell('1x into empty tables', empty);
  tell('1x into grown tables', full, ratio(empty.seconds - start.seconds, full.seconds - start.seconds));
  const env = { DATABASE_URL: url, ORDERS_TOPIC: GROWN_TOPIC };
  tell('status', await bench.often(() => bench.measure([['status']], env)));
  tell('merge', await bench.measure([['merge']], env));
  tell('verify', await bench.measure([['verify']], env));
  tell('verify --since 2d', await bench.measure([['verify', '--since', '2d']], env));
  await bench.drop(url);
  return {
    head: [
      `${count(size.orders)} orders, ${size.months} months, ${count(size.users)} users`,
      's',
      'CPU s',
      "Postgres' CPU s",
      'MB',
      'orders/s of those into empty tables',
    ],
    rows,
  };
}
