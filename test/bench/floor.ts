/** The floor: COPY of the rows that a load left, out of files, into empty tables with the same keys. */
import { createReadStream, createWriteStream, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from, to } from 'pg-copy-streams';
import { tempDir } from '../support/services.js';

const CHUNK = 256 * 1024;
const SCHEMA = 'floor_of_copy';

/** @param url of a database after a load @returns seconds, by number of connections; and the rows */
export async function floor(
  url: string,
  connections: readonly number[],
): Promise<{ seconds: Map<number, number>; rows: number; bytes: number }> {
  const dir = tempDir('floor-');
  const db = await connect(url);
  try {
    const { rows } = await db.query(
      `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
          AND (relname ~ '^orders__[0-9]' OR relname = 'order_line_item_mapping')`,
    );
    const tables: { name: string; bytes: number }[] = [];
    let count = 0;
    for (const { relname: name } of rows) {
      const stream = db.query(to(`COPY public.${name} TO STDOUT`));
      await pipeline(stream, createWriteStream(join(dir, name)));
      count += stream.rowCount ?? 0;
      tables.push({ name, bytes: statSync(join(dir, name)).size });
    }
    tables.sort((a, b) => b.bytes - a.bytes);
    const seconds = new Map<number, number>();
    for (const n of connections) seconds.set(n, await copyIn(url, db, dir, tables, n));
    return { seconds, rows: count, bytes: tables.reduce((sum, t) => sum + t.bytes, 0) };
  } finally {
    await db.end();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function copyIn(
  url: string,
  db: pg.Client,
  dir: string,
  tables: { name: string; bytes: number }[],
  connections: number,
): Promise<number> {
  await db.query(`DROP SCHEMA IF EXISTS ${SCHEMA} CASCADE; CREATE SCHEMA ${SCHEMA}`);
  for (const { name } of tables)
    await db.query(`CREATE TABLE ${SCHEMA}.${name} (LIKE public.${name} INCLUDING CONSTRAINTS INCLUDING INDEXES)`);
  const lanes = Array.from({ length: connections }, () => ({ bytes: 0, names: [] as string[] }));
  for (const { name, bytes } of tables) {
    const least = lanes.reduce((a, b) => (b.bytes < a.bytes ? b : a));
    least.names.push(name);
    least.bytes += bytes;
  }
  await db.query('CHECKPOINT');
  const clients = await Promise.all(lanes.map(() => connect(url)));
  const began = performance.now();
  await Promise.all(
    lanes.map(async ({ names }, i) => {
      for (const name of names)
        await pipeline(
          createReadStream(join(dir, name), { highWaterMark: CHUNK }),
          clients[i].query(from(`COPY ${SCHEMA}.${name} FROM STDIN`)),
        );
    }),
  );
  const took = (performance.now() - began) / 1000;
  await Promise.all(clients.map(c => c.end()));
  await db.query(`DROP SCHEMA ${SCHEMA} CASCADE`);
  return took;
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client;
}
