/** Protections of the producer; see mutations.ts. */
import type { Mutation } from './mutations.js';

export const PRODUCER_MUTATIONS: readonly Mutation[] = [
  {
    guarantee: '6.5',
    without: 'one write in flight',
    file: 'producer/idempotent-writer.ts',
    edits: [['const turn = this.#busy.then(() => this.#write(shares));', 'const turn = this.#write(shares);']],
    test: 'unit/producer/idempotent-writer',
    fails: 'writes that are asked for at once take turns',
  },
  {
    guarantee: '6.6',
    without: 'the limit in the manifest',
    file: 'producer/produce-drop.ts',
    edits: [['state?.manifest.maxOrderBytes ?? settings.maxOrderBytes', 'settings.maxOrderBytes']],
    test: 'integration/oversize-orders',
    fails: 'a publication that is gone on with keeps the limit that it began with',
  },
  {
    guarantee: '6.7',
    without: 'no key for a line that is no JSON',
    file: 'producer/line-cutter.ts',
    edits: [['skipOrder(b, start, end, DEEPEST) === end', 'skipOrder(b, start, end, DEEPEST) !== 0']],
    test: 'unit/producer/line-cutter',
    fails: 'a line that is no JSON is handed out with its bytes, and has no key',
  },
];
