/** glossier consume */
import type { HttpFace } from '../../consumer/http/http-face.js';
import { runWorker, type WorkerProgress } from '../../consumer/worker.js';
import type { WorkerObserver } from '../../consumer/worker-options.js';
import { InterruptedError } from '../../shared/errors.js';
import { grouped } from '../../shared/number-text.js';
import { type CommandRun, type Context, EXIT, quiet, type Services } from '../context.js';
import { mergeNow } from './merge.js';

export const run: CommandRun = async context => {
  const drain = context.options.untilDrained === true;
  if (drain) quiet(context);
  const services = await context.services();
  const face = await httpFace(context, services);
  try {
    return await consume(context, services, drain, face?.observer);
  } finally {
    await face?.close();
  }
};

async function consume(context: Context, services: Services, drain: boolean, observer: WorkerObserver | undefined): Promise<number> {
  if (!drain) {
    const { log, settings, version } = context;
    const { topic, kafkaGroup: group, databaseSchema: schema } = settings;
    log.info({ version, topic, group, schema }, 'started');
    let done = {};
    try {
      const { loaded, bypassed, rejected } = await work(context, services, false, { observer });
      done = { loaded, bypassed, rejected };
    } catch (error) {
      // asked to stop while it waited for a server: what was not committed is still on the topic
      if (!(error instanceof InterruptedError && context.signal.aborted)) throw error;
    }
    log.info(done, 'stopped');
    return EXIT.ok;
  }
  const counts = await work(context, services, true, { observer });
  context.display.finish();
  await mergeNow(context, services);
  context.print(`Loaded ${grouped(counts.loaded)}, bypassed ${grouped(counts.bypassed)}, rejected ${grouped(counts.rejected)} order(s)`);
  return counts.rejected + counts.brokenFiles > 0 ? EXIT.rejected : EXIT.ok;
}

/** The HTTP face, where it is asked for. It answers before the worker has found its servers: that these are away is what a probe is to hear. */
async function httpFace({ settings, log, version }: Context, { databaseUrl }: Services): Promise<HttpFace | undefined> {
  if (settings.http === undefined) return undefined;
  const { openHttpFace } = await import('../../consumer/http/http-face.js');
  return openHttpFace({ settings, databaseUrl, log, version });
}

/** Runs a worker with progress. */
export async function work(
  context: Context,
  { databaseUrl, kafka }: Services,
  untilDrained: boolean | Promise<unknown>,
  { onProgress, observer }: { onProgress?: (p: WorkerProgress) => void; observer?: WorkerObserver } = {},
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
    observer,
    onProgress: p => {
      if (onProgress) onProgress(p);
      else if (untilDrained) display.progress({ title: 'Loading', total: p.total, unit: 'orders' }, p.done);
    },
  });
}
