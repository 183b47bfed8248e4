/** Where the program's own tables stand when nobody said so: in `glossier`, or in a schema beside it where that belongs to another deployment. */
import { createHash } from 'node:crypto';
import type { Database } from '../load/database.js';
import { OWN_SCHEMA, Tables } from './tables.js';

/** Characters of a name that are taken over; with its suffixes it must fit Postgres' 63 bytes. */
const MOST = 20;

/**
 * A second shop in a database differs in its schema and its topic. Where only the schema differs it is a mistake, that is left to migrate() to
 * refuse: the topic would be loaded a second time.
 */
export async function chooseOwnSchema(db: Database, analysts: string, topic: string): Promise<string> {
  const first = new Tables(analysts);
  const { rows } = await db.query('SELECT to_regprocedure($1)::text AS there', [`${first.analystsSchema}()`]);
  if (rows[0].there === null) return OWN_SCHEMA; // nobody's yet, or of a version that had one alone
  const other = await db.query(
    `SELECT ${first.analystsSchema}() <> $1 AND NOT EXISTS (SELECT FROM ${first.topics} WHERE topic = $2) AS another`,
    [analysts, topic],
  );
  return other.rows[0].another === 't' ? ownSchemaOf(analysts) : OWN_SCHEMA;
}

/** `glossier_eu` for the schema `eu`; of names that cannot be told by their plain letters with a hash behind. Pure. */
export function ownSchemaOf(analysts: string): string {
  const plain = analysts
    .toLowerCase()
    .replaceAll(/[^a-z0-9_]/g, '_')
    .slice(0, MOST);
  const exact = plain === analysts && !/_rebuild(_shape)?$/.test(plain);
  return `${OWN_SCHEMA}_${plain}${exact ? '' : `_${createHash('sha256').update(analysts).digest('hex').slice(0, 8)}`}`;
}
