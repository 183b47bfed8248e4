/** glossier produce <drop>..., or --watch <folder> */
import { type ProduceProgress, type ProduceResult, produceDrop } from '../../producer/produce-drop.js';
import { refusedOf } from '../../shared/drop-record.js';
import { UsageError } from '../../shared/errors.js';
import { grouped } from '../../shared/number-text.js';
import { printable } from '../../shared/printable.js';
import { type CommandRun, type Context, EXIT, quiet, type Services } from '../context.js';
import { type DropOptions, dropOptions } from '../drop-options.js';

export const run: CommandRun = async context => {
  if (context.options.watch !== undefined) return (await import('../watch-drops.js')).watchDrops(context);
  if (context.args.length === 0) throw new UsageError('neither drops nor --watch', { hint: 'see glossier produce --help' });
  quiet(context);
  const drops = dropOptions(context);
  const services = await context.kafka();
  let refused = 0;
  for (const source of context.args) refused += (await publish(context, services, source, drops)).refused;
  return refused > 0 ? EXIT.rejected : EXIT.ok;
};

/** Publishes one drop with progress and says what came of it. */
async function publish(
  context: Context,
  { kafka }: Pick<Services, 'kafka'>,
  source: string,
  { sha256, input }: DropOptions,
): Promise<Published> {
  const { settings, log, signal, display, options } = context;
  const result = await produceDrop({
    source,
    input: source === '-' ? input?.() : undefined,
    sha256,
    kafka,
    settings,
    log,
    signal,
    again: options.again === true,
    onProgress: p => showPublish(context, p),
  });
  display.finish();
  return report(context, result);
}

export interface Published {
  id: string;
  orders: number;
  /** Broken files, and orders that were too large to be published. */
  refused: number;
}

export function showPublish({ display }: Context, p: ProduceProgress): void {
  const title = p.phase === 'check' ? 'Checking' : 'Publishing';
  if (p.phase === 'publish') display.complete('Checking');
  display.progress({ title, total: Math.round(p.bytesTotal / 1e6), unit: 'MB' }, Math.round(p.bytesDone / 1e6));
}

export function report({ display }: Context, result: ProduceResult): Published {
  const broken = result.files.filter(f => f.fault);
  const drop = `drop ${result.id} (${printable(result.name)})`;
  if (result.state === 'already')
    display.line(`Already published: ${drop}, ${grouped(result.orders)} orders; --again publishes it once more`);
  else display.line(`Published ${grouped(result.orders)} orders of ${grouped(result.files.length)} file(s), ${drop}`);
  for (const f of broken)
    display.line(`Broken file ${printable(f.name)}: ${f.fault!.reason} at byte ${f.fault!.byte}, behind ${f.fault!.orders} whole order(s)`);
  const { brokenFiles, oversizeOrders } = refusedOf(result.files);
  if (oversizeOrders > 0)
    display.line(
      `Left out ${grouped(oversizeOrders)} order(s) larger than MAX_ORDER_BYTES: raise it, and max.message.bytes of the topic, then publish with --again`,
    );
  return { id: result.id, orders: result.orders, refused: brokenFiles + oversizeOrders };
}
