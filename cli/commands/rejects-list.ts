/** glossier rejects list [--drop ID] [--json] */
import { listRejects } from '../../consumer/status/rejects.js';
import { renderRejects } from '../../consumer/status/render.js';
import { type CommandRun, EXIT, quiet } from '../context.js';
import { withDatabase } from '../database.js';

export const run: CommandRun = async context => {
  quiet(context);
  const services = await context.services();
  const drop = context.options.drop === undefined ? undefined : String(context.options.drop);
  const rows = await withDatabase(context, services, 'rejects', (db, tables) => listRejects(db, tables, context.settings.topic, drop));
  if (context.options.json === true) context.print(JSON.stringify(rows, null, 2));
  else context.print(renderRejects(rows, process.stdout.columns ?? 100));
  return EXIT.ok;
};
