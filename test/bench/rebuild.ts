/**
 * What a rebuild costs: its time beside that of the first load of the same topic, its memory, and how long readers wait meanwhile.
 *
 *     node dist/test/bench/rebuild.js [--drop real.zip] [--copies 10] [--times 3]
 *
 * The drop is the real one, so many times over. Three rebuilds a turn: of tables that are right, of tables where a tenth of the rows was changed or
 * deleted, and a dry run. A reader asks for user_stats twenty times a second, for ten seconds before the first and then on to the end.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { REAL_DROP } from '../chaos/pool.js';
import { type CliEnv, type CliResult, runCli } from '../support/cli.js';
import { dropDatabase, freshDatabase, freshName, removeServices, startTestServices, tempDir } from '../support/services.js';
import { writeBigDrop } from './big-drop.js';

const READ = 'SELECT count(*), sum(total_spend), max(max_processed_at) FROM user_stats';
const READ_EVERY = 50;
const LIMIT = { timeout: 1_800_000 };

/** Asks as an analyst's dashboard does, and keeps how long each answer took. */
class Reader {
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
      waits[when] = [...(waits[when] ?? []), took];
      await sleep(Math.max(0, READ_EVERY - took));
    }
    await working;
  }

  async close(): Promise<void> {
    await this.#db.end();
  }
}

const { values } = parseArgs({
  options: {
    drop: { type: 'string', default: REAL_DROP },
    copies: { type: 'string', default: '10' },
    times: { type: 'string', default: '3' },
  },
});
const services = await startTestServices();
const dir = tempDir('bench-rebuild-');
const topic = freshName('rebuild');
const base = { KAFKA_BROKERS: services.brokers.join(','), ORDERS_TOPIC: topic, LOG_LEVEL: 'warn' };
const seconds: Record<string, number[]> = {};
const memory: Record<string, number> = {};
const waits: Record<string, number[]> = {};
try {
  const drop = join(dir, 'big.zip');
  await writeBigDrop(values.drop, drop, Number(values.copies));
  await run('publish', ['produce', drop], base, 0);
  for (let n = 0; n < Number(values.times); n++) {
    const url = await freshDatabase(services.databaseUrl);
    const env = { ...base, DATABASE_URL: url, KAFKA_GROUP: freshName('rebuild') };
    await run('first load', ['consume', '--until-drained'], env, 0);
    const reader = new Reader(url);
    await reader.open();
    await reader.during('before', () => sleep(10_000));
    await reader.during('in a rebuild', () => run('rebuild, nothing to change', ['rebuild'], env, 0));
    await damage(url);
    await reader.during('in a dry run', () => run('dry run, a tenth differs', ['rebuild', '--dry-run'], env, 4));
    await reader.during('in one that changes', () => run('rebuild, a tenth differs', ['rebuild'], env, 0));
    await reader.close();
    await dropDatabase(url, services.databaseUrl);
  }
} finally {
  await removeServices(dir);
  await removeServices(services.dir);
}
const first = Math.min(...seconds['first load']);
for (const [what, all] of Object.entries(seconds)) {
  const least = Math.min(...all);
  process.stdout.write(
    `${what.padEnd(28)} ${all.map(s => s.toFixed(1)).join(' ')} s, least ${least.toFixed(1)} s, ${(least / first).toFixed(2)} of the first load, ${Math.round(memory[what])} MB\n`,
  );
}
for (const [when, all] of Object.entries(waits)) {
  const sorted = all.sort((a, b) => a - b);
  const at = (share: number): string => sorted[Math.floor(share * (sorted.length - 1))].toFixed(1);
  process.stdout.write(
    `readers ${when}: ${sorted.length} queries, median ${at(0.5)} ms, p90 ${at(0.9)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms\n`,
  );
}

async function run(what: string, args: string[], env: CliEnv, code: number): Promise<CliResult> {
  const result = await runCli(args, env, LIMIT);
  if (result.code !== code) throw new Error(`${args.join(' ')}: exit ${result.code}: ${result.stderr.slice(-500)}`);
  seconds[what] = [...(seconds[what] ?? []), result.seconds];
  memory[what] = Math.max(memory[what] ?? 0, (result.maxRssKiB ?? 0) / 1000);
  return result;
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
