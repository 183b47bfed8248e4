/** glossier why order|user|line-item|drop <id> [--json] */
import type { OrderMessage } from '../../consumer/intake/batch.js';
import type { Database } from '../../consumer/load/database.js';
import { orderRules } from '../../consumer/load/forgotten-users.js';
import { findDrops } from '../../consumer/proof/publications.js';
import type { Tables } from '../../consumer/schema/tables.js';
import { whyDrop, whyLineItem } from '../../consumer/why/drop.js';
import { holdOrder, type Place, whyOrder } from '../../consumer/why/order.js';
import { renderDrop, renderLineItem, renderOrder, renderUser } from '../../consumer/why/render.js';
import { holdUser, whyUser } from '../../consumer/why/user.js';
import { UsageError } from '../../shared/errors.js';
import type { Kafka } from '../../shared/kafka.js';
import { argument, type CommandRun, type Context, EXIT, quiet } from '../context.js';
import { withDatabase } from '../database.js';
import { kafkaIfAny, messagesAt } from '../message-at.js';

const MAX_ID = 2n ** 63n - 1n;

export const run: CommandRun = async context => {
  quiet(context);
  const [what, id] = [argument(context, 0), argument(context, 1)];
  const answer = ANSWERS[what];
  if (answer === undefined) throw new UsageError(`why ${what}: ask for one of ${Object.keys(ANSWERS).join(', ')}`);
  if (what !== 'drop' && (!/^-?\d{1,19}$/.test(id) || BigInt(id) > MAX_ID)) throw new UsageError(`"${id}" is not an id`);
  // the messages themselves are asked where there is a Kafka; all else is in the database
  const services = await kafkaIfAny(context);
  const { json, text } = await withDatabase(context, services, 'why', async (db, tables) => {
    const found = await answer({ context, db, tables, kafka: services.kafka }, id);
    if (found === null) throw new UsageError(`nothing is known of ${what} ${id}`);
    return found;
  });
  context.print(context.options.json === true ? JSON.stringify(json, null, 2) : text);
  return EXIT.ok;
};

interface Asked {
  context: Context;
  db: Database;
  tables: Tables;
  kafka: Kafka | null;
}

type Answer = (asked: Asked, id: string) => Promise<{ json: unknown; text: string } | null>;

const order = async (asked: Asked, id: string) => {
  const { db, tables, context } = asked;
  const why = await whyOrder(db, tables, id);
  if (why?.from != null) {
    const message = await messageAt(asked, why.from);
    if (message !== null) await holdOrder(db, tables, why, message, await orderRules(db, tables, context.settings.maxDepth));
  }
  return why;
};

const ANSWERS: Record<string, Answer> = {
  order: async (asked, id) => {
    const why = await order(asked, id);
    return why === null ? null : { json: why, text: renderOrder(why) };
  },
  user: async (asked, id) => {
    const { db, tables, context } = asked;
    const why = await whyUser(db, tables, id);
    if (why === null) return null;
    const newest = why.newest === null ? null : await whyOrder(db, tables, why.newest.order);
    // of an order that was mended by hand the message is not what was loaded
    if (why.newest !== null && why.newest.topic !== '' && newest?.retried?.mended !== true) {
      const message = await messageAt(asked, why.newest);
      if (message !== null) await holdUser(db, tables, why, message, await orderRules(db, tables, context.settings.maxDepth));
    }
    return { json: why, text: renderUser(why) };
  },
  'line-item': async (asked, id) => {
    const why = await whyLineItem(asked.db, asked.tables, id);
    const of = why.row?.order_id == null ? null : await order(asked, why.row.order_id);
    return why.row === null ? null : { json: { ...why, of }, text: renderLineItem(why, of) };
  },
  drop: async ({ db, tables, context }, id) => {
    const { topic } = context.settings;
    const found = await findDrops(db, tables, topic, id);
    const why = found.length === 0 ? null : await whyDrop(db, tables, topic, found.at(-1)!.drop);
    return why === null ? null : { json: why, text: renderDrop(why) };
  },
};

async function messageAt({ context, kafka }: Asked, place: Place): Promise<OrderMessage | null> {
  return (await messagesAt(context, kafka, place.topic, [place]))[0];
}
