/** glossier verify <drop> [--json]: the orders of a zip, or of a drop by its messages, held against the tables field by field. */
import { existsSync } from 'node:fs';
import { dropsOffset, readDrops, writeDrops } from '../../consumer/load/drop-sync.js';
import { orderRules } from '../../consumer/load/forgotten-users.js';
import { readPositions } from '../../consumer/load/positions.js';
import { holdDrop, type OrderSource } from '../../consumer/proof/hold-drop.js';
import type { Proof } from '../../consumer/proof/proof.js';
import { findDrops, publicationsOf } from '../../consumer/proof/publications.js';
import { renderProof } from '../../consumer/proof/render-proof.js';
import { topicOrders } from '../../consumer/proof/topic-orders.js';
import { openDrop } from '../../producer/open-drop.js';
import { UsageError } from '../../shared/errors.js';
import { ServiceState } from '../../shared/outage.js';
import { type Context, EXIT } from '../context.js';
import { withDatabase } from '../database.js';
import { dropOrders } from '../drop-orders.js';

export async function verifyDrop(context: Context, given: string): Promise<number> {
  const proof = isSource(given) ? await verifyZip(context, given) : await verifyMessages(context, given);
  context.display.finish();
  context.print(context.options.json === true ? JSON.stringify(proof, null, 2) : renderProof(proof));
  return proof.ok ? EXIT.ok : EXIT.failed;
}

/** Is it a drop itself, rather than the id or name of one? */
export function isSource(given: string): boolean {
  return /^https?:\/\//i.test(given) || existsSync(given);
}

/** Needs no Kafka: whatever the topic says, the drop's own bytes are right. */
async function verifyZip(context: Context, given: string): Promise<Proof> {
  const { settings, signal } = context;
  const services = await context.database();
  const { drop, entries } = await openDrop(given, settings, { signal });
  try {
    return await withDatabase(context, services, 'verify', async (db, tables) => {
      const drops = await publicationsOf(db, tables, settings.topic, drop.sha256);
      return hold(context, db, tables, { drops, name: drop.name, source: 'drop' }, dropOrders(context, entries, drops[0], 'Reading'));
    });
  } finally {
    await drop.dispose();
  }
}

async function verifyMessages(context: Context, given: string): Promise<Proof> {
  const { settings, signal, log, display } = context;
  const services = await context.services();
  const { topic, stallTimeout, outageTimeout } = settings;
  return withDatabase(context, services, 'verify', async (db, tables) => {
    await writeDrops(db, tables, topic, await readDrops(services.kafka, topic, await dropsOffset(db, tables, topic)));
    const found = await findDrops(db, tables, topic, given);
    if (found.length === 0)
      throw new UsageError(`there is no file and no drop "${given}"`, {
        hint: 'give a zip, or the id or name of a drop: glossier status shows them',
      });
    const [drop] = found.slice(-1);
    const orders = topicOrders(drop, {
      kafka: services.kafka,
      topic,
      state: new ServiceState('Kafka', log, outageTimeout),
      stallTimeout,
      positions: await readPositions(db, tables, topic),
      signal,
      onMessages: (done, total) => display.progress({ title: 'Reading', total, unit: 'messages' }, done),
    });
    return hold(context, db, tables, { drops: [drop.drop], name: drop.name, source: 'topic' }, orders);
  });
}

async function hold(
  { settings, display }: Context,
  db: Parameters<typeof holdDrop>[0],
  tables: Parameters<typeof holdDrop>[1],
  what: { drops: string[]; name: string; source: Proof['source'] },
  orders: OrderSource,
): Promise<Proof> {
  const rules = await orderRules(db, tables, settings.maxDepth);
  const options = { topic: settings.topic, rules, onCompare: () => display.line('Comparing…'), ...what };
  return holdDrop(db, tables, options, orders);
}
