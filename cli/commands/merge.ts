/** glossier merge */
import { type MergeResult, mergeUsers } from '../../consumer/merge/merge-users.js';
import { migrate } from '../../consumer/schema/migrate.js';
import { Tables } from '../../consumer/schema/tables.js';
import { type CommandRun, type Context, EXIT, quiet, type Services } from '../context.js';
import { patiently } from '../database.js';

export const run: CommandRun = async context => {
  quiet(context);
  const services = await context.database();
  await patiently(context, services, db => migrate(db.client, context.settings.databaseSchema, context.settings.ownSchema));
  const { inserted, updated } = await mergeNow(context, services);
  context.print(`user_stats status: INSERT ${inserted}, UPDATE ${updated}`);
  return EXIT.ok;
};

/** One fold, waiting while Postgres is away. */
export function mergeNow(context: Context, services: Pick<Services, 'databaseUrl'>): Promise<MergeResult> {
  return patiently(context, services, db => mergeUsers(db, Tables.of(context.settings)));
}
