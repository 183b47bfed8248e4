/** Behind PgBouncer: one that keeps sessions is as good as Postgres; one that does not is refused before anything is done. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { makeDrop } from '../support/make-drop.js';
import { removeServices, tempDir } from '../support/services.js';
import { Shop, until } from './shop.js';

const PGBOUNCER = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer', '/usr/local/bin/pgbouncer'].find(existsSync);

function freePort(): Promise<number> {
  return new Promise(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** @returns the URL of the database by way of the pooler */
async function pooled(t: TestContext, dir: string, database: string, mode: string, more = ''): Promise<string> {
  const port = await freePort();
  const to = new URL(database);
  const file = join(dir, `${mode}.ini`);
  const dbname = to.pathname.slice(1);
  writeFileSync(
    file,
    `[databases]\n${dbname} = host=${to.hostname} port=${to.port} user=${to.username} password='${decodeURIComponent(to.password)}'\n` +
      `[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = ${port}\nunix_socket_dir =\nauth_type = any\npool_mode = ${mode}\n${more}\n` +
      (process.getuid?.() === 0 ? 'user = nobody\n' : ''),
    { mode: 0o644 },
  );
  const child: ChildProcess = spawn(PGBOUNCER!, ['-q', file], { stdio: 'ignore' });
  t.after(() => child.kill('SIGKILL'));
  const url = new URL(database);
  url.port = String(port);
  await until('pgbouncer answers', 10, async () => {
    const client = new pg.Client({ connectionString: url.href });
    client.on('error', () => {});
    return client.connect().then(
      () => client.end().then(() => true),
      () => false,
    );
  });
  return url.href;
}

test('a pooler that gives each transaction another session is refused at once, alone and under load, and one that keeps sessions is not', {
  timeout: 120_000,
}, async t => {
  if (PGBOUNCER === undefined) return t.skip('pgbouncer is not installed (apt-get install pgbouncer)');
  const dir = tempDir();
  t.after(() => removeServices(dir));
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '1' });
  const words = /a pooler before Postgres gives each transaction another session .* — connect to Postgres itself, or set pool_mode=session/;
  const refused = async (url: string) => {
    for (const args of [['consume', '--until-drained'], ['merge']]) {
      const since = performance.now();
      assert.match(await shop.fails(args, { DATABASE_URL: url }), words);
      assert.ok(performance.now() - since < 10_000);
    }
  };
  await refused(await pooled(t, dir, shop.url, 'statement'));
  const busy = await pooled(t, dir, shop.url, 'transaction');
  await refused(busy);
  const doctor = JSON.parse((await shop.run(1, ['doctor', '--json'], { DATABASE_URL: busy })).stdout);
  assert.match(doctor.checks.find((c: { check: string }) => c.check === 'postgres.reach').says, words);
  assert.deepEqual(await shop.query(`SELECT FROM pg_namespace WHERE nspname = 'glossier'`), [], 'nothing was made');
  // others, who take and leave the sessions of the pool all the time
  const others = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const client = new pg.Client({ connectionString: busy });
      client.on('error', () => {});
      await client.connect();
      return client;
    }),
  );
  let asking = true;
  const noise = others.map(async client => {
    while (asking) await client.query('SELECT pg_sleep(random() * 0.01)');
    await client.end();
  });
  try {
    for (let n = 0; n < 3; n++) await refused(busy);
  } finally {
    asking = false;
    await Promise.all(noise);
  }

  const zip = join(dir, 'drop.zip');
  await makeDrop(zip, { seed: 73, dates: ['2017-12-04'], orders: 10 });
  const session = { DATABASE_URL: await pooled(t, dir, shop.url, 'session') };
  await shop.run(0, ['load', zip], session);
  await shop.run(0, ['rebuild'], session);
  await shop.run(0, ['verify'], session);
});
