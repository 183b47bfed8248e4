/** The protections around rejects; mutations.ts holds the others and says what each field means. */
import type { Mutation } from './mutations.js';

export const REJECT_MUTATIONS: readonly Mutation[] = [
  {
    guarantee: '5.6',
    without: 'the books that move with a retry',
    file: 'consumer/load/reject-ledger.ts',
    edits: [['await writeBooks(db, this.tables, tallyRetries(outcomes));', 'void [writeBooks, tallyRetries];']],
    test: 'guarantees/retry',
    fails: 'the books move with it',
  },
  {
    guarantee: '5.8',
    without: 'the number of tries in the claim on rejects',
    file: 'consumer/load/reject-ledger.ts',
    edits: [
      ['ON n.id = r.id AND n.tries = r.tries\n', 'ON n.id = r.id\n'],
      ['WHERE r.settled IS NULL ORDER BY', 'ORDER BY'],
    ],
    test: 'guarantees/retry',
    fails: 'two retries and a worker',
  },
  {
    guarantee: '5.9',
    without: 'the halves of a piece of which no row is named',
    file: 'consumer/load/pieces.ts',
    edits: [['      put(from + size, to);\n', '']],
    test: 'unit/consumer/load/pieces',
    fails: 'whatever is refused, named or not',
  },
  {
    guarantee: '5.9',
    without: 'constraints that speak up at once',
    file: 'consumer/load/pieces.ts',
    edits: [['SET CONSTRAINTS ALL IMMEDIATE; ', '']],
    test: 'guarantees/refused',
    fails: 'stop no neighbour',
  },
  {
    guarantee: '5.10',
    without: 'the look at what is refused before a COMMIT',
    file: 'consumer/load/loader.ts',
    edits: [['              breaker?.check(batch, made.rejected);\n', '']],
    test: 'guarantees/breaker',
    fails: 'a batch most of which is refused',
  },
  {
    guarantee: '5.10',
    without: 'the look at what Postgres refuses',
    file: 'consumer/load/loader.ts',
    edits: [['rejected => breaker?.check(batch, rejected)', '() => {}']],
    test: 'guarantees/breaker',
    fails: 'orders that Postgres refuses',
  },
  {
    guarantee: '5.10',
    without: 'the memory of earlier batches',
    file: 'consumer/load/breaker.ts',
    edits: [['const before = more === 0 ? [] : this.#last.slice(-more);', 'const before: string[] = more === 0 ? [] : [];']],
    test: 'guarantees/breaker',
    fails: 'small batches are judged together',
  },
  {
    guarantee: '5.11',
    without: 'the rejects settled by their repeats',
    file: 'consumer/load/topic-ledger.ts',
    edits: [['if (late.length > 0) {', 'if (late.length < 0) {']],
    test: 'guarantees/retry',
    fails: 'published again and loads then',
  },
];
