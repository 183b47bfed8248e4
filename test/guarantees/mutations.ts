/**
 * The protections, each taken out of the program by a small change of its source, and the test that must fail then. `mutate.ts` beside
 * this file does it; the guards check that every change still fits the source.
 */
import { FORGET_MUTATIONS } from './mutations-forget.js';
import { OPERATION_MUTATIONS } from './mutations-operation.js';
import { PRODUCER_MUTATIONS } from './mutations-producer.js';

import { REJECT_MUTATIONS } from './mutations-rejects.js';
import { TABLE_MUTATIONS } from './mutations-tables.js';

export interface Mutation {
  /** Number of the guarantee. */
  guarantee: string;
  /** What the changed program lacks. */
  without: string;
  file: string;
  /** Text that stands once in the file, and what takes its place; several times for a protection that stands twice. */
  edits: readonly (readonly [from: string, to: string])[];
  /** As `npm test` takes it, without `.test.ts`. */
  test: string;
  /** Part of the name of the test that fails. */
  fails: string;
}

const LOADER = 'consumer/load/loader.ts';
const POSITIONS = 'consumer/load/positions.ts';
const CONSUMER = 'consumer/intake/order-consumer.ts';
const LOAD = 'consumer/load/load-batch.ts';

export const MUTATIONS: readonly Mutation[] = [
  {
    guarantee: '1.5',
    without: 'the careful way after a unique violation',
    file: LOADER,
    edits: [["reaction === 'duplicate' && tries++ < MOST_TRIES", "reaction === 'duplicate' && tries++ < 0"]],
    test: 'guarantees/once',
    fails: 'of one id twice in a batch',
  },
  {
    guarantee: '3.3',
    without: 'compare and set of the position',
    file: POSITIONS,
    edits: [['AND p.next_offset = n.from_offset AND t.topic', 'AND t.topic']],
    test: 'guarantees/fence',
    fails: 'of two workers that load from one position',
  },
  {
    guarantee: '3.3',
    without: 'the count of moved positions',
    file: POSITIONS,
    edits: [['return rowCount === segments.length;', 'return rowCount !== 0;']],
    test: 'guarantees/fence',
    fails: 'of a batch of two partitions',
  },
  {
    guarantee: '3.3',
    without: "the topic's id in the fence",
    file: POSITIONS,
    edits: [['AND t.topic = $1 AND t.topic_id = $2`', "AND t.topic = $1 AND $2::text <> ''`"]],
    test: 'guarantees/fence',
    fails: 'still holds the old incarnation',
  },
  {
    guarantee: '3.4',
    without: 'position and rows in one transaction',
    file: LOAD,
    edits: [[`await db.query("SET LOCAL lock_timeout = '20s'");`, "await db.query('COMMIT; BEGIN');"]],
    test: 'guarantees/commit',
    fails: 'killed at any moment',
  },
  {
    guarantee: '3.4',
    without: 'the position moved at all before the rows are committed',
    file: LOAD,
    edits: [
      ['    committing = true;\n', "    await db.query('COMMIT; BEGIN');\n    await ledger.claim(db, batch);\n    committing = true;\n"],
      ['const claimed = await ledger.claim(db, batch)', 'const claimed = await Promise.resolve(true)'],
    ],
    test: 'guarantees/commit',
    fails: 'loses and doubles nothing',
  },
  {
    guarantee: '3.6',
    without: "the comparison of the topic's id at a start",
    file: POSITIONS,
    edits: [['if (rows[0].topic_id !== topicId) throw madeAnew(topic);', 'if (rows[0].topic_id === null) throw madeAnew(topic);']],
    test: 'guarantees/topic',
    fails: 'a topic that was deleted and made anew',
  },
  {
    guarantee: '3.6',
    without: "the comparison of the topic's id before each batch",
    file: 'consumer/topic-state.ts',
    edits: [['if (id !== this.id) throw madeAnew', 'if (id === null) throw madeAnew']],
    test: 'guarantees/topic',
    fails: 'a running worker ends when its topic is deleted',
  },
  {
    guarantee: '3.7',
    without: 'the comparison with the beginning of the topic',
    file: POSITIONS,
    edits: [['  if (position < low) {', '  if (position < low - 1e9) {']],
    test: 'guarantees/topic',
    fails: 'messages that are gone before they were loaded',
  },
  {
    guarantee: '3.7',
    without: 'the comparison with the end of the topic',
    file: POSITIONS,
    edits: [['  if (position > end) {', '  if (position > end + 1e9) {']],
    test: 'guarantees/topic',
    fails: 'a topic that ends before the position',
  },
  {
    guarantee: '3.15',
    without: 'the comparison of what arrives with what comes next',
    file: CONSUMER,
    edits: [['if (first > assigned.next || last < assigned.next) {', 'if (first < 0) {']],
    test: 'guarantees/topic',
    fails: 'a running worker whose next messages are gone',
  },
  {
    guarantee: '3.9',
    without: 'the start from the positions of Postgres rather than the group',
    file: CONSUMER,
    edits: [
      ['if (first > assigned.next || last < assigned.next) {', 'if (first < 0) {'],
      ['for (const partition of partitions) this.#consumer.seek({ topic, partition, offset: String(positions.get(partition)) });', ''],
    ],
    test: 'guarantees/restored',
    fails: 'a database restored from an earlier state',
  },
  {
    guarantee: '3.10',
    without: 'a look for new partitions every half minute',
    file: CONSUMER,
    edits: [['metadataMaxAge: 30_000', 'metadataMaxAge: 300_000']],
    test: 'guarantees/partitions',
    fails: 'takes up partitions that are added',
  },
  {
    guarantee: '3.11',
    without: 'the end at the second signal',
    file: 'shared/shutdown.ts',
    edits: [['    if (controller.signal.aborted) {', '    if (controller.signal.aborted && deadline < 0) {']],
    test: 'guarantees/signals',
    fails: 'a second signal ends the program at once',
  },
  {
    guarantee: '3.11',
    without: 'the orderly stop of a worker',
    file: 'shared/shutdown.ts',
    edits: [['    controller.abort(name);', '    setImmediate(() => process.exit(1));']],
    test: 'guarantees/signals',
    fails: 'SIGTERM in the middle of a load ends a worker with 0',
  },
  {
    guarantee: '3.12',
    without: 'the end at faults that only a person can mend',
    file: 'consumer/load/link.ts',
    edits: [
      [
        "if (reaction === 'stop') return this.#worked ? PATIENCE_WITH_PEOPLE : false;",
        "if (reaction === 'stop') return PATIENCE_WITH_PEOPLE;",
      ],
    ],
    test: 'guarantees/start',
    fails: 'a wrong password, a missing database',
  },
  {
    guarantee: '3.13',
    without: 'the waiting for Postgres',
    file: 'consumer/load/link.ts',
    edits: [["return reaction === 'wait';", 'return false;']],
    test: 'guarantees/outages',
    fails: 'a load outlasts Postgres and then Kafka',
  },
  {
    guarantee: '3.14',
    without: "the statement's own failure in a migration",
    file: 'consumer/schema/migrate.ts',
    edits: [['throw failure ?? error;', 'throw error;']],
    test: 'guarantees/migrate',
    fails: 'a migration that is cut off',
  },
  {
    guarantee: '3.16',
    without: 'the deadline of each answer of Postgres',
    file: 'consumer/load/database.ts',
    edits: [['      }, milliseconds);', '      }, 2 ** 30);']],
    test: 'guarantees/outages',
    fails: 'connections that lose every byte',
  },
  {
    guarantee: '3.16',
    without: 'the end of a connection to Kafka on which nothing is answered',
    file: 'shared/kafka.ts',
    edits: [
      ['return endWhenSilent(socket, requestTimeout);', 'return requestTimeout > 0 ? socket : endWhenSilent(socket, requestTimeout);'],
    ],
    test: 'guarantees/outages',
    fails: 'connections that lose every byte',
  },
  {
    guarantee: '3.17',
    without: 'the end of transactions whose worker sleeps',
    file: LOAD,
    edits: [
      [
        'if (errorCode(error) === LOCK_TIMEOUT) await endStuckWorkers(db, ledger.tables);',
        'void [errorCode, LOCK_TIMEOUT, endStuckWorkers];',
      ],
    ],
    test: 'guarantees/suspended',
    fails: 'sleeps in the middle of a COPY',
  },
  {
    guarantee: '3.18',
    without: 'the watchdog',
    file: 'consumer/stall-watch.ts',
    edits: [['else if (now - last.at > this.timeout) {', 'else if (now < last.at) {']],
    test: 'guarantees/stall',
    fails: 'a position that stands still',
  },
  {
    guarantee: '3.18',
    without: 'the end of a worker whose consumer has ended',
    file: CONSUMER,
    edits: [['this.#fail(new ServiceError(`the Kafka consumer ended', 'void (new ServiceError(`the Kafka consumer ended']],
    test: 'guarantees/stall',
    fails: 'a consumer that kafkajs ends for good',
  },
  {
    guarantee: '3.19',
    without: "the server's count of the rows of a COPY",
    file: LOAD,
    edits: [['  if (taken !== text.rows)\n', '  if (taken < 0)\n']],
    test: 'guarantees/once',
    fails: 'a row that a trigger swallows',
  },
  {
    guarantee: '3.20',
    without: 'the position held against the batches',
    file: POSITIONS,
    edits: [['  if (rows.length === 0) return;\n  const [{ partition', '  if (rows.length >= 0) return;\n  const [{ partition']],
    test: 'guarantees/topic',
    fails: 'a position that was set by hand',
  },
  {
    guarantee: '3.21',
    without: 'the positions as they were before the broker was asked',
    file: POSITIONS,
    edits: [['before.get(partition) ?? 0, 0, end)', 'positions.get(partition)!, 0, end)']],
    test: 'guarantees/fence',
    fails: 'an end that the broker told of before',
  },
  {
    guarantee: '4.2',
    without: 'repeats told from bypassed orders',
    file: 'consumer/load/books.ts',
    edits: [['o.index >= 0 && o.index <= last &&', 'o.index < 0 && o.index <= last &&']],
    test: 'guarantees/repeats',
    fails: 'what was published twice counts once',
  },
  ...REJECT_MUTATIONS,
  ...PRODUCER_MUTATIONS,
  ...TABLE_MUTATIONS,
  ...OPERATION_MUTATIONS,
  ...FORGET_MUTATIONS,
];
