/** glossier merge */
import { Database } from '../../consumer/load/database.js';
import { Link } from '../../consumer/load/link.js';
import { type MergeResult, mergeUsers } from '../../consumer/merge/merge-users.js';
import { migrate } from '../../consumer/schema/migrate.js';
import { Tables } from '../../consumer/schema/tables.js';
import { ServiceState } from '../../shared/outage.js';
import { type CommandRun, type Context, EXIT, quiet } from '../context.js';

export const run: CommandRun = async context => {
  quiet(context);
  const { databaseUrl } = await context.services();
  const db = await Database.connect(databaseUrl, 'glossier merge');
  await migrate(db.client, context.settings.databaseSchema);
  await db.end();
  const { inserted, updated } = await mergeNow(context, databaseUrl);
  context.print(`user_stats status: INSERT ${inserted}, UPDATE ${updated}`);
  return EXIT.ok;
};

/** One fold, waiting while Postgres is away. */
export async function mergeNow({ settings, log, signal }: Context, databaseUrl: string): Promise<MergeResult> {
  const link = new Link(databaseUrl, 'glossier merge', new ServiceState('Postgres', log, settings.outageTimeout), signal);
  try {
    return await link.use(db => mergeUsers(db, new Tables(settings.databaseSchema)));
  } finally {
    await link.end();
  }
}
