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
    guarantee: '4.5',
    without: 'the batches asked who was loaded first',
    file: 'consumer/rebuild/contested.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the text of a source
    edits: [["AND (f.drop_id = g.drop_id OR ${loadedAt('k')} <= ${loadedAt('w')} + interval '${OVERLAP}')", 'AND f.drop_id = g.drop_id']],
    test: 'guarantees/rebuild-claims',
    fails: 'a line item that an order of a later drop has',
  },
  {
    guarantee: '4.6',
    without: 'the differences applied in one transaction',
    file: 'consumer/rebuild/apply.ts',
    // biome-ignore-start lint/suspicious/noTemplateCurlyInString: it is the text of a source
    edits: [
      [
        "  for (let at = relations.length - 1; at >= 0; at--) await run(at, 'remove', found[at].removed);\n",
        "  for (let at = relations.length - 1; at >= 0; at--) await run(at, 'remove', found[at].removed);\n  for (const at of relations.keys()) await db.query(`CREATE TEMP TABLE kept_${at} AS TABLE differing_${at}`);\n  await db.query('COMMIT; SELECT pg_sleep(0.3); BEGIN');\n  for (const at of relations.keys()) await db.query(`ALTER TABLE kept_${at} RENAME TO differing_${at}`);\n",
      ],
    ],
    // biome-ignore-end lint/suspicious/noTemplateCurlyInString: it is the text of a source
    test: 'guarantees/rebuild',
    fails: 'whatever was done to the tables a rebuild sets it right',
  },
  {
    guarantee: '4.6',
    without: 'the lock on the positions',
    file: 'consumer/rebuild/settle.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the text of a source
    edits: [['ORDER BY partition FOR ${strength}`', 'ORDER BY partition`']],
    test: 'guarantees/rebuild-locked',
    fails: 'no worker moves on',
  },
  {
    guarantee: '4.8',
    without: 'the sweep of an abandoned copy',
    file: 'consumer/rebuild/rebuild.ts',
    edits: [['await dropCopy(guard, this.#live);\n      try', 'try']],
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
    guarantee: '4.16',
    without: 'the marks of the migration',
    file: 'consumer/schema/sql/0006_rebuild_due.sql',
    edits: [['SELECT $1, $2 WHERE EXISTS', 'SELECT $1, $2 WHERE false AND EXISTS']],
    test: 'guarantees/upgrade',
    fails: 'tables of the first version, filled',
  },
  {
    guarantee: '4.17',
    without: 'the tables held against those that the migrations make',
    file: 'consumer/rebuild/rebuild.ts',
    edits: [['this.#faults = await examine(', 'this.#faults = await (async (..._: unknown[]) => [] as Fault[])(']],
    test: 'guarantees/rebuild-structure',
    fails: 'tables, columns, types, keys and rules',
  },
  {
    guarantee: '4.18',
    without: 'the check whether the tables hold orders of other topics',
    file: 'consumer/rebuild/rebuild.ts',
    edits: [['if (others.length > 0 && !acceptTopic)', 'if (others.length > 1e9)']],
    test: 'guarantees/rebuild-parts',
    fails: 'a topic that was made anew is refused',
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
