/** glossier rejects retry [id...] [--reason CODE | --all | --from FILE] */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { RejectChoice } from '../../consumer/retry/choose-rejects.js';
import { parseRejectLine } from '../../consumer/retry/reject-lines.js';
import { retryRejects } from '../../consumer/retry/retry-rejects.js';
import { errorCode, UsageError } from '../../shared/errors.js';
import { grouped } from '../../shared/number-text.js';
import { type CommandRun, EXIT, quiet, rejectIds } from '../context.js';
import { mergeNow } from './merge.js';

export const run: CommandRun = async context => {
  quiet(context);
  const { options, args, settings, log, version, signal, display } = context;
  const ways = [args.length > 0, options.reason !== undefined, options.all === true, options.from !== undefined];
  if (ways.filter(way => way).length !== 1)
    throw new UsageError('name the rejects to try again in one way: ids, --reason, --all or --from', {
      hint: 'glossier rejects list shows them',
    });
  const mended = options.from === undefined ? undefined : await readMended(String(options.from));
  const choice: RejectChoice = {};
  if (mended !== undefined) choice.ids = [...mended.keys()];
  else if (args.length > 0) choice.ids = rejectIds(args);
  else if (options.reason !== undefined) choice.reason = String(options.reason);
  const services = await context.database();
  const onProgress = (done: number, total: number) => display.progress({ title: 'Trying again', total, unit: 'orders' }, done);
  const { databaseUrl } = services;
  const { loaded, bypassed, refused } = await retryRejects({ settings, databaseUrl, log, version, signal, choice, mended, onProgress });
  display.finish();
  if (loaded > 0) await mergeNow(context, services);
  context.print(`Loaded ${grouped(loaded)}, bypassed ${grouped(bypassed)}, refused again ${grouped(refused)} order(s)`);
  return refused > 0 ? EXIT.rejected : EXIT.ok;
};

/** @returns orders by the id of their reject @throws UsageError naming the first line that is faulty */
async function readMended(file: string): Promise<Map<string, Buffer>> {
  const orders = new Map<string, Buffer>();
  try {
    let number = 0;
    for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
      number++;
      if (line.trim() === '') continue;
      const { id, order } = parseRejectLine(line, number);
      if (orders.has(id)) throw new UsageError(`line ${number} has reject ${id} once more`);
      orders.set(id, order);
    }
  } catch (error) {
    if (error instanceof UsageError) throw new UsageError(`${file}: ${error.message}`, { hint: error.hint });
    if (errorCode(error) === 'ENOENT') throw new UsageError(`there is no file ${file}`);
    throw error;
  }
  if (orders.size === 0) throw new UsageError(`${file} holds no rejects`);
  return orders;
}
