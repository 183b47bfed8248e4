/** What the facts about Postgres mean: pure. */
import type { TopicOffsets } from '../../shared/kafka.js';
import type { Settings } from '../../shared/settings.js';
import { quote, Tables } from '../schema/tables.js';
import { advice, type Finding, many, ok, problem, unknown } from './finding.js';
import type { KafkaFacts } from './kafka-facts.js';
import type { PostgresFacts } from './postgres-facts.js';
import { leastRights } from './privileges.js';

/** The oldest major version that the tests were run on. */
const OLDEST = 13;
/** Of a worker; the commands take one or two for a moment. */
const CONNECTIONS_OF_A_WORKER = 5;
const GIGABYTE = 1e9;
/** Seconds. A worker's transaction lasts one, a merge or a rebuild's last step minutes. */
const LONG_TRANSACTION = 3600;
const CLOCK_ODD = 5_000;
const CLOCK_WRONG = 60_000;

type Names = Pick<Settings, 'topic' | 'databaseSchema' | 'ownSchema'>;
/** The place that the settings name: what to write SQL for where the server tells nothing. */
export interface Asked {
  host: string;
  user: string;
  database: string;
}
type Facts = PostgresFacts | { error: { code: string; words: string } };

export function checkPostgres(facts: Facts, settings: Names, asked: Asked): Finding[] {
  if (facts.error !== null) return [unreachable(facts.error, settings, asked)];
  const f = facts as PostgresFacts;
  return [
    ok('postgres.reach', `Postgres answers: database "${f.database}" as "${f.user}" on ${asked.host}`),
    checkVersion(f),
    checkTls(f, asked),
    checkRights(f, settings),
    checkSchema(f, settings),
    checkWrites(f),
    checkConnections(f),
    checkTransactions(f),
    checkDisk(f),
    checkClock(f),
  ];
}

function unreachable({ code, words }: { code: string; words: string }, { databaseSchema }: Names, { user, database }: Asked): Finding {
  const sql = ['What the program needs, as a superuser:', ...leastRights({ user, database, schema: databaseSchema, makeUser: true })];
  const todo =
    code.startsWith('28') || code === '3D000' || code === '42501'
      ? sql
      : ['Check DATABASE_URL, that the server runs, and what lies between'];
  return problem('postgres.reach', `Postgres cannot be used: ${words}`, ...todo);
}

function checkVersion({ version, encoding }: PostgresFacts): Finding {
  const check = 'postgres.version';
  const major = Math.floor(version / 10_000);
  if (major < OLDEST)
    return problem(check, `Postgres is version ${major}: ${OLDEST} is the oldest that this program was tested on`, 'Update Postgres');
  if (encoding !== 'UTF8')
    return problem(
      check,
      `The database is encoded in ${encoding}: it cannot hold every order`,
      "Make one with ENCODING 'UTF8' TEMPLATE template0",
    );
  return ok(check, `Postgres is version ${major}, the database in UTF-8`);
}

function checkTls({ tls }: PostgresFacts, { host }: Asked): Finding {
  const check = 'postgres.tls';
  if (tls) return ok(check, 'The connection to Postgres is encrypted');
  if (/^(localhost|127\..*|::1|\/.*)$/.test(host)) return ok(check, 'The connection to Postgres does not leave this machine');
  return advice(
    check,
    `The connection to Postgres on ${host} is not encrypted`,
    'Set sslmode=verify-full and sslrootcert, if the way there is not your own',
  );
}

function checkRights(f: PostgresFacts, names: Names): Finding {
  const check = 'postgres.rights';
  const { databaseSchema, ownSchema } = names;
  const { rights, user, database, loader } = f;
  if (loader.monthsAreMade === false)
    return problem(
      check,
      'A new month cannot be made: the function for that belongs to a role that may not make tables beside "orders"',
      `Its owner must own orders and have CREATE on the schema "${databaseSchema}": ALTER FUNCTION ${Tables.of(names).makeMonth}(text) OWNER TO …;`,
    );
  if (!loader.owns) return checkLoader(f);
  const missing: string[] = [];
  if (!rights.createSchemas && !rights.own.there) missing.push('to make its schema');
  if (!rights.createSchemas && !rights.analysts.there) missing.push(`to make the schema "${databaseSchema}"`);
  if (!rights.temporary) missing.push('to make temporary tables');
  if (rights.own.there && !(rights.own.usage && rights.own.create)) missing.push('to make tables in its own schema');
  if (rights.analysts.there && !(rights.analysts.usage && rights.analysts.create)) missing.push(`to make tables in "${databaseSchema}"`);
  if (f.strangeOwners.length > 0) missing.push(`over tables of ${f.strangeOwners.map(o => `"${o}"`).join(', ')}`);
  const sql = leastRights({
    user,
    database,
    schema: databaseSchema,
    owners: f.strangeOwners,
    ownSchema: rights.own.there ? ownSchema : undefined,
  });
  if (missing.length > 0) return problem(check, `"${user}" lacks the right ${missing.join(', ')}`, 'As a superuser:', ...sql);
  if (!rights.createSchemas)
    return advice(check, `"${user}" may load, and may not make schemas, which a rebuild does`, 'As a superuser:', ...sql);
  return ok(check, `"${user}" has the rights that it needs`);
}

/** Of a user who loads into tables of another: each right by itself. */
function checkLoader({ loader, rights, user, database }: PostgresFacts): Finding {
  const check = 'postgres.rights';
  const lacks = [...loader.lacks];
  if (!rights.temporary)
    lacks.push({ words: 'to make temporary tables', sql: `GRANT TEMPORARY ON DATABASE ${quote(database)} TO ${quote(user)};` });
  if (lacks.length === 0)
    return ok(check, `"${user}" has the rights that a loader needs; the tables belong to "${loader.owner}", who migrates and rebuilds`);
  return problem(
    check,
    `"${user}" lacks the right ${lacks.map(l => l.words).join('; ')}`,
    `As a superuser or "${loader.owner}" (glossier schema --roles prints it all):`,
    ...lacks.map(l => l.sql),
  );
}

function checkSchema(f: PostgresFacts, { databaseSchema }: Names): Finding {
  const check = 'postgres.schema';
  if (f.applied === null) return ok(check, 'The tables are not there yet; the first command makes them');
  const newer = f.applied.filter(name => !f.known.includes(name));
  if (newer.length > 0)
    return problem(check, `A newer version has migrated the database: ${newer.join(', ')}`, 'Run that version, or a later one');
  if (f.tablesElsewhere.length > 0)
    return problem(
      check,
      `The tables are in ${f.tablesElsewhere.map(s => `"${s}"`).join(', ')}, and DATABASE_SCHEMA is "${databaseSchema}"`,
      'Set DATABASE_SCHEMA to that, or use another database',
    );
  const due = f.known.filter(name => !f.applied!.includes(name));
  if (due.length > 0 && !f.loader.owns)
    return f.applied.length === 0
      ? unknown(check, `"${f.user}" may not read which tables there are`, 'See the rights')
      : problem(
          check,
          `The tables are older than this version, and "${f.user}" may not migrate them: ${due.join(', ')}`,
          `glossier schema --migrate as "${f.loader.owner}"`,
        );
  if (due.length > 0)
    return advice(
      check,
      `The tables are older than this version; the next start migrates them: ${due.join(', ')}`,
      'See "Upgrades" in README.md for what may run on meanwhile',
    );
  return ok(check, `The tables are those of this version (${f.known.at(-1)})`);
}

function checkWrites({ readOnly }: PostgresFacts): Finding {
  const check = 'postgres.writes';
  if (readOnly)
    return problem(check, 'Postgres takes no writes: a standby, or default_transaction_read_only', 'Point DATABASE_URL at the primary');
  return ok(check, 'Postgres takes writes');
}

function checkConnections({ connectionsLeft }: PostgresFacts): Finding {
  const check = 'postgres.connections';
  const says = `${many(connectionsLeft, 'connection')} left for "worker"s, which take ${CONNECTIONS_OF_A_WORKER} each`.replace(
    '"worker"s',
    'workers',
  );
  const todo = 'Raise max_connections, or CONNECTION LIMIT of the user or database';
  if (connectionsLeft < CONNECTIONS_OF_A_WORKER) return problem(check, says, todo);
  if (connectionsLeft < 2 * CONNECTIONS_OF_A_WORKER) return advice(check, says, todo);
  return ok(check, says);
}

function checkTransactions({ transactions: { held, hidden } }: PostgresFacts): Finding {
  const check = 'postgres.transactions';
  const old = held.filter(h => h.seconds === null || h.seconds >= LONG_TRANSACTION);
  const since = (seconds: number | null) => (seconds === null ? 'for an unknown time' : `for ${(seconds / 3600).toFixed(1)} hours`);
  if (old.length > 0)
    return advice(
      check,
      `A transaction has been open for long: ${old.map(h => `${h.who} ${since(h.seconds)}`).join('; ')}. Until it ends the tables grow, user_stats above all`,
      'End it, and let idle_in_transaction_session_timeout of that user see to it:',
      ...old.map(h => h.end),
    );
  if (hidden > 0)
    return ok(
      check,
      `No transaction has been open for long, but for those of ${many(hidden, 'session')} that only pg_read_all_stats may see`,
    );
  return ok(check, 'No transaction has been open for long');
}

function checkDisk({ diskFree, size }: PostgresFacts): Finding {
  const check = 'postgres.disk';
  const gb = (bytes: number) => (bytes < GIGABYTE ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / GIGABYTE).toFixed(1)} GB`);
  if (diskFree === null) return ok(check, `The database has ${gb(size)}; how much is free there cannot be seen from this machine`);
  const says = `The database has ${gb(size)}, and ${gb(diskFree)} are free where it is`;
  if (diskFree < GIGABYTE) return problem(check, says, 'Make room: a server without any takes no writes');
  if (diskFree < size) return advice(check, says, 'A rebuild has a copy of the tables while it runs: make room for it');
  return ok(check, says);
}

function checkClock({ clockAhead }: PostgresFacts): Finding {
  const check = 'clock';
  const off = Math.abs(clockAhead);
  const says = `The clock of this machine and that of Postgres are ${(off / 1000).toFixed(1)} s apart`;
  const todo = 'Set both by NTP: times of drops, rejects and rebuilds come from either';
  if (off > CLOCK_WRONG) return problem(check, says, todo);
  return off > CLOCK_ODD ? advice(check, says, todo) : ok(check, says);
}

/** Whether the topic is the one of the tables and still holds what comes next. */
export function checkPositions(
  { topicId, offsets }: Pick<KafkaFacts, 'topicId' | 'offsets'>,
  facts: PostgresFacts,
  { topic }: Names,
): Finding {
  const check = 'positions';
  if (facts.topicId === null || facts.positions.size === 0) return ok(check, `Nothing of "${topic}" is in the tables yet`);
  if (topicId === null)
    return unknown(check, `The tables hold orders of "${topic}", which is not there or cannot be asked`, 'Is this the right Kafka?');
  if (topicId !== facts.topicId)
    return problem(
      check,
      `"${topic}" was deleted and made anew: it is not the topic of the tables`,
      'Is this the right Kafka? Else load it into an empty database',
    );
  const at = (o: TopicOffsets) => facts.positions.get(o.partition) ?? 0;
  const gone = offsets.filter(o => o.low > at(o)).map(o => o.partition);
  if (gone.length > 0)
    return problem(
      check,
      `Messages of partition ${gone.join(', ')} are gone before they were loaded`,
      'Restore them, or go on without them: glossier consume --accept-gap',
    );
  const short = offsets.filter(o => o.end < at(o)).map(o => o.partition);
  if (short.length > 0)
    return problem(
      check,
      `Partition ${short.join(', ')} ends before what the tables hold of it`,
      'Is this the right Kafka? Else: glossier rebuild',
    );
  const lag = offsets.reduce((n, o) => n + Math.max(0, o.end - at(o)), 0);
  return ok(check, `The topic and the tables belong together; ${many(lag, 'message')} to load`);
}
