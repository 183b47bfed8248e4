/** glossier rebuild [--dry-run] [--month YYYY-MM] [--table user_stats] [--until … --into …] [--accept-gap] [--accept-topic] [--json] */

import { isDifferent } from '../../consumer/rebuild/difference.js';
import type { Until } from '../../consumer/rebuild/into.js';
import type { RebuildStep } from '../../consumer/rebuild/progress.js';
import { rebuild } from '../../consumer/rebuild/rebuild.js';
import type { RebuildOptions } from '../../consumer/rebuild/rebuild-options.js';
import { renderDifferences } from '../../consumer/rebuild/render.js';
import { rebuildUsers } from '../../consumer/rebuild/users.js';
import { UsageError } from '../../shared/errors.js';
import { type CommandRun, type Context, EXIT, quiet } from '../context.js';
import { migrateNow } from '../database.js';
import { giveWay } from '../give-way.js';

const TITLES: Record<RebuildStep, string> = { replaying: 'Replaying', comparing: 'Comparing', applying: 'Applying' };

export const run: CommandRun = async context => {
  quiet(context);
  giveWay(); // people read the tables meanwhile
  const asked = askedFor(context.options);
  const services = await context.services();
  await migrateNow(context, services);
  const options: RebuildOptions = {
    settings: context.settings,
    databaseUrl: services.databaseUrl,
    kafka: services.kafka,
    log: context.log,
    version: context.version,
    signal: context.signal,
    acceptGap: context.options.acceptGap === true,
    acceptTopic: context.options.acceptTopic === true,
    ...asked,
    onStep: text => context.display.line(text),
    onProgress: (step, done, total) =>
      context.display.progress({ title: TITLES[step], total, unit: step === 'replaying' ? 'messages' : 'tables' }, done),
  };
  if (asked.users) return users(context, options);
  const found = await rebuild(options);
  context.display.finish();
  if (asked.past !== undefined) {
    const { into } = asked.past;
    context.print(context.options.json === true ? JSON.stringify({ into }) : `The tables as they were stand in the schema "${into}".`);
    return EXIT.ok;
  }
  const equal = !found.some(isDifferent);
  if (context.options.json === true) context.print(JSON.stringify({ equal, applied: !asked.dryRun, differences: found }, null, 2));
  else {
    context.print(renderDifferences(found, process.stdout.columns));
    if (!asked.dryRun && !equal) context.print('All of it is set right.');
  }
  return asked.dryRun && !equal ? EXIT.differs : EXIT.ok;
};

async function users(context: Context, options: RebuildOptions): Promise<number> {
  const { differences, unsure } = await rebuildUsers(options);
  const equal = !differences.some(isDifferent) && unsure.count === 0;
  if (context.options.json === true) context.print(JSON.stringify({ equal, applied: !options.dryRun, differences, unsure }, null, 2));
  else {
    context.print(
      differences.some(isDifferent)
        ? renderDifferences(differences, process.stdout.columns)
        : 'user_stats holds what the order tables say.',
    );
    if (unsure.count > 0)
      context.print(
        `The locale, consent, e-mail and phone of ${unsure.count} user(s) are not known to be those of the newest order (for example ${unsure.examples.join(', ')}): run glossier rebuild`,
      );
  }
  return unsure.count > 0 || (options.dryRun && !equal) ? EXIT.differs : EXIT.ok;
}

/** What the flags ask for. @throws UsageError when they are wrong or do not go together */
function askedFor(given: Record<string, unknown>): Pick<RebuildOptions, 'dryRun' | 'month' | 'past'> & { users: boolean } {
  const { month, table, until, into } = given as Record<string, string | undefined>;
  const dryRun = given.dryRun === true;
  if (month !== undefined && !/^\d{4}-(0[1-9]|1[0-2])$/.test(month)) throw new UsageError(`--month ${month}: give a month such as 2017-11`);
  if (table !== undefined && table !== 'user_stats') throw new UsageError(`--table ${table}: user_stats alone can be made by itself`);
  if ((until === undefined) !== (into === undefined)) throw new UsageError('--until and --into go together');
  if ([month, table, until].filter(f => f !== undefined).length > 1 || (dryRun && until !== undefined))
    throw new UsageError('--month, --table and --until do not go together, nor --until and --dry-run');
  return {
    dryRun,
    month: month?.replace('-', '_'),
    users: table !== undefined,
    past: until === undefined ? undefined : { until: untilOf(until), into: into! },
  };
}

function untilOf(text: string): Until {
  if (/^\d+:\d+(,\d+:\d+)*$/.test(text))
    return { offsets: new Map(text.split(',').map(p => p.split(':').map(Number) as [number, number])) };
  const time = new Date(text);
  if (!/^\d{4}-\d\d-\d\dT\S+(Z|[+-]\d\d:?\d\d)$/.test(text) || Number.isNaN(time.getTime()))
    throw new UsageError(`--until ${text}: give partition:offset,… or an instant with its offset such as 2017-12-04T00:00:00Z`);
  return { time };
}
