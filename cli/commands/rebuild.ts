/** glossier rebuild [--dry-run] [--month YYYY-MM] [--accept-gap] [--json] */
import { rebuild } from '../../consumer/rebuild/rebuild.js';
import { isDifferent, renderDifferences } from '../../consumer/rebuild/render.js';
import { migrate } from '../../consumer/schema/migrate.js';
import { UsageError } from '../../shared/errors.js';
import { type CommandRun, EXIT, quiet } from '../context.js';
import { patiently } from '../database.js';

export const run: CommandRun = async context => {
  quiet(context);
  const { options, settings, display } = context;
  const month = monthOf(options.month);
  const dryRun = options.dryRun === true;
  const services = await context.services();
  await patiently(context, services, db => migrate(db.client, settings.databaseSchema));
  const found = await rebuild({
    settings,
    databaseUrl: services.databaseUrl,
    kafka: services.kafka,
    log: context.log,
    version: context.version,
    signal: context.signal,
    acceptGap: options.acceptGap === true,
    dryRun,
    month,
    onStep: text => display.line(text),
    onReplayed: (done, total) => display.progress({ title: 'Replaying', total, unit: 'messages' }, done),
  });
  display.finish();
  const equal = !found.some(isDifferent);
  if (options.json === true) context.print(JSON.stringify({ equal, applied: !dryRun, differences: found }, null, 2));
  else {
    context.print(renderDifferences(found));
    if (!dryRun && !equal) context.print('All of it is set right.');
  }
  return dryRun && !equal ? EXIT.differs : EXIT.ok;
};

/** `2017-11` -> `2017_11` */
function monthOf(given: unknown): string | undefined {
  if (given === undefined) return undefined;
  if (typeof given !== 'string' || !/^\d{4}-(0[1-9]|1[0-2])$/.test(given)) throw new UsageError(`--month is a month such as 2017-11`);
  return given.replace('-', '_');
}
