/** What a rebuild costs: its time beside that of the first load of the same topic, its memory, and how long readers wait meanwhile. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type CliEnv, describe, runCli } from '../support/cli.js';
import { freshName } from '../support/services.js';
import { type Bench, count, ratio, type Section, seconds, type Table } from './bench.js';

const COPIES = 10;
const READ = 'SELECT count(*), sum(total_spend), max(max_processed_at) FROM user_stats';
const READ_EVERY = 50;
const LIMIT = { timeout: 1_800_000 };

export const section: Section = {
  title: 'Rebuild',
  about:
    'At ten times the drop: of tables that are right, of tables where a tenth of the rows was changed or deleted, and a dry run of the latter; least seconds. A reader asks for user_stats twenty times a second, for ten seconds before the first and then on to the end.',
  quick: false,
  run: rebuild,
};

/** Asks as an analyst's dashboard does, and keeps how long each answer took. */
class Reader {
  /** Milliseconds that each answer took, by when it was asked for. */
  readonly waits = new Map<string, number[]>();
  readonly #db: pg.Client;

  constructor(url: string) {
    this.#db = new pg.Client({ connectionString: url });
  }

  async open(): Promise<void> {
    await this.#db.connect();
  }

  async during(when: string, work: () => Promise<unknown>): Promise<void> {
    let done = false;
    const working = work().finally(() => {
      done = true;
    });
    working.catch(() => {});
    while (!done) {
      const began = performance.now();
      await this.#db.query(READ);
      const took = performance.now() - began;
      this.waits.set(when, [...(this.waits.get(when) ?? []), took]);
      await sleep(Math.max(0, READ_EVERY - took));
    }
    await working;
  }

  async close(): Promise<void> {
    await this.#db.end();
  }
}

async function rebuild(bench: Bench): Promise<Table> {
  const { topic } = await bench.publish([await bench.zip(COPIES)]);
  const took = new Map<string, number[]>();
  const memory = new Map<string, number>();
  const run = async (what: string, args: string[], env: CliEnv, code: number) => {
    const result = await runCli(args, env, LIMIT);
    if (result.code !== code) throw new Error(`${args.join(' ')}: ${describe(result)}`);
    took.set(what, [...(took.get(what) ?? []), result.seconds]);
    memory.set(what, Math.max(memory.get(what) ?? 0, ((result.maxRssKiB ?? Number.NaN) * 1024) / 1e6));
  };
  const waits = new Map<string, number[]>();
  for (let n = 0; n < bench.options.times; n++) {
    const url = await bench.database();
    const env = {
      KAFKA_BROKERS: bench.brokers,
      ORDERS_TOPIC: topic,
      LOG_LEVEL: 'warn',
      DATABASE_URL: url,
      KAFKA_GROUP: freshName('rebuild'),
    };
    await run('first load', ['consume', '--until-drained'], env, 0);
    const reader = new Reader(url);
    await reader.open();
    await reader.during('before', () => sleep(10_000));
    await reader.during('in a rebuild', () => run('rebuild, nothing to change', ['rebuild'], env, 0));
    await damage(url);
    await reader.during('in a dry run', () => run('dry run, a tenth differs', ['rebuild', '--dry-run'], env, 4));
    await reader.during('in one that changes', () => run('rebuild, a tenth differs', ['rebuild'], env, 0));
    await reader.close();
    for (const [when, all] of reader.waits) waits.set(when, [...(waits.get(when) ?? []), ...all]);
    await bench.drop(url);
  }
  const least = (what: string) => Math.min(...took.get(what)!);
  return {
    head: ['', 's', 'of the first load', 'MB'],
    rows: [...took.keys()].map(what => [what, seconds(least(what)), ratio(least(what), least('first load')), count(memory.get(what)!)]),
    notes: [...waits].map(([when, all]) => {
      const sorted = all.sort((a, b) => a - b);
      const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))].toFixed(1);
      return `readers ${when}: ${sorted.length} queries, median ${at(0.5)} ms, p90 ${at(0.9)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms`;
    }),
  };
}

/** A tenth of the rows of every table of the analysts. */
async function damage(url: string): Promise<void> {
  const db = new pg.Client({ connectionString: url });
  await db.connect();
  const some = (key: string) => `abs(hashint8(${key})::bigint) % 20`;
  await db.query(`UPDATE orders SET total_price = total_price + 1 WHERE ${some('id')} = 0; DELETE FROM orders WHERE ${some('id')} = 1`);
  await db.query(`UPDATE order_line_item_mapping SET quantity = 77 WHERE ${some('line_item_id')} = 0`);
  await db.query(`DELETE FROM order_line_item_mapping WHERE ${some('line_item_id')} = 1; TRUNCATE user_stats`);
  await db.end();
}
