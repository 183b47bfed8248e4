/** The least SQL that gives a user what the program needs: pure. */
import { quote } from '../schema/tables.js';

export interface Wanted {
  user: string;
  database: string;
  /** The analysts' schema. */
  schema: string;
  /** The user is not there yet. */
  makeUser?: boolean;
  /** Owners of tables of the program, others than this user. */
  owners?: readonly string[];
  /** The program's own schema, where it is there, and may be another's. */
  ownSchema?: string;
}

/**
 * CREATE on the database is for the schema of the program's own tables, and the one that a rebuild has its copy in; TEMPORARY for a rebuild. Tables
 * belong to whom makes them, and only the owner may alter them in a migration, so a table of somebody else needs membership in that role.
 */
export function leastRights({ user, database, schema, makeUser = false, owners = [], ownSchema }: Wanted): string[] {
  const who = quote(user);
  return [
    ...(makeUser
      ? [`CREATE ROLE ${who} LOGIN PASSWORD '…';`, `CREATE DATABASE ${quote(database)} ENCODING 'UTF8' TEMPLATE template0;`]
      : []),
    `GRANT CONNECT, CREATE, TEMPORARY ON DATABASE ${quote(database)} TO ${who};`,
    ...(makeUser ? [`\\c ${quote(database)}`] : []),
    `GRANT USAGE, CREATE ON SCHEMA ${quote(schema)} TO ${who};`,
    ...(ownSchema !== undefined ? [`GRANT USAGE, CREATE ON SCHEMA ${quote(ownSchema)} TO ${who};`] : []),
    ...owners.map(owner => `GRANT ${quote(owner)} TO ${who};`),
  ];
}
