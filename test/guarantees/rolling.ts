/** Workers replaced one after the other while orders keep coming: how long nothing was loaded, and how each ended. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningCli } from '../support/cli.js';
import { order, type Shop, until } from './shop.js';

export interface Rolling {
  /** Exit codes of the workers that were stopped. */
  codes: (number | null)[];
  /** Seconds, each the longest stretch without progress that a worker's leaving or joining brought. */
  rebalances: { what: 'leaves' | 'joins'; seconds: number }[];
  /** Seconds, the longest stretch without progress at all. */
  longest: number;
  published: number;
  /** What each worker wrote to standard error. */
  logs: string[];
}

const PARTITIONS = 12;
const EVERY = 100;
const EACH_TIME = 60;
/** Milliseconds that are watched behind each change. */
const SETTLE = 4000;

/** @param settings of the workers */
export async function rollingRestart(shop: Shop, workers: number, settings: Record<string, string> = {}): Promise<Rolling> {
  await shop.run(0, ['merge']);
  await shop.kafka(admin => admin.createTopics({ topics: [{ topic: shop.topic, numPartitions: PARTITIONS }] }));
  const begin = (): RunningCli => shop.start(['consume'], settings);
  const running = Array.from({ length: workers }, begin);
  await Promise.all(running.map(w => w.waitFor(/joined the group/)));

  let [published, going, id] = [0, true, 0];
  const seen: { at: number; done: number }[] = [];
  const publishing = (async () => {
    while (going) {
      const messages = Array.from({ length: EACH_TIME }, (_, n) => ({ value: order(++id, { user: id % 97 }), partition: n % PARTITIONS }));
      await shop.send(messages);
      published += messages.length;
      await sleep(EVERY);
    }
  })();
  const watching = (async () => {
    while (going) {
      const done = await shop.done();
      if (done > (seen.at(-1)?.done ?? 0)) seen.push({ at: performance.now(), done });
      await sleep(EVERY / 2);
    }
  })();
  await until('it loads', 60, () => seen.length > 3);

  const changes: { what: 'leaves' | 'joins'; at: number }[] = [];
  const codes: (number | null)[] = [];
  const logs: string[] = [];
  const stop = async (worker: RunningCli) => {
    const { code, stderr } = await worker.stop('SIGTERM');
    codes.push(code);
    logs.push(stderr);
  };
  const note = (what: 'leaves' | 'joins') => changes.push({ what, at: performance.now() });
  const start = performance.now();
  for (let n = 0; n < workers; n++) {
    note('leaves');
    await stop(running[n]);
    await sleep(SETTLE);
    note('joins');
    running[n] = begin();
    await running[n].waitFor(/joined the group/);
    await sleep(SETTLE);
  }
  const end = performance.now();
  going = false;
  await Promise.all([publishing, watching]);
  await until('all is loaded', 60, async () => (await shop.done()) >= published);
  await Promise.all(running.map(stop));

  const stretches = seen.slice(1).map((s, n) => ({ from: seen[n].at, to: s.at }));
  const longestIn = (from: number, to: number) =>
    Math.max(0, ...stretches.filter(s => s.to > from && s.from < to).map(s => Math.round(s.to - s.from) / 1000));
  return {
    codes,
    rebalances: changes.map(({ what, at }, n) => ({ what, seconds: longestIn(at, changes[n + 1]?.at ?? end) })),
    longest: longestIn(start, end),
    published,
    logs,
  };
}
