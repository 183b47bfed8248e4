/** glossier forget user <id> --reason <text> [--json] */
import { enterRequests, type ForgottenRows, forgetEntered, NO_ROWS } from '../../consumer/forget/forget-users.js';
import { reactionTo } from '../../consumer/load/sqlstate.js';
import { dropAbandoned } from '../../consumer/rebuild/copy-schema.js';
import { Tables } from '../../consumer/schema/tables.js';
import { publishForget } from '../../producer/publish-forget.js';
import type { ForgetRecord } from '../../shared/drop-record.js';
import { oneLine, ServiceError, UsageError } from '../../shared/errors.js';
import { grouped } from '../../shared/number-text.js';
import { ServiceState } from '../../shared/outage.js';
import { argument, type CommandRun, type Context, EXIT, quiet, type Services } from '../context.js';
import { migrateNow, patiently } from '../database.js';

/** @throws ServiceError where this user may not */
export async function carryOut(context: Context, services: Pick<Services, 'databaseUrl'>): Promise<ForgottenRows> {
  const done = await patiently(context, services, db => forgetEntered(db, Tables.of(context.settings))).catch(error => {
    if (reactionTo(error) !== 'data') throw error;
    throw new ServiceError(`a rule on the tables refuses it: ${oneLine(error)}`, {
      cause: error,
      hint: 'what comes is loaded without them; lift the rule, then run `glossier forget waiting`',
    });
  });
  if (done === 'denied')
    throw new ServiceError('what comes is loaded without them, but this user may not change what is in the tables', {
      hint: 'run `glossier forget waiting` as the owner of the tables',
    });
  // what a rebuild that was killed has left holds them as they were delivered
  await patiently(context, services, db => dropAbandoned(db, Tables.of(context.settings)));
  return done ?? NO_ROWS;
}

/** What was emptied or removed, in words. */
export function told({ orders, line_items, users, rejects }: ForgottenRows): string {
  return `${grouped(orders)} order(s), ${grouped(line_items)} line item(s), ${grouped(users)} row(s) of the user tables and ${grouped(rejects)} reject(s)`;
}

const MOST_REASON = 500;

export const run: CommandRun = async context => {
  quiet(context);
  const { settings, signal, log, display } = context;
  const user = argument(context, 0);
  const reason = String(context.options.reason ?? '').trim();
  if (!/^-?\d{1,19}$/.test(user) || BigInt.asIntN(64, BigInt(user)).toString() !== user)
    throw new UsageError(`"${user}" is not a user's id`, { hint: 'it is the whole number that user_stats has as user_id' });
  if (reason === '' || reason.length > MOST_REASON)
    throw new UsageError(`--reason takes 1 to ${MOST_REASON} characters`, {
      hint: 'it is kept for ever: a ticket number, and nothing personal',
    });
  const services = await context.services();
  const asked: ForgetRecord = { user, keeps: settings.forgetKeeps as ForgetRecord['keeps'], reason, at: new Date().toISOString() };
  const tables = Tables.of(settings);
  await migrateNow(context, services);
  // in the topic first: what is killed behind this is gone on with by any worker
  const place = { kafka: services.kafka, topic: settings.topic, service: new ServiceState('Kafka', log, settings.outageTimeout) };
  const request = await publishForget(place, settings.partitions, asked, signal);
  display.line(`Recorded in ${settings.topic}.drops; emptying the tables…`);
  await patiently(context, services, db => enterRequests(db, tables, [request]));
  const rows = await carryOut(context, services);
  display.finish();
  if (context.options.json === true) context.print(JSON.stringify({ ...request, rows }, null, 2));
  else for (const line of words(request, rows, settings.topic)) context.print(line);
  return EXIT.ok;
};

function words({ user, keeps }: ForgetRecord, rows: ForgottenRows, topic: string): string[] {
  const done = keeps === 'money' ? 'Emptied' : 'Removed or emptied';
  return [
    `${done} ${told(rows)} of user ${user}.`,
    'Whatever brings orders of this user from now on is loaded likewise: a later drop, a retry, a rebuild.',
    `Still there: the messages of "${topic}" (glossier copy-topic), the database's files until the tables are rewritten (VACUUM FULL), backups and old WAL.`,
  ];
}
