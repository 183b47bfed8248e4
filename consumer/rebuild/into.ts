/** The tables as they were at some offsets or at some time, in a schema of the caller's choice. */
import { ServiceError, UsageError } from '../../shared/errors.js';
import type { TopicOffsets } from '../../shared/kafka.js';
import type { Database } from '../load/database.js';
import type { Positions } from '../load/positions.js';
import { quote, Tables } from '../schema/tables.js';
import { monthsOf } from './copy-schema.js';
import { LONG } from './difference.js';

/** Up to where: an offset for each partition, or all that was published before an instant. */
export type Until = { offsets: Positions } | { time: Date };

/** Checks that the schema can be filled. @throws ServiceError, UsageError in words */
export async function checkSchema(db: Database, schema: string, live: Tables): Promise<void> {
  if ([live.home, live.copySchema, live.shapeSchema, live.analysts].includes(schema) || schema.startsWith('pg_'))
    throw new UsageError(`--into ${schema}: that schema has its own use`, { hint: 'name one that is not there yet' });
  const { rows } = await db.query('SELECT count(*) AS n FROM pg_class WHERE relnamespace = to_regnamespace($1)', [quote(schema)]);
  if (rows[0].n !== '0') throw new ServiceError(`the schema "${schema}" is not empty`, { hint: 'name another one, or drop it' });
}

/** @throws UsageError when the offsets are not those of the topic's partitions */
export function checkOffsets(topic: string, offsets: Positions, ends: readonly TopicOffsets[]): void {
  const missing = ends.filter(e => !offsets.has(e.partition)).map(e => e.partition);
  if (missing.length > 0) throw new UsageError(`--until names no offset for partition ${missing.join(', ')} of "${topic}"`);
  for (const [partition, offset] of offsets) {
    const end = ends.find(e => e.partition === partition)?.end;
    if (end === undefined) throw new UsageError(`--until: "${topic}" has no partition ${partition}`);
    if (offset > end) throw new UsageError(`--until: partition ${partition} of "${topic}" ends at offset ${end}`);
  }
}

/** Moves the analysts' tables out of the copy into the schema, in one transaction, and makes them outlast a crash. */
export async function moveInto(db: Database, { copy }: Tables, schema: string): Promise<void> {
  const into = new Tables(schema);
  await db.query('BEGIN; SET LOCAL statement_timeout = 0');
  try {
    await db.query(`CREATE SCHEMA IF NOT EXISTS ${into.schema}`);
    const { orders, lineItems, userStats, userStaging } = copy;
    const months: string[] = [];
    for (const month of (await monthsOf(db, copy)).map(m => copy.month(m))) {
      const { rows } = await db.query(`SELECT EXISTS (SELECT FROM ${month}) AS has`, undefined, LONG);
      if (rows[0].has === 't') months.push(month);
      else await db.query(`DROP TABLE ${month}`); // it was not there then
    }
    for (const table of [orders, ...months, lineItems, userStats, userStaging]) {
      await db.query(`ALTER TABLE ${table} SET LOGGED`, undefined, LONG);
      await db.query(`ALTER TABLE ${table} RESET (autovacuum_enabled); ANALYZE ${table}`, undefined, LONG);
      await db.query(`ALTER TABLE ${table} SET SCHEMA ${into.schema}`);
    }
    await db.query('COMMIT', undefined, LONG);
  } catch (error) {
    await db.rollback();
    throw error;
  }
}
