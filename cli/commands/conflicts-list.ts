/** glossier conflicts list [--drop ID] [--json] */
import { listConflicts, renderConflicts } from '../../consumer/why/conflicts.js';
import { type CommandRun, EXIT, quiet } from '../context.js';
import { withDatabase } from '../database.js';

export const run: CommandRun = async context => {
  quiet(context);
  const { drop, json } = context.options;
  const filter = drop === undefined ? {} : { drop: String(drop) };
  const rows = await withDatabase(context, await context.database(), 'conflicts', (db, tables) =>
    listConflicts(db, tables, context.settings.topic, filter),
  );
  context.print(json === true ? JSON.stringify(rows, null, 2) : renderConflicts(rows, drop !== undefined));
  return EXIT.ok;
};
