/** A migration under fire: cut off at any of its statements it is an outage like any other, and the next attempt completes it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reactionTo } from '../../consumer/load/sqlstate.js';
import { migrate, migrations } from '../../consumer/schema/migrate.js';
import { dropDatabase, freshDatabase } from '../support/services.js';
import { withDb } from './direct.js';

test('a migration that is cut off before any of its statements is waited out, and the next attempt completes it', async t => {
  for (let n = 1; ; n++) {
    const url = await freshDatabase();
    t.after(() => dropDatabase(url));
    const reached = await cutAt(url, n);
    await withDb(url, async db => {
      await migrate(db.client, 'public');
      const done = await db.query<{ name: string }>('SELECT name FROM glossier.migrations ORDER BY id');
      assert.deepEqual(
        done.rows.map(r => r.name),
        migrations(),
        `cut off before statement ${n}`,
      );
    });
    if (reached) continue;
    assert.ok(n > 8, `only ${n} statements were seen`);
    return;
  }
});

/** Migrates, with the connection ended by the server before the n-th statement. @returns false when there were fewer statements */
function cutAt(url: string, n: number): Promise<boolean> {
  return withDb(url, async db => {
    const { pid } = (await db.query<{ pid: string }>('SELECT pg_backend_pid() AS pid')).rows[0];
    const query = db.client.query.bind(db.client) as (...args: unknown[]) => Promise<unknown>;
    let count = 0;
    (db.client as { query: unknown }).query = async (...args: unknown[]) => {
      if (++count === n) await withDb(url, other => other.query('SELECT pg_terminate_backend($1)', [pid]));
      return query(...args);
    };
    try {
      await migrate(db.client, 'public');
    } catch (error) {
      assert.ok(count >= n);
      assert.equal(reactionTo(error), 'wait', `cut off before statement ${n}: ${error}`);
      return true;
    }
    return count >= n; // of the last two, which put the session back, nobody needs the answer
  });
}
