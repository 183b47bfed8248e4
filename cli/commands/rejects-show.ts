/** glossier rejects show <id> [--json] */
import { showReject } from '../../consumer/status/rejects.js';
import { UsageError } from '../../shared/errors.js';
import { argument, type CommandRun, EXIT, quiet, rejectIds } from '../context.js';
import { withDatabase } from '../database.js';

export const run: CommandRun = async context => {
  quiet(context);
  const [id] = rejectIds([argument(context, 0)]);
  const services = await context.services();
  const reject = await withDatabase(context, services, 'rejects', (db, tables) => showReject(db, tables, id));
  if (reject === null) throw new UsageError(`there is no reject ${id}`, { hint: 'glossier rejects list shows them' });
  const { value, ...place } = reject;
  if (context.options.json === true) {
    context.print(
      JSON.stringify({ ...place, value: value?.toString('utf8') ?? null, value_base64: value?.toString('base64') ?? null }, null, 2),
    );
    return EXIT.ok;
  }
  for (const [name, what] of Object.entries(place)) if (what !== null && what !== '') context.print(`${name.padEnd(12)} ${what}`);
  context.print('');
  process.stdout.write(value ?? '(no bytes are kept of a broken file)');
  context.print('');
  return EXIT.ok;
};
