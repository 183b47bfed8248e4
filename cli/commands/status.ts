/** glossier status [--json] */
import { checkMoved } from '../../consumer/load/positions.js';
import { readStatus } from '../../consumer/status/read-status.js';
import { renderStatus } from '../../consumer/status/render.js';
import { type CommandRun, EXIT, quiet } from '../context.js';
import { withAdmin, withDatabase } from '../database.js';

export const run: CommandRun = async context => {
  quiet(context);
  const services = await context.services();
  const status = await withDatabase(context, services, 'status', async (db, tables) => {
    await checkMoved(db, tables, context.settings.topic);
    return withAdmin(services.kafka, admin => readStatus(db, tables, services.kafka, admin, context.settings.topic));
  });
  if (context.options.json === true) context.print(JSON.stringify(status, null, 2));
  else context.print(renderStatus(status, process.stdout.columns ?? 100));
  return EXIT.ok;
};
