/** glossier rejects export <file> [id...] [--reason CODE] [--drop ID] */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import { chooseRejects, parts, type RejectChoice, readForExport } from '../../consumer/retry/choose-rejects.js';
import { rejectLine } from '../../consumer/retry/reject-lines.js';
import { errorCode, throwIfAborted, UsageError } from '../../shared/errors.js';
import { grouped } from '../../shared/number-text.js';
import { argument, type CommandRun, EXIT, quiet, rejectIds } from '../context.js';
import { withDatabase } from '../database.js';

export const run: CommandRun = async context => {
  quiet(context);
  const { options, settings, signal } = context;
  const file = argument(context, 0);
  const choice: RejectChoice = {};
  if (context.args.length > 1) choice.ids = rejectIds(context.args.slice(1));
  if (options.reason !== undefined) choice.reason = String(options.reason);
  if (options.drop !== undefined) choice.drop = String(options.drop);
  const services = await context.database();
  const written = await withDatabase(context, services, 'rejects', async (db, tables) => {
    const chosen = await chooseRejects(db, tables, settings.topic, choice);
    const out = createWriteStream(file, { flags: 'wx' }); // a file that was mended by hand is not written over
    try {
      await once(out, 'open');
    } catch (error) {
      if (errorCode(error) === 'EEXIST') throw new UsageError(`${file} is there already`, { hint: 'name another file, or remove it' });
      throw error;
    }
    try {
      for (const part of parts(chosen, settings.batchOrders, settings.batchBytes)) {
        throwIfAborted(signal, 'writing rejects');
        for (const reject of await readForExport(db, tables, part)) if (!out.write(`${rejectLine(reject)}\n`)) await once(out, 'drain');
      }
      out.end();
      await finished(out);
    } catch (error) {
      out.destroy();
      await rm(file, { force: true });
      throw error;
    }
    return chosen.length;
  });
  context.print(`Wrote ${grouped(written)} order(s) to ${file}`);
  return EXIT.ok;
};
