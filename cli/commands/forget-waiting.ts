/** glossier forget waiting [--json]: carries out what was requested and is not done, as the owner of the tables. */
import { type CommandRun, EXIT, quiet } from '../context.js';
import { migrateNow } from '../database.js';
import { carryOut, told } from './forget-user.js';

export const run: CommandRun = async context => {
  quiet(context);
  const services = await context.database();
  await migrateNow(context, services);
  const rows = await carryOut(context, services);
  context.print(context.options.json === true ? JSON.stringify(rows, null, 2) : `Emptied or removed ${told(rows)}.`);
  return EXIT.ok;
};
