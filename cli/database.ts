/** A connection for one-shot commands: made, used, ended. */
import { Database } from '../consumer/load/database.js';
import { Link } from '../consumer/load/link.js';
import { reactionTo } from '../consumer/load/sqlstate.js';
import { migrate } from '../consumer/schema/migrate.js';
import { Tables } from '../consumer/schema/tables.js';
import { GlossierError, oneLine, ServiceError } from '../shared/errors.js';
import type { Admin, Kafka } from '../shared/kafka.js';
import { ServiceState } from '../shared/outage.js';
import type { Context, Services } from './context.js';

/**
 * @param name of the command
 * @throws ServiceError in words when Postgres cannot be used
 */
export async function withDatabase<T>(
  context: Context,
  { databaseUrl }: Pick<Services, 'databaseUrl'>,
  name: string,
  work: (db: Database, tables: Tables) => Promise<T>,
): Promise<T> {
  let db: Database | undefined;
  try {
    db = await Database.connect(databaseUrl, `glossier ${name}`);
    await migrate(db.client, context.settings.databaseSchema, context.settings.ownSchema);
    return await work(db, Tables.of(context.settings));
  } catch (error) {
    if (error instanceof GlossierError || reactionTo(error) === 'bug') throw error;
    throw new ServiceError(`Postgres: ${oneLine(error)}`, {
      cause: error,
      hint:
        reactionTo(error) === 'stop'
          ? 'check DATABASE_URL, and what its user may do: glossier doctor tells'
          : 'check DATABASE_URL and that the server runs',
    });
  } finally {
    await db?.end();
  }
}

/** Runs work on a connection of its own, waiting while Postgres is away: for commands that must go on through an outage. */
export async function patiently<T>(
  { settings, log, signal }: Context,
  { databaseUrl }: Pick<Services, 'databaseUrl'>,
  work: (db: Database) => Promise<T>,
): Promise<T> {
  const link = new Link(databaseUrl, 'glossier', new ServiceState('Postgres', log, settings.outageTimeout), signal);
  try {
    return await link.use(work);
  } finally {
    await link.end();
  }
}

/** Brings the tables up to this version, waiting while Postgres is away. */
export function migrateNow(context: Context, services: Pick<Services, 'databaseUrl'>): Promise<void> {
  const { databaseSchema, ownSchema } = context.settings;
  return patiently(context, services, db => migrate(db.client, databaseSchema, ownSchema));
}

/** Runs work with a connected admin client. @throws ServiceError in words when Kafka cannot be reached */
export async function withAdmin<T>(kafka: Kafka, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafka.admin();
  try {
    await admin.connect();
    return await work(admin);
  } catch (error) {
    if (error instanceof Error && error.name.startsWith('KafkaJS')) {
      throw new ServiceError(`Kafka: ${oneLine(error)}`, {
        cause: error,
        hint: 'check KAFKA_BROKERS and that the broker runs',
      });
    }
    throw error;
  } finally {
    await admin.disconnect().catch(() => {});
  }
}
