/** glossier diff <a> <b> [--json]: two schemas, or two drops. */
import { diffDrops, diffSchemas } from '../../consumer/diff/diff.js';
import { orderRules } from '../../consumer/load/forgotten-users.js';
import { isDifferent } from '../../consumer/rebuild/difference.js';
import { renderDifferences } from '../../consumer/rebuild/render.js';
import { type OpenDrop, openDrop } from '../../producer/open-drop.js';
import { argument, type CommandRun, type Context, EXIT, quiet } from '../context.js';
import { withDatabase } from '../database.js';
import { dropOrders } from '../drop-orders.js';
import { isSource } from './verify-drop.js';

export const run: CommandRun = async context => {
  quiet(context);
  const [a, b] = [argument(context, 0), argument(context, 1)];
  const services = await context.database();
  const differences = await withDatabase(context, services, 'diff', async (db, tables) =>
    isSource(a) && isSource(b)
      ? withDrops(context, [a, b], async ([first, second]) =>
          diffDrops(
            db,
            tables,
            await orderRules(db, tables, context.settings.maxDepth),
            dropOrders(context, first.entries, a, 'Reading A'),
            dropOrders(context, second.entries, b, 'Reading B'),
          ),
        )
      : diffSchemas(db, a, b),
  );
  context.display.finish();
  const equal = !differences.some(isDifferent);
  context.print(
    context.options.json === true
      ? JSON.stringify({ equal, differences }, null, 2)
      : equal
        ? `${a} and ${b} hold the same.`
        : renderDifferences(differences),
  );
  return equal ? EXIT.ok : EXIT.differs;
};

async function withDrops<T>({ settings, signal }: Context, sources: string[], work: (drops: OpenDrop[]) => Promise<T>): Promise<T> {
  const drops: OpenDrop[] = [];
  try {
    for (const source of sources) drops.push(await openDrop(source, settings, { signal }));
    return await work(drops);
  } finally {
    for (const { drop } of drops) await drop.dispose();
  }
}
