/** glossier merge */
import { type MergeResult, mergeUsers } from '../../consumer/merge/merge-users.js';
import { Tables } from '../../consumer/schema/tables.js';
import { type CommandRun, type Context, EXIT, quiet, type Services } from '../context.js';
import { migrateNow, patiently } from '../database.js';

export const run: CommandRun = async context => {
  quiet(context);
  const services = await context.database();
  await migrateNow(context, services);
  const { inserted, updated } = await mergeNow(context, services);
  context.print(`user_stats status: INSERT ${inserted}, UPDATE ${updated}`);
  return EXIT.ok;
};

/** One fold, waiting while Postgres is away. */
export function mergeNow(context: Context, services: Pick<Services, 'databaseUrl'>): Promise<MergeResult> {
  return patiently(context, services, db => mergeUsers(db, Tables.of(context.settings)));
}
