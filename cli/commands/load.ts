/** glossier load <drop>...: publish, load to the end, merge, print the summary. */
import { Database } from '../../consumer/load/database.js';
import { migrate } from '../../consumer/schema/migrate.js';
import { monthTable, Tables } from '../../consumer/schema/tables.js';
import { type DropSummary, dropSummary } from '../../consumer/status/drop-summary.js';
import { type CommandRun, type Context, EXIT, quiet, type Services } from '../context.js';
import { work } from './consume.js';
import { mergeNow } from './merge.js';
import { publish } from './produce.js';

export const run: CommandRun = async context => {
  quiet(context);
  const services = await context.services();
  let rejected = 0;
  for (const source of context.args) rejected += await loadDrop(context, services, source);
  return rejected > 0 ? EXIT.rejected : EXIT.ok;
};

/** @returns how many of the drop's orders and files are rejected */
async function loadDrop(context: Context, services: Services, source: string): Promise<number> {
  const { settings, print } = context;
  const tables = new Tables(settings.databaseSchema);
  print('Connecting to PSQL...');
  const ask = async <T>(work: (db: Database) => Promise<T>): Promise<T> => {
    const db = await Database.connect(services.databaseUrl, 'glossier load');
    try {
      return await work(db);
    } finally {
      await db.end();
    }
  };
  const lastMerge = await ask(async db => {
    await migrate(db.client, settings.databaseSchema);
    return Number((await db.query(`SELECT coalesce(max(id), 0) AS id FROM ${tables.merges}`)).rows[0].id);
  });
  print('Loading data...');
  const { id, orders, broken } = await publish(context, services, source);
  const summarize = () => ask(db => dropSummary(db, tables, settings.topic, id, lastMerge));
  const before = await summarize();
  await work(context, services, true);
  await mergeNow(context, services.databaseUrl);
  const after = await summarize();
  // a drop that was whole in the tables before has loaded nothing now; one that was interrupted counts as a whole
  const again = before.accounted === orders && after.accounted === orders && orders > 0;
  for (const line of summaryLines(again ? { ...after, months: [], lineItems: 0 } : after)) print(line);
  return after.rejected + broken;
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
