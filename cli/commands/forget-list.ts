/** glossier forget list [--json] */

import { printable } from '../../shared/printable.js';
import { type CommandRun, EXIT, quiet } from '../context.js';
import { withDatabase } from '../database.js';

export const run: CommandRun = async context => {
  quiet(context);
  const services = await context.database();
  const users = await withDatabase(context, services, 'forget', async (db, tables) => {
    const { rows } = await db.query(
      `SELECT user_id::text AS user, keeps, reason, requested_at, done_at FROM ${tables.forgottenUsers} ORDER BY requested_at, user_id`,
    );
    return rows;
  });
  if (context.options.json === true) context.print(JSON.stringify(users, null, 2));
  else if (users.length === 0) context.print('Nobody was forgotten.');
  else
    for (const { user, keeps, reason, requested_at, done_at } of users)
      context.print(
        `${user}  kept: ${keeps}  requested ${requested_at}  ${done_at === null ? 'under way' : `done ${done_at}`}  ${printable(reason)}`,
      );
  return EXIT.ok;
};
