/** What others do to the tables in a run: they read them, and damage them by hand. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { Random } from '../support/make-drop-orders.js';
import type { ChaosServers } from './servers.js';

/** What orders and users say of each other, in one statement: 0 in any state that a transaction of the program leaves. */
const READ = `SELECT (SELECT count(*) FROM orders WHERE user_id IS NOT NULL) -
  (SELECT coalesce(sum(total_orders), 0) FROM (SELECT total_orders FROM user_stats UNION ALL SELECT total_orders FROM user_staging) u) AS off`;
/** Milliseconds between two reads. */
const READ_EVERY = 50;
/** No table yet. */
const MISSING = '42P01';
/** A lock was in the way: the one thing that must not happen to a reader. */
const LOCK_TIMEOUT = '55P03';

/**
 * Reads twenty times a second, connecting again as often as the server is away.
 *
 * @param sound whether the tables must agree at this moment
 */
export async function readBeside(url: string, milliseconds: number, sound: () => boolean) {
  const told = { reads: 0, problems: [] as string[] };
  const until = Date.now() + milliseconds;
  while (Date.now() < until) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
    client.on('error', () => {});
    try {
      await client.connect();
      await client.query("SET lock_timeout = '1s'");
      for (; Date.now() < until; await sleep(READ_EVERY)) {
        const before = sound();
        const { rows } = await client.query(READ);
        told.reads++;
        if (before && sound() && rows[0].off !== '0') told.problems.push(`a reader saw half a state: ${rows[0].off} order(s) off`);
      }
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === LOCK_TIMEOUT) told.problems.push('a reader waited for a lock');
      await sleep(code === MISSING ? 100 : 200); // else the server is away, for which there are other faults
    } finally {
      await client.end().catch(() => {});
    }
  }
  return told;
}

/** Deletes and changes rows of every table of the analysts, and now and then a whole month, as a person might; what workers rely on is left alone. */
export async function damageTables(servers: ChaosServers, url: string, seed: number): Promise<string> {
  const random = new Random(seed);
  const some = (key: string) => `abs(hashint8(${key} # ${random.int(1, 1e9)})::bigint) % ${random.int(2, 9)} = 0`;
  const months = await servers
    .query("SELECT inhrelid::regclass AS month FROM pg_inherits WHERE inhparent = to_regclass('orders') ORDER BY 1", [], url)
    .catch(() => []);
  if (months.length === 0) return '';
  const { month } = random.pick(months);
  const statements = random.shuffle([
    `UPDATE ${month} SET total_price = 1.5, note = 'damaged' WHERE ${some('id')}`,
    `DELETE FROM ${month} WHERE ${some('id')}`,
    `DELETE FROM order_line_item_mapping WHERE ${some('line_item_id')}`,
    `UPDATE order_line_item_mapping SET quantity = 77 WHERE ${some('line_item_id')}`,
    'TRUNCATE user_stats',
    `UPDATE user_stats SET total_spend = 0, phone = 'damaged' WHERE ${some('user_id')}`,
    `DELETE FROM glossier.user_newest WHERE ${some('user_id')}`,
    `DROP TABLE ${month}`,
  ]);
  let done = 0;
  for (const sql of statements.slice(0, random.int(1, 4))) {
    // one that meets a crash of the server, or a month that is gone, has done nothing
    await servers.query(`SET lock_timeout = '2s'; ${sql}`, [], url).then(
      () => done++,
      () => {},
    );
  }
  return `${done} statement(s)`;
}
