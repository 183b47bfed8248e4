/** Protections of forgetting; see mutations.ts. */
import type { Mutation } from './mutations.js';

const FORGET = { test: 'guarantees/forget', fails: 'a user who is to be forgotten is gone from every table' };

export const FORGET_MUTATIONS: readonly Mutation[] = [
  {
    guarantee: '9.9',
    without: 'the rule in the transform',
    file: 'consumer/transform/forgotten.ts',
    edits: [
      ["return forgotten.get(values.normalText ?? latin1(scan.bytes, scan.from[USER_ID], scan.to[USER_ID])) ?? 'all';", "return 'all';"],
    ],
    ...FORGET,
  },
  {
    guarantee: '9.9',
    without: 'the bytes of rejects',
    file: 'consumer/forget/forget-users.ts',
    edits: [['rejects: await forgetRejects(db, t, users),', 'rejects: await forgetRejects(db, t, new Map()),']],
    ...FORGET,
  },
  {
    guarantee: '9.9',
    without: 'the rows made anew',
    file: 'consumer/load/load-batch.ts',
    edits: [['!== forgottenUpTo) {', '=== -1) {']],
    test: 'guarantees/forget',
    fails: 'rows that were made before a request are made anew',
  },
  {
    guarantee: '9.10',
    without: 'fillers for offsets without a message',
    file: 'producer/topic-copy.ts',
    edits: [['while (this.end < offset) await', 'while (this.end < 0) await']],
    test: 'guarantees/copy-topic',
    fails: 'a topic is copied without the person',
  },
  {
    guarantee: '9.10',
    without: 'the content that was delivered',
    file: 'consumer/transform/batch-rows.ts',
    edits: [[': redacted.content;', ': 0n;']],
    test: 'guarantees/copy-topic',
    fails: 'a topic is copied without the person',
  },
];
