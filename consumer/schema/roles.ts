/** The three roles of a database, and what each may do: the one list that the printed SQL and `doctor` go by. Pure. */
import { UsageError } from '../../shared/errors.js';
import { isOneLine } from '../../shared/printable.js';
import { ANALYSTS, quote, type Tables } from './tables.js';

export interface Roles {
  /** Owns schemas and tables: migrations, month tables, rebuilds, forgetting, the move to a copy of the topic. */
  owner: string;
  /** Workers and whoever runs them: consume, load, merge, rejects, status, verify and what else only fills and reads. */
  loader: string;
  /** Analysts. */
  reader: string;
}

export type Right = 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE';

/** Rights on a relation, which is called as statements call it. */
export interface Grant {
  on: string;
  rights: readonly Right[];
}

/** On the database. Temporary tables: verify and preview put the rows of a drop beside those of the tables. */
export const LOADER_ON_DATABASE = ['CONNECT', 'TEMPORARY'] as const;
/** CREATE: a rebuild's copy has a schema of its own. */
export const OWNER_ON_DATABASE = ['CONNECT', 'CREATE', 'TEMPORARY'] as const;

/** What a loader may do with each relation, and no more: a test takes them away one by one. A month has what `orders` has. */
export function loaderGrants(t: Tables): Grant[] {
  const grants: [string, ...Right[]][] = [
    [t.migrations, 'SELECT'],
    [t.topics, 'SELECT', 'INSERT', 'UPDATE'],
    [t.positions, 'SELECT', 'INSERT', 'UPDATE'],
    [t.batches, 'SELECT', 'INSERT'],
    [t.drops, 'SELECT', 'INSERT', 'UPDATE'],
    [t.publishedFiles, 'SELECT', 'INSERT'],
    [t.dropFiles, 'SELECT', 'INSERT'],
    [t.dropFields, 'SELECT', 'INSERT', 'UPDATE'],
    [t.books, 'SELECT', 'INSERT', 'UPDATE'],
    [t.knownOrders, 'SELECT', 'INSERT'],
    [t.conflictingOrders, 'SELECT', 'INSERT'],
    [t.conflicts, 'SELECT'],
    [t.rejects, 'SELECT', 'INSERT', 'UPDATE'],
    [t.merges, 'SELECT', 'INSERT'],
    [t.userNewest, 'SELECT', 'INSERT', 'UPDATE'],
    [t.rebuildDue, 'SELECT'],
    // who is to be forgotten; what was loaded of them before is the owner's to empty or remove
    [t.forgottenUsers, 'SELECT', 'INSERT', 'UPDATE'],
    [t.orders, 'SELECT', 'INSERT'],
    [t.lineItems, 'SELECT', 'INSERT'],
    [t.userStats, 'SELECT', 'INSERT', 'UPDATE'],
    [t.userStaging, 'SELECT', 'INSERT', 'DELETE'],
  ];
  return grants.map(([on, ...rights]) => ({ on, rights }));
}

/** What migration 0008 has opened to everybody: of the program's own tables and views those without a value of an order. */
function openRelations(t: Tables): string[] {
  return [t.drops, t.books, t.dropFiles, t.knownOrders, t.publishedFiles, t.dropBooks, t.freshness, t.rejectsByReason, t.conflicts];
}

/** The analysts' tables, and what is documented for them of the program's own. */
export function readerGrants(t: Tables): Grant[] {
  return [t.orders, t.lineItems, t.userStats, t.userStaging, ...openRelations(t)].map(on => ({ on, rights: ['SELECT'] }));
}

export function grantSql({ on, rights }: Grant, role: string): string {
  return `GRANT ${rights.join(', ')} ON ${on} TO ${quote(role)};`;
}

/** @throws UsageError for a name that Postgres would not take as it is, or take for something else */
export function checkRoles(roles: Roles): void {
  for (const [flag, name] of Object.entries(roles)) {
    const refuse = (why: string) => new UsageError(`--${flag}: ${why}`, { hint: 'give the name of a role' });
    if (name === '') throw refuse('is empty');
    if (!isOneLine(name)) throw refuse('holds a control character');
    if (Buffer.byteLength(name) > 63) throw refuse(`"${name}" is longer than 63 bytes`);
    // "public" means everybody to GRANT even in quotes
    if (/^(public|none|pg_.*)$/i.test(name)) throw refuse(`"${name}" means something of its own to Postgres`);
  }
  if (new Set(Object.values(roles)).size < 3) throw new UsageError('--owner, --loader and --reader are three roles');
}

/** Quotes text as a literal, whatever standard_conforming_strings is. */
function literal(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes('\\') ? ` E${quoted.replaceAll('\\', '\\\\')}` : quoted;
}

/** A block of PL/pgSQL, between dollars that nothing within can end. */
function block(body: string): string {
  let tag = '$do$';
  for (let n = 1; body.includes(tag); n++) tag = `$do${n}$`;
  return `DO ${tag}\nBEGIN\n${body}\nEND ${tag};`;
}

/**
 * SQL for a DBA to read and run, connected to the database as a superuser; it may be run again. What names hold is quoted.
 *
 * @throws UsageError when a name cannot be that of a role
 */
export function rolesSql(database: string, t: Tables, roles: Roles): string {
  checkRoles(roles);
  if (!isOneLine(database)) throw new UsageError('the name of the database holds a control character'); // it stands in comments
  const [owner, loader, reader] = [quote(roles.owner), quote(roles.loader), quote(roles.reader)];
  const [db, analysts, own] = [quote(database), t.schema, t.home];
  const make = (name: string) =>
    `  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ${literal(name)}) THEN CREATE ROLE ${quote(name)} LOGIN; END IF;`;
  const both = `${loader}, ${reader}`;
  return `-- Three roles of glossier in the database ${db}. Read this, then run it as a superuser who is connected to that database. It may be run again, and is to
-- be after an upgrade and after a rebuild that has made tables anew.
--   ${owner} owns schemas and tables: schema --migrate, rebuild, forget, copy-topic --move
--   ${loader} fills the tables: consume, load, merge, rejects, status, verify, preview, why, diff, doctor
--   ${reader} reads what is for analysts: GRANT ${reader} TO somebody;
-- No role has a password yet: ALTER ROLE ${loader} PASSWORD '…'; (or \\password in psql). Where the tables are there already, let --owner name their owner.

-- Part 1: roles and schemas.
BEGIN;
${block(`  IF current_database() <> ${literal(database)} THEN RAISE EXCEPTION 'this is the database %, not %', current_database(), ${literal(database)}; END IF;
${[roles.owner, roles.loader, roles.reader].map(make).join('\n')}`)}
GRANT ${OWNER_ON_DATABASE.join(', ')} ON DATABASE ${db} TO ${owner};
GRANT ${LOADER_ON_DATABASE.join(', ')} ON DATABASE ${db} TO ${loader};
GRANT CONNECT ON DATABASE ${db} TO ${reader};
-- Everybody may connect and make temporary tables, as Postgres sets it up. Where the database is for this alone: REVOKE ALL ON DATABASE ${db} FROM PUBLIC;
CREATE SCHEMA IF NOT EXISTS ${own} AUTHORIZATION ${owner};
CREATE SCHEMA IF NOT EXISTS ${analysts};
GRANT USAGE, CREATE ON SCHEMA ${analysts} TO ${owner};
REVOKE CREATE ON SCHEMA ${analysts} FROM PUBLIC; -- before Postgres 15 everybody may make tables in "public"
REVOKE ALL ON SCHEMA ${own} FROM ${both};
REVOKE ALL ON SCHEMA ${analysts} FROM ${both};
GRANT USAGE ON SCHEMA ${own} TO ${loader};
GRANT USAGE ON SCHEMA ${analysts} TO ${loader};
GRANT USAGE ON SCHEMA ${own} TO ${reader};
GRANT USAGE ON SCHEMA ${analysts} TO ${reader};
COMMIT;

-- Part 2: what the roles may do with the tables. These must be there: run glossier schema --migrate as ${owner}, then all of this once more.
BEGIN;
${block(`  IF to_regprocedure(${literal(`${t.makeMonth}(text)`)}) IS NULL THEN
    RAISE EXCEPTION 'the tables are not there, or those of an earlier version: run "glossier schema --migrate" as the owner, then this once more';
  END IF;
  IF EXISTS (SELECT FROM pg_class WHERE oid = ${literal(t.orders)}::regclass AND NOT pg_has_role(${literal(roles.owner)}, relowner, 'USAGE')) THEN
    RAISE EXCEPTION 'the tables belong to another role: let --owner name that, or REASSIGN OWNED BY it';
  END IF;`)}
-- Nobody but the roles; a migration opens to everybody what holds no value of an order.
REVOKE ALL ON SCHEMA ${own} FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA ${own} FROM PUBLIC, ${both};
REVOKE ALL ON ${Object.values(ANALYSTS)
    .map(name => `${analysts}.${name}`)
    .join(', ')} FROM ${both};
${loaderGrants(t)
  .map(g => grantSql(g, roles.loader))
  .join('\n')}
-- Month tables are made by this function, which runs as its owner. A new month has the rights of orders, so ALTER DEFAULT PRIVILEGES is not needed.
GRANT EXECUTE ON FUNCTION ${t.makeMonth}(text) TO ${loader};
${readerGrants(t)
  .map(g => grantSql(g, roles.reader))
  .join('\n')}
-- The months that are there.
SELECT ${t.copyGrants}(inhparent::regclass, inhrelid::regclass) FROM pg_inherits WHERE inhparent = ${literal(t.orders)}::regclass;
COMMIT;`;
}
