/** How long a batch of 4,000 orders takes of which Postgres itself refuses some, by a CHECK that somebody put on the orders. */

import { messageOf } from '../../consumer/intake/batch.js';
import { Database } from '../../consumer/load/database.js';
import { Loader } from '../../consumer/load/loader.js';
import { claimTopic } from '../../consumer/load/positions.js';
import { migrate } from '../../consumer/schema/migrate.js';
import { Tables } from '../../consumer/schema/tables.js';
import { createLog } from '../../shared/log.js';
import { ServiceState } from '../../shared/outage.js';
import type { Bench, Section, Table } from './bench.js';
import { ratio, seconds } from './bench.js';

const ORDERS = 4000;
const NOTE = 'x'.repeat(2000);
const TOPIC = 'refused';

export const section: Section = {
  title: 'Orders that Postgres refuses',
  about: `One batch of ${ORDERS} orders straight through the loader, some of which a CHECK refuses: they are isolated piece by piece, in one transaction.`,
  quick: false,
  run: refusedRows,
};

async function refusedRows(bench: Bench): Promise<Table> {
  const rows: string[][] = [];
  let none = 0;
  for (const every of [0, 100, 10]) {
    const { took } = await bench.often(async () => ({ took: await loadOne(bench, every) }));
    none ||= took;
    rows.push([`${every === 0 ? 0 : 100 / every} %`, seconds(took), ratio(took, none)]);
  }
  return { head: ['refused', 's', 'times the batch without'], rows };
}

/** @param every how manieth order is refused; 0 for none */
function orders(every: number): string[] {
  return Array.from({ length: ORDERS }, (_, i) => {
    const number = every > 0 && i % every === every - 1 ? -1 : 1;
    return `{"id":${i + 1},"user_id":${i % 500},"number":${number},"processed_at":"2017-12-04T10:00:00Z","total_price":"1.00","note":"${NOTE}","line_items":[{"id":${i + 1}},{"id":${ORDERS + i + 1}}]}`;
  });
}

async function loadOne(bench: Bench, every: number): Promise<number> {
  const tables = new Tables('public');
  const url = await bench.database();
  const db = await Database.connect(url, 'bench');
  await migrate(db.client, tables.analysts);
  await claimTopic(db, tables, TOPIC, 'the one', [{ partition: 0, low: 0, end: ORDERS }], new Map());
  await db.query(`ALTER TABLE ${tables.orders} ADD CONSTRAINT somebody CHECK (number > 0)`);
  await db.end();
  const loader = new Loader({
    databaseUrl: url,
    target: { tables, topic: TOPIC, topicId: 'the one', worker: 'bench', version: '' },
    postgres: new ServiceState('Postgres', await createLog('silent', null), 60_000),
    maxDepth: 512,
    signal: new AbortController().signal,
  });
  const messages = orders(every).map((text, offset) => messageOf(0, offset, Buffer.from(text), null));
  const segments = [{ partition: 0, from: 0, to: ORDERS, messages: ORDERS }];
  const began = performance.now();
  const counts = await loader.load(await loader.prepare({ messages, segments, bytes: 0, reason: 'orders', generation: 1 }));
  const took = (performance.now() - began) / 1000;
  if (counts?.rejected !== (every === 0 ? 0 : ORDERS / every)) throw new Error(`${counts?.rejected} were refused`);
  await loader.end();
  await bench.drop(url);
  return took;
}
