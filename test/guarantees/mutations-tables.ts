/** The protections of what is made of whole tables, the merge and the rebuild: see mutations.ts. */
import type { Mutation } from './mutations.js';

const MERGE = 'consumer/merge/merge-users.ts';

export const TABLE_MUTATIONS: readonly Mutation[] = [
  {
    guarantee: '2.9',
    without: 'the id among equal instants',
    file: MERGE,
    edits: [
      ['(f.max_processed_at, f.newest_order_id) > (k.processed_at, k.order_id) AS newer', 'f.max_processed_at > k.processed_at AS newer'],
    ],
    test: 'guarantees/newest',
    fails: 'three loads in every order',
  },
  {
    guarantee: '2.9',
    without: 'nulls of the newest order',
    file: MERGE,
    edits: [['THEN f.contact_email ELSE', 'THEN coalesce(f.contact_email, u.contact_email) ELSE']],
    test: 'guarantees/newest',
    fails: 'three loads in every order',
  },
  {
    guarantee: '2.10',
    without: 'one merge at a time',
    file: MERGE,
    edits: [["await db.query('SELECT pg_advisory_xact_lock($1, hashtext($2))', [LOCK, tables.analysts], 10 * 60_000);", 'void LOCK;']],
    test: 'guarantees/merge',
    fails: 'a merge begins when the one before has committed',
  },
  {
    guarantee: '2.10',
    without: 'rows taken by the statement that folds them',
    file: MERGE,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the text of a source
    edits: [['  return { staged:', '  await db.query(`DELETE FROM ${userStaging}`);\n  return { staged:']],
    test: 'guarantees/merge',
    fails: 'merges at once, during a load',
  },
  {
    guarantee: '4.5',
    without: 'the order of publication in the replay',
    file: 'consumer/intake/topic-reader.ts',
    edits: [['(this.#time(b) < this.#time(a) ? b : a)', '(this.#time(b) < this.#time(a) ? a : b)']],
    test: 'integration/rebuild',
    fails: 'a rebuild brings damaged tables',
  },
  {
    guarantee: '4.5',
    without: 'contested line items left to whom they were',
    file: 'consumer/rebuild/rebuild.ts',
    edits: [['await this.#contested.settle(db);', '']],
    test: 'integration/rebuild',
    fails: 'a rebuild brings damaged tables',
  },
  {
    guarantee: '4.8',
    without: 'the sweep of an abandoned copy',
    file: 'consumer/rebuild/rebuild.ts',
    edits: [['await dropCopy(guard);\n      try', 'try']],
    test: 'guarantees/rebuild-killed',
    fails: 'of two rebuilds the second says so',
  },
  {
    guarantee: '4.8',
    without: 'the lock on rebuilds',
    file: 'consumer/rebuild/copy-schema.ts',
    edits: [["if (rows[0].free === 't') return;", "if (rows[0].free !== '') return;"]],
    test: 'guarantees/rebuild-killed',
    fails: 'of two rebuilds the second says so',
  },
  {
    guarantee: '4.11',
    without: 'the exact limits of the replay',
    file: 'consumer/intake/topic-reader.ts',
    edits: [
      ['message === undefined || message.offset >= limit', 'message === undefined'],
      ['Math.min(limit, fetched.messages[fetched.taken]?.offset ?? fetched.to)', 'fetched.messages[fetched.taken]?.offset ?? fetched.to'],
    ],
    test: 'guarantees/rebuild-parts',
    fails: 'the tables as they were stand',
  },
  {
    guarantee: '4.12',
    without: 'settled rejects told apart in the comparison',
    file: 'consumer/rebuild/relations.ts',
    edits: [["      pairs: '(c.kind IS NOT NULL OR l.settled IS NULL)',\n", '']],
    test: 'guarantees/rebuild-retry',
    fails: 'rejects that were loaded by a retry stay so',
  },
];
