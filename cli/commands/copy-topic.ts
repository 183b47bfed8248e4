/** glossier copy-topic <new> [--move]: the topic once more without what it holds of forgotten users, and the workers' move to it. */

import { enterRequests, forgetEntered } from '../../consumer/forget/forget-users.js';
import { checkMayMove, moveTopic } from '../../consumer/forget/move-topic.js';
import { dropsOffset, readDrops, writeDrops } from '../../consumer/load/drop-sync.js';
import { orderRules } from '../../consumer/load/forgotten-users.js';
import { checkMoved } from '../../consumer/load/positions.js';
import { migrate } from '../../consumer/schema/migrate.js';
import { Tables } from '../../consumer/schema/tables.js';
import { oneLine, UsageError } from '../../shared/errors.js';
import { dropsTopic } from '../../shared/kafka.js';
import { grouped } from '../../shared/number-text.js';
import { argument, type CommandRun, EXIT, quiet } from '../context.js';
import { patiently, withAdmin } from '../database.js';
import { TopicCopier } from '../topic-copier.js';

export const run: CommandRun = async context => {
  quiet(context);
  const to = argument(context, 0);
  const { topic } = context.settings;
  if (to === topic || to === dropsTopic(topic)) throw new UsageError(`"${to}" is the topic itself`);
  const services = await context.services();
  const tables = Tables.of(context.settings);
  await patiently(context, services, async db => {
    await migrate(db.client, context.settings.databaseSchema, context.settings.ownSchema);
    await checkMoved(db, tables, topic);
    if (context.options.move === true) await checkMayMove(db, tables);
    const news = await readDrops(services.kafka, topic, await dropsOffset(db, tables, topic));
    // writeDrops notes how far the drops topic was read: a kill between the two would lose a request for good
    await enterRequests(db, tables, news.forgets);
    await writeDrops(db, tables, topic, news);
    await forgetEntered(db, tables);
  });
  const rules = await patiently(context, services, db => orderRules(db, tables, context.settings.maxDepth));
  return withAdmin(services.kafka, async admin => {
    const copier = await TopicCopier.open(context, services, admin, to, rules);
    try {
      const copied = await copier.catchUp();
      context.display.finish();
      if (context.options.move !== true) {
        context.print(`Copied ${grouped(copied)} message(s) of "${topic}" to "${to}", which ends where that ends now.`);
        context.print(`Once more takes up what has come since; with --move workers and positions go over to it.`);
        return EXIT.ok;
      }
      await patiently(context, services, db =>
        moveTopic(db, tables, { from: copier.from, to: copier.to, complete: (...forgotten) => copier.complete(...forgotten) }),
      );
      await copier.takeOverTimes().catch(error => {
        context.print(
          `The times of "${topic}" were given by Kafka; "${to}" could not be set to message.timestamp.type=LogAppendTime (${oneLine(error)}).`,
        );
      });
      context.display.finish();
      context.print(`Moved to "${to}": positions, books and places of every message are what they were.`);
      context.print(
        `Set ORDERS_TOPIC=${to} for workers and producers; those of "${topic}" end by themselves. Then delete "${topic}" and "${dropsTopic(topic)}".`,
      );
      for (const drop of copier.unfinished)
        context.print(`Drop ${drop} is not published whole: the same produce command goes on with it there.`);
      return EXIT.ok;
    } finally {
      await copier.close();
    }
  });
};
