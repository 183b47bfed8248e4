/** Databases of every schema that the program ever had, filled, become those of this version: in place, with nothing lost. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import pg from 'pg';
import { migrate, migrations } from '../../consumer/schema/migrate.js';
import { oneLineOf, Shop } from '../guarantees/shop.js';
import { compare } from '../support/compare.js';
import { makeDrop } from '../support/make-drop.js';
import { dropDatabase, freshDatabase, freshName, REPOSITORY, removeServices, tempDir } from '../support/services.js';

/** A migration as it was: its name then, and the present file with what was added to that since taken out. */
type Past = string | { name: string; file: string; without?: RegExp };

const FIRST: Past = { name: '0001_tables', file: '0001_tables', without: /,\n {2}fields text NOT NULL/ };
const RENAMED: Past = { name: '0002_rejects_of_a_file', file: '0004_rejects_of_a_file' };

/** By the history of consumer/schema/sql, oldest first; the last is each state on the way to the present one. */
const HISTORY: Past[][] = [
  [FIRST],
  ['0001_tables', '0003_drop_fields'],
  ['0001_tables', RENAMED, '0002_retried_rejects', '0003_drop_fields'],
  ...migrations().map((_, n) => migrations().slice(0, n + 1)),
];

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, types: { getTypeParser: () => (text: string) => text } as never });
  await client.connect();
  return client;
}

/** The tables as that version made them. */
async function makePast(client: pg.Client, past: Past[]): Promise<void> {
  // the user of the tests is called as our schema is, and "$user" is first in the search path
  await client.query(
    'SET search_path = public; CREATE SCHEMA glossier; CREATE TABLE glossier.migrations (id serial PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL)',
  );
  for (const p of past) {
    const { name, file, without } = typeof p === 'string' ? { name: p, file: p, without: undefined } : p;
    const sql = readFileSync(join(REPOSITORY, 'consumer/schema/sql', `${file}.sql`), 'utf8');
    const then = without === undefined ? sql : sql.replace(without, '');
    assert.ok(without === undefined || then !== sql, `${name} was not changed`);
    await client.query(then);
    await client.query('INSERT INTO glossier.migrations (name, run_on) VALUES ($1, now())', [name]);
  }
}

interface Column {
  schema: string;
  relation: string;
  columns: string[];
  parent: boolean;
}

async function relationsOf(client: pg.Client): Promise<Column[]> {
  const { rows } = await client.query(
    `SELECT n.nspname AS schema, c.relname AS relation, string_agg(quote_ident(a.attname), ',' ORDER BY a.attnum) AS columns, n.nspname = 'glossier' AS own
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      WHERE c.relkind = 'r' AND n.nspname IN ('public', 'glossier') AND c.relname NOT IN ('migrations', 'rebuild_due') GROUP BY 1, 2
      ORDER BY c.relname = 'topics' DESC, 1, 2`,
  );
  return rows.map(r => ({ schema: r.schema, relation: r.relation, columns: r.columns.split(','), parent: r.relation === 'orders' }));
}

/** Every row of `from`, in the columns that both have. */
async function copyRows(from: pg.Client, to: pg.Client): Promise<void> {
  for (const { relation } of (await relationsOf(from)).filter(r => /^orders__/.test(r.relation)))
    await to.query(`CREATE TABLE public.${relation} (PRIMARY KEY (id)) INHERITS (public.orders)`);
  const theirs = new Map((await relationsOf(to)).map(r => [`${r.schema}.${r.relation}`, r.columns]));
  for (const { schema, relation, columns } of await relationsOf(from)) {
    const there = theirs.get(`${schema}.${relation}`);
    if (there === undefined) continue;
    const both = columns.filter(c => there.includes(c)).join(', ');
    const { rows } = await from.query(`SELECT jsonb_agg(to_jsonb(t))::text AS all FROM (SELECT ${both} FROM ONLY ${schema}.${relation}) t`);
    await to.query(
      `INSERT INTO ${schema}.${relation} (${both}) OVERRIDING SYSTEM VALUE SELECT ${both} FROM jsonb_populate_recordset(NULL::${schema}.${relation}, $1)`,
      [rows[0].all ?? '[]'],
    );
  }
  for (const [relation, column] of [
    ['drop_files', 'file_no'],
    ['rejects', 'id'],
    ['merges', 'id'],
  ])
    await to.query(
      `SELECT setval(pg_get_serial_sequence('glossier.${relation}', '${column}'), (SELECT coalesce(max(${column}), 0) + 1 FROM glossier.${relation}), false)`,
    );
}

/** What analysts add. */
const ADDED = `CREATE SCHEMA theirs; CREATE VIEW theirs.analysis AS SELECT tableoid::regclass AS month, count(*) AS n FROM orders GROUP BY 1;
  CREATE INDEX by_product ON order_line_item_mapping (product_id); GRANT SELECT ON orders, user_stats TO PUBLIC; COMMENT ON TABLE user_stats IS 'ours'`;

test('a filled database of every schema that there ever was is upgraded in place, loads on, and keeps what analysts added', {
  timeout: 400_000,
}, async t => {
  const dir = tempDir();
  t.after(() => removeServices(dir));
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '2', BREAKER_SHARE: '100' });
  const [first, second] = [join(dir, 'first.zip'), join(dir, 'second.zip')];
  await makeDrop(first, { seed: 81, dates: ['2017-11-30', '2017-12-01'], orders: 120, awkward: 0.1, bad: true, broken: true });
  await makeDrop(second, { seed: 82, dates: ['2017-12-01', '2017-12-02'], orders: 120, awkward: 0.1, firstId: 2n ** 53n + 100_001n });
  await shop.run(3, ['load', first]);
  const filled = await connect(shop.url);
  const urls: string[] = [];
  for (const past of HISTORY) {
    const url = await freshDatabase();
    t.after(() => dropDatabase(url));
    urls.push(url);
    const client = await connect(url);
    await makePast(client, past);
    await copyRows(filled, client);
    await client.query(ADDED);
    await client.end();
  }
  await filled.end(); // the shop's database goes before what is left to the end of the test
  await shop.run(0, ['produce', second]);
  await shop.oracle.load(first);
  await shop.oracle.load(second);
  const upgrade = async (url: string, what: string) => {
    const env = { DATABASE_URL: url, KAFKA_GROUP: freshName('upgrade') };
    await shop.run(0, ['consume', '--until-drained'], env);
    assert.deepEqual(await compare(url, 'public', shop.oracle), [], what);
    // of what was loaded before fields were counted they are missing until a rebuild, and verify says so
    const due = JSON.parse((await shop.run(0, ['status', '--json'], env)).stdout).rebuild_due;
    const { stdout } = await shop.run(due.length > 0 ? 1 : 0, ['verify'], env);
    const broken = stdout.split('\n').filter(line => line.startsWith('BROKEN'));
    assert.deepEqual(broken, due.length > 0 ? ['BROKEN every table means what this version means by it: 1'] : [], what);
    const client = await connect(url);
    try {
      assert.deepEqual(
        (await client.query('SELECT name FROM glossier.migrations ORDER BY name')).rows.map(r => r.name),
        migrations(),
        what,
      );
      const { rows } = await client.query(
        `SELECT (SELECT count(*) FROM theirs.analysis) AS view, to_regclass('by_product') IS NOT NULL AS index, obj_description('user_stats'::regclass) AS told,
                has_table_privilege('public', 'orders', 'SELECT') AS granted`,
      );
      assert.deepEqual(rows[0], { view: '2', index: 't', told: 'ours', granted: 't' }, what);
    } finally {
      await client.end();
    }
  };
  const turns = urls.map((url, n) => () => upgrade(url, JSON.stringify(HISTORY[n])));
  await Promise.all(
    [0, 1, 2].map(async () => {
      for (let turn = turns.shift(); turn !== undefined; turn = turns.shift()) await turn();
    }),
  );
});

test('a database of a newer version, or whose tables are in another schema, is refused in one line by every command that would use it', {
  timeout: 300_000,
}, async t => {
  const shop = await Shop.open(t);
  const client = await connect(shop.url);
  try {
    await migrate(client, 'public');
    await client.query(`INSERT INTO glossier.migrations (name, run_on) VALUES ('0099_of_later', now())`);
    for (const args of [['consume'], ['status']])
      assert.match(
        oneLineOf(await shop.run(1, args)),
        /the database has the newer schema 0099_of_later — run the version that migrated it, or a later one/,
      );
    await client.query(`DELETE FROM glossier.migrations WHERE name = '0099_of_later'`);
    // with another topic it would be another shop, that has tables of its own
    await client.query(`INSERT INTO glossier.topics (topic, topic_id) VALUES ('${shop.topic}', 'x')`);
    for (const args of [['consume'], ['merge']])
      assert.match(
        oneLineOf(await shop.run(1, args, { DATABASE_SCHEMA: 'A "b"' })),
        /the tables of this database are in the schema "public", not in "A ""b""" — set DATABASE_SCHEMA/,
      );
    assert.deepEqual((await client.query(`SELECT FROM pg_namespace WHERE nspname LIKE 'A%'`)).rows, [], 'nothing was made');
  } finally {
    await client.end();
  }
});
