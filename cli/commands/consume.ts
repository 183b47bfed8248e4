/** glossier consume */
import { runWorker, type WorkerProgress } from '../../consumer/worker.js';
import { InterruptedError } from '../../shared/errors.js';
import { type CommandRun, type Context, EXIT, quiet, type Services } from '../context.js';
import { count } from '../display.js';
import { mergeNow } from './merge.js';

export const run: CommandRun = async context => {
  const drain = context.options.untilDrained === true;
  if (drain) quiet(context);
  const services = await context.services();
  if (!drain) {
    const { log, settings, version } = context;
    const { topic, kafkaGroup: group, databaseSchema: schema } = settings;
    log.info({ version, topic, group, schema }, 'started');
    let done = {};
    try {
      const { loaded, bypassed, rejected } = await work(context, services, false);
      done = { loaded, bypassed, rejected };
    } catch (error) {
      // asked to stop while it waited for a server: what was not committed is still on the topic
      if (!(error instanceof InterruptedError && context.signal.aborted)) throw error;
    }
    log.info(done, 'stopped');
    return EXIT.ok;
  }
  const counts = await work(context, services, true);
  context.display.finish();
  await mergeNow(context, services);
  context.print(`Loaded ${count(counts.loaded)}, bypassed ${count(counts.bypassed)}, rejected ${count(counts.rejected)} order(s)`);
  return counts.rejected + counts.brokenFiles > 0 ? EXIT.rejected : EXIT.ok;
};

/** Runs a worker with progress. */
export async function work(
  context: Context,
  { databaseUrl, kafka }: Services,
  untilDrained: boolean | Promise<unknown>,
  onProgress?: (p: WorkerProgress) => void,
) {
  const { settings, log, version, signal, display, options } = context;
  return runWorker({
    settings,
    databaseUrl,
    kafka,
    log,
    version,
    signal,
    untilDrained,
    acceptGap: options.acceptGap === true,
    acceptRejects: options.acceptRejects === true,
    onProgress: p => {
      if (onProgress) onProgress(p);
      else if (untilDrained) display.progress({ title: 'Loading', total: p.total, unit: 'orders' }, p.done);
    },
  });
}
