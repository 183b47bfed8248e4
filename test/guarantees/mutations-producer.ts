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
  {
    guarantee: '6.11',
    without: 'the look at the ETag of a part',
    file: 'producer/ranges.ts',
    edits: [["differs(header(headers, 'etag'), version.etag) || ", '']],
    test: 'unit/producer/download',
    fails: 'bytes of two versions are never mixed',
  },
  {
    guarantee: '6.11',
    without: 'the place of a part',
    file: 'producer/ranges.ts',
    edits: [['first !== from || ', '']],
    test: 'unit/producer/download',
    fails: 'bytes of two versions are never mixed',
  },
  {
    guarantee: '6.12',
    without: 'the end of the credentials at another origin',
    file: 'producer/http-client.ts',
    edits: [['if (next.origin !== at.origin) credentials = null;', '']],
    test: 'unit/producer/download',
    fails: 'redirects are followed to an end, and the password stays with its own server',
  },
  {
    guarantee: '6.13',
    without: 'the comparison of the sha256',
    file: 'producer/fetch-drop.ts',
    edits: [['drop.sha256 === expected', "drop.sha256 !== ''"]],
    test: 'unit/producer/standard-input',
    fails: 'a drop with another sha256 than it must have is refused',
  },
  {
    guarantee: '6.14',
    without: 'the look whether it is whole',
    file: 'producer/watch-folder.ts',
    edits: [['if (!file.last && !(await looksWhole(place, limits))) return;', '']],
    test: 'unit/producer/watch-folder',
    fails: 'each whole file is published once',
  },
];
