/** glossier rejects show <id> [--json] */
import { showReject } from '../../consumer/status/rejects.js';
import { UsageError } from '../../shared/errors.js';
import { printable } from '../../shared/printable.js';
import { argument, type CommandRun, EXIT, quiet, rejectIds } from '../context.js';
import { withDatabase } from '../database.js';

export const run: CommandRun = async context => {
  quiet(context);
  const [id] = rejectIds([argument(context, 0)]);
  const services = await context.database();
  const reject = await withDatabase(context, services, 'rejects', (db, tables) => showReject(db, tables, id));
  if (reject === null) throw new UsageError(`there is no reject ${id}`, { hint: 'glossier rejects list shows them' });
  const { value, mended, ...place } = reject;
  if (context.options.json === true) {
    const text = (bytes: Buffer | null) => bytes?.toString('utf8') ?? null;
    const base64 = (bytes: Buffer | null) => bytes?.toString('base64') ?? null;
    const bytes = { value: text(value), value_base64: base64(value), mended: text(mended), mended_base64: base64(mended) };
    context.print(JSON.stringify({ ...place, ...bytes }, null, 2));
    return EXIT.ok;
  }
  for (const [name, what] of Object.entries(place))
    if (what !== null && what !== '') context.print(`${name.padEnd(12)} ${printable(String(what))}`);
  context.print('');
  process.stdout.write(value ?? (reject.kind === 'file' ? '(no bytes are kept of a broken file)' : '(no bytes)'));
  context.print('');
  if (mended !== null) {
    context.print('\nmended and loaded as:\n');
    process.stdout.write(mended);
    context.print('');
  }
  return EXIT.ok;
};
