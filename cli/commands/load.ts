/** glossier load <drop>...: publish, load to the end, merge, print the summary. */

import type { LoadCounts } from '../../consumer/load/ledger.js';
import { migrate } from '../../consumer/schema/migrate.js';
import { monthTable, Tables } from '../../consumer/schema/tables.js';
import { type DropSummary, dropSummary } from '../../consumer/status/drop-summary.js';
import type { WorkerProgress } from '../../consumer/worker.js';
import { type CommandRun, type Context, EXIT, quiet, type Services } from '../context.js';
import { patiently } from '../database.js';
import { dropOptions } from '../drop-options.js';
import { publishInChild } from '../publish-child.js';
import { work } from './consume.js';
import { mergeNow } from './merge.js';
import { type Published, report, showPublish } from './produce.js';

export const run: CommandRun = async context => {
  quiet(context);
  const { sha256 } = dropOptions(context);
  const services = await context.services();
  let rejected = 0;
  for (const source of context.args) rejected += await loadDrop(context, services, source, sha256);
  return rejected > 0 ? EXIT.rejected : EXIT.ok;
};

/** @returns how many of the drop's orders and files are rejected */
async function loadDrop(context: Context, services: Services, source: string, sha256: string | undefined): Promise<number> {
  const { settings, print } = context;
  const tables = Tables.of(settings);
  print('Connecting to PSQL...');
  const lastMerge = await patiently(context, services, async db => {
    await migrate(db.client, settings.databaseSchema, settings.ownSchema);
    return Number((await db.query(`SELECT coalesce(max(id), 0) AS id FROM ${tables.merges}`)).rows[0].id);
  });
  print('Loading data...');
  const { id, orders, refused, whole } = await publishAndLoad(context, services, source, sha256);
  await mergeNow(context, services);
  const after = await patiently(context, services, db => dropSummary(db, tables, settings.topic, id, lastMerge));
  // a drop that was whole in the tables before has loaded nothing now; one that was interrupted counts as a whole
  const again = whole && after.accounted === orders && orders > 0;
  for (const line of summaryLines(again ? { ...after, months: [], lineItems: 0 } : after)) print(line);
  return after.rejected + refused;
}

/** The publisher and the worker side by side. @returns what was published, and whether all of it was in the tables before */
async function publishAndLoad(
  context: Context,
  services: Services,
  source: string,
  sha256: string | undefined,
): Promise<Published & { whole: boolean }> {
  const { settings, display, signal, log, options } = context;
  const halt = new AbortController();
  const onAbort = () => halt.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  let expected = 0;
  const order = { source, sha256, brokers: services.brokers, settings, again: options.again === true, logLevel: log.level };
  let already = false;
  const publishing = publishInChild(order, halt.signal, p => {
    showPublish(context, p);
    if (p.phase === 'publish' && p.bytesDone > 0) expected = Math.round((p.orders * p.bytesTotal) / p.bytesDone);
  }).then(result => {
    already = result.state === 'already';
    return report(context, result);
  });
  publishing.catch(() => {}); // the worker hears of it too, but only once it has started
  let loaded: LoadCounts;
  try {
    const onProgress = ({ done }: WorkerProgress) => {
      if (done > 0) display.progress({ title: 'Loading', total: Math.max(expected, done), unit: 'orders' }, done);
    };
    loaded = await work(context, services, publishing, { onProgress });
  } catch (error) {
    halt.abort('failed');
    await publishing.catch(() => {});
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
  display.finish();
  const nothing = loaded.loaded + loaded.bypassed + loaded.rejected === 0;
  return { ...(await publishing), whole: already && nothing };
}

/** The wording is a contract. */
function summaryLines(s: DropSummary): string[] {
  return [
    ...s.months.map(m => `Loaded ${m.files} file(s) into ${monthTable(m.month)}`),
    `Loaded ${s.lineItems} record(s) into order_line_item_mapping`,
    `Loaded ${s.newUsers} record(s) into user_stats`,
    `Loaded ${s.stagedUsers} record(s) into user_staging`,
    `user_stats status: UPDATE ${s.updatedUsers}`,
  ];
}
