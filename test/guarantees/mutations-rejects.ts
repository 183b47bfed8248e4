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
];
