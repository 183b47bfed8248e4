/** glossier schema --migrate | --roles [--owner NAME] [--loader NAME] [--reader NAME] */
import { migrations } from '../../consumer/schema/migrate.js';
import { rolesSql } from '../../consumer/schema/roles.js';
import { Tables } from '../../consumer/schema/tables.js';
import { UsageError } from '../../shared/errors.js';
import { type CommandRun, EXIT, quiet } from '../context.js';
import { withDatabase } from '../database.js';

export const run: CommandRun = async context => {
  quiet(context);
  const { options, settings } = context;
  if ((options.roles === true) === (options.migrate === true)) throw new UsageError('give either --roles or --migrate');
  if (options.roles === true) {
    if (settings.databaseUrl === undefined)
      throw new UsageError('DATABASE_URL is not set: the SQL is for the database that it names', { hint: 'nothing is connected to' });
    const database = decodeURIComponent(new URL(settings.databaseUrl).pathname.slice(1));
    const roles = { owner: String(options.owner), loader: String(options.loader), reader: String(options.reader) };
    context.print(rolesSql(database, Tables.of(settings), roles));
    return EXIT.ok;
  }
  await withDatabase(context, await context.database(), 'schema', async () => {});
  context.print(`The tables are those of this version (${migrations().at(-1)}).`);
  return EXIT.ok;
};
