/** glossier produce --watch <folder>: a producer that runs until a signal. */
import { type ProduceProgress, produceDrop } from '../producer/produce-drop.js';
import { watchFolder } from '../producer/watch-folder.js';
import { InterruptedError, UsageError } from '../shared/errors.js';
import { report, showPublish } from './commands/produce.js';
import { type Context, EXIT } from './context.js';

/** @throws UsageError beside drops and flags that are of single drops */
export async function watchDrops(context: Context): Promise<number> {
  const { settings, log, signal, display, options, args } = context;
  const folder = String(options.watch);
  for (const [given, name] of [
    [args.length > 0, 'drops'],
    [options.again === true, '--again'],
    [options.sha256 !== undefined, '--sha256'],
  ] as const)
    if (given) throw new UsageError(`${name} and --watch do not go together`, { hint: 'publish single drops by a command of their own' });
  try {
    const { kafka } = await context.kafka();
    log.info({ folder }, 'watching');
    const publish = async (source: string) => {
      const onProgress = (p: ProduceProgress) => showPublish(context, p);
      const result = await produceDrop({ source, kafka, settings, log, signal, onProgress }).finally(() => display.finish());
      // after a start that is every drop that still lies there
      if (result.state === 'already') log.info({ name: result.name, drop: result.id, orders: result.orders }, 'already published');
      else report(context, result);
    };
    await watchFolder({ folder, limits: settings, log, signal, publish });
  } catch (error) {
    if (!(error instanceof InterruptedError && signal.aborted)) throw error;
    log.info(error.message); // how far the drop under way has come; the next start goes on from there
  }
  log.info('stopped');
  return EXIT.ok;
}
