/** glossier rejects list [--drop ID] [--reason CODE] [--since TIME] [--all] [--json] */
import { listRejects, type RejectFilter } from '../../consumer/status/rejects.js';
import { renderRejects } from '../../consumer/status/render-rejects.js';
import { type CommandRun, EXIT, quiet } from '../context.js';
import { withDatabase } from '../database.js';
import { sinceInstant } from '../since.js';

export const run: CommandRun = async context => {
  quiet(context);
  const { drop, reason, since, all, json } = context.options;
  const filter: RejectFilter = { settledToo: all === true };
  if (drop !== undefined) filter.drop = String(drop);
  if (reason !== undefined) filter.reason = String(reason);
  if (since !== undefined) filter.since = sinceInstant(String(since), Date.now());
  const services = await context.database();
  const rows = await withDatabase(context, services, 'rejects', (db, tables) => listRejects(db, tables, context.settings.topic, filter));
  if (json === true) context.print(JSON.stringify(rows, null, 2));
  else
    context.print(
      renderRejects(
        rows,
        process.stdout.columns ?? 100,
        [drop, reason, since].some(f => f !== undefined),
      ),
    );
  return EXIT.ok;
};
