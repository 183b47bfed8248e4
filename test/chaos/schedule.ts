/** A seed into a run: its settings, and the faults with their times. Pure. */
import { Random } from '../support/make-drop-orders.js';

/** What is done, and how likely it is against the others. */
export const KINDS = {
  'kill -9 producer': 3,
  'kill -9 worker': 4,
  'kill -9 merge': 1,
  'kill -9 broker': 2,
  'kill -9 postgres': 2,
  'terminate backend': 3,
  'suspend worker': 2,
  'cut kafka': 2,
  'cut postgres': 2,
  'delay kafka': 1,
  'delay postgres': 1,
  'hold kafka': 1,
  'hold postgres': 1,
  'swallow kafka': 1,
  'swallow postgres': 1,
  'add worker': 2,
  'remove worker': 2,
  'drop again': 1,
  'merge beside': 1,
  'rebuild beside': 2,
  'kill -9 rebuild': 3,
  reads: 2,
  'damage tables': 2,
} as const;

export type Kind = keyof typeof KINDS;

export interface Fault {
  kind: Kind;
  /** Milliseconds from the start of the run. */
  at: number;
  /** Milliseconds that it lasts, where it does. */
  lasts: number;
  /** 0…1: which of those that there are, or what share of them. */
  pick: number;
  /** 0…1: how, where there are several ways. */
  way: number;
}

export interface Plan {
  seed: number;
  partitions: number;
  workers: number;
  batchOrders: number;
  mergeEvery: number;
  /** Does Postgres wait for its log at a commit? Without, a crash takes back what it had confirmed. */
  synchronousCommit: boolean;
  faults: Fault[];
  /** Milliseconds between two drops of the chain. */
  dropEvery: number;
}

/** How long each kind may last, in milliseconds. */
const LASTS: Partial<Record<Kind, [from: number, to: number]>> = {
  'kill -9 producer': [150, 1500],
  'kill -9 worker': [0, 1500],
  'kill -9 merge': [250, 700],
  'kill -9 rebuild': [300, 4000],
  reads: [2000, 6000],
  'kill -9 broker': [0, 2500],
  'kill -9 postgres': [0, 2500],
  // the session timeout is 6 s
  'suspend worker': [7500, 10_000],
  'delay kafka': [1000, 4000],
  'delay postgres': [1000, 4000],
  'hold kafka': [500, 5000],
  'hold postgres': [500, 5000],
  'swallow kafka': [500, 4000],
  'swallow postgres': [500, 4000],
};

/** @param faults how many */
export function makePlan(seed: number, faults: number): Plan {
  const random = new Random(seed);
  const bag = Object.entries(KINDS).flatMap(([kind, weight]) => Array<Kind>(weight).fill(kind as Kind));
  const plan: Plan = {
    seed,
    partitions: random.int(2, 12),
    workers: random.int(2, 4),
    batchOrders: random.pick([20, 60, 150, 400, 4000]),
    mergeEvery: random.int(300, 3000),
    synchronousCommit: random.chance(0.5),
    faults: [],
    dropEvery: random.int(500, 2500),
  };
  let at = 1500;
  for (let n = 0; n < faults; n++) {
    const kind = random.pick(bag);
    const [from, to] = LASTS[kind] ?? [0, 0];
    plan.faults.push({ kind, at, lasts: random.int(from, to), pick: random.next(), way: random.next() });
    at += random.chance(0.25) ? random.int(0, 150) : random.int(300, 2300);
  }
  return plan;
}
