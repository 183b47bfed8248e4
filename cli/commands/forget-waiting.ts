/** glossier forget waiting [--json]: carries out what was requested and is not done, as the owner of the tables. */
import { migrate } from '../../consumer/schema/migrate.js';
import { grouped } from '../../shared/number-text.js';
import { type CommandRun, EXIT, quiet } from '../context.js';
import { patiently } from '../database.js';
import { carryOut } from './forget-user.js';

export const run: CommandRun = async context => {
  quiet(context);
  const services = await context.database();
  const { databaseSchema, ownSchema } = context.settings;
  await patiently(context, services, db => migrate(db.client, databaseSchema, ownSchema));
  const rows = await carryOut(context, services);
  context.print(
    context.options.json === true
      ? JSON.stringify(rows, null, 2)
      : `Emptied or removed ${grouped(rows.orders)} order(s), ${grouped(rows.line_items)} line item(s), ${grouped(rows.users)} row(s) of the user tables and ${grouped(rows.rejects)} reject(s).`,
  );
  return EXIT.ok;
};
