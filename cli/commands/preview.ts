/** glossier preview <drop> [--json]: what would become of a drop; nothing is published or changed. */
import { orderRules } from '../../consumer/load/forgotten-users.js';
import { PREVIEWED, previewDrop } from '../../consumer/preview/preview.js';
import { renderPreview } from '../../consumer/preview/render.js';
import { openDrop } from '../../producer/open-drop.js';
import { argument, type CommandRun, EXIT, quiet } from '../context.js';
import { withDatabase } from '../database.js';
import { dropOptions } from '../drop-options.js';
import { dropOrders } from '../drop-orders.js';

export const run: CommandRun = async context => {
  quiet(context);
  const { settings, signal, log } = context;
  const { sha256, input } = dropOptions(context);
  const services = await context.database();
  const { drop, entries } = await openDrop(argument(context, 0), settings, { signal, log, sha256, input: input?.() });
  try {
    const preview = await withDatabase(context, services, 'preview', async (db, tables) =>
      previewDrop(
        db,
        tables,
        settings.topic,
        await orderRules(db, tables, settings.maxDepth),
        dropOrders(context, entries, PREVIEWED, 'Reading'),
      ),
    );
    context.display.finish();
    context.print(context.options.json === true ? JSON.stringify(preview, null, 2) : renderPreview(preview, drop.name));
    return preview.rejected.length + preview.broken_files.length > 0 ? EXIT.rejected : EXIT.ok;
  } finally {
    await drop.dispose();
  }
};
