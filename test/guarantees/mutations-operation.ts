/** Protections of running the program for years; see mutations.ts. */
import type { Mutation } from './mutations.js';

export const OPERATION_MUTATIONS: readonly Mutation[] = [
  {
    guarantee: '8.1',
    without: 'the service that PGSERVICE names',
    file: 'shared/postgres-url.ts',
    edits: [['const service = url.service ?? (env.PGSERVICE || undefined);', 'const service = url.service;']],
    test: 'unit/shared/postgres-url',
    fails: 'a URL goes before the service, that before the environment, and that before the defaults',
  },
  {
    guarantee: '8.2',
    without: 'the second way of connectPostgres',
    file: 'consumer/load/connect-postgres.ts',
    edits: [['if (n === 0 && ways.length > 1 && isOfTheWay(error)) continue;', '']],
    test: 'integration/postgres-address',
    fails: 'sslmode means what it means to libpq: without TLS, with it, and where a rule wants one of them',
  },
  {
    guarantee: '8.3',
    without: 'the mask over the password',
    file: 'cli/commands/settings.ts',
    edits: [["name === 'password' ? HIDDEN : p.value", 'p.value']],
    test: 'integration/postgres-address',
    fails: 'settings shows each value with its source, masks every secret, and tells all faults at once',
  },
  {
    guarantee: '8.5',
    without: 'the right to make schemas',
    file: 'consumer/doctor/privileges.ts',
    edits: [['`GRANT CONNECT, CREATE, TEMPORARY ON', '`GRANT CONNECT, TEMPORARY ON']],
    test: 'integration/doctor',
    fails: 'each thing that can be broken in Postgres is told by its check, and the SQL that it prints is enough for everything',
  },
  {
    guarantee: '8.6',
    without: 'the names that migrations had',
    file: 'consumer/schema/migrate.ts',
    edits: [["{ '0002_rejects_of_a_file': '0004_rejects_of_a_file' }", '{}']],
    test: 'integration/upgrades',
    fails: 'a filled database of every schema that there ever was is upgraded in place, loads on, and keeps what analysts added',
  },
  {
    guarantee: '8.7',
    without: 'the look for tables elsewhere',
    file: 'consumer/schema/migrate.ts',
    edits: [['    await refuseOther(client, tables);\n', '']],
    test: 'integration/upgrades',
    fails:
      'a database of a newer version, or whose tables are in another schema, is refused in one line by every command that would use it',
  },
  {
    guarantee: '8.8',
    without: 'the counts of the line before',
    file: 'consumer/period-report.ts',
    edits: [['    this.#before = sum;\n', '']],
    test: 'unit/consumer/period-report',
    fails: 'a line tells what has come since the one before, the lag of the last look, and the rate',
  },
  {
    guarantee: '8.11',
    without: 'the end of a fetch at its second megabyte',
    file: 'shared/fetched-records.ts',
    edits: [["if (before > MOST_UNPACKED) throw endHere('enough of this partition');", 'void MOST_UNPACKED;']],
    test: 'unit/shared/fetched-records',
    fails: 'a part of a fetch that unpacks to very much',
  },
  {
    guarantee: '8.12',
    without: 'the end at a refusal of TLS',
    file: 'shared/kafka-outage.ts',
    edits: [['if (isTlsRefusal(code)) return false;', 'void isTlsRefusal;']],
    test: 'integration/kafka-security',
    fails: 'what is wrong with certificates and proofs',
  },
];
