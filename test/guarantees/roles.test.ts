/** Three roles by the SQL that `schema --roles` prints: each can do its own work, and nothing else; and of the loader's rights none is one too many. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkPostgres } from '../../consumer/doctor/postgres-checks.js';
import { postgresFacts } from '../../consumer/doctor/postgres-facts.js';
import { quote, Tables } from '../../consumer/schema/tables.js';
import { errorCode } from '../../shared/errors.js';
import { makeDrop } from '../support/make-drop.js';
import { freshName, REPOSITORY, removeServices, tempDir, testServices } from '../support/services.js';
import { mainJob } from './main-job.js';
import { oneLineOf, Shop } from './shop.js';

const SCHEMA = `Shop's "x" \\ $do$; DROP SCHEMA glossier CASCADE; -- 店`;

/** Queries of README for analysts. */
function documentedQueries(): string[] {
  const readme = readFileSync(join(REPOSITORY, 'README.md'), 'utf8');
  const [, part] = /### Queries\n([\s\S]*?)\n### /.exec(readme)!;
  return [...part.matchAll(/```sql\n([\s\S]*?)```/g)].map(m => m[1]);
}

test('by the printed SQL the owner migrates and rebuilds, the loader loads, and the reader reads; taken away, each right of the loader is missed', {
  timeout: 240_000,
}, async t => {
  const dir = tempDir();
  t.after(() => removeServices(dir));
  const shop = await Shop.open(t, { DATABASE_SCHEMA: SCHEMA, ORDERS_PARTITIONS: '2', DATABASE_URL: '' });
  const names = {
    owner: freshName(`Owner's "o" $do$`),
    loader: freshName(`load\\"er"; DROP TABLE x; --`),
    reader: freshName('Ünïcode 店'),
  };
  t.after(async () => {
    for (const name of Object.values(names)) await shop.query(`DROP ROLE IF EXISTS ${quote(name)}`, [], testServices().databaseUrl);
  });
  const as = (name: string) => {
    const url = new URL(shop.url);
    [url.username, url.password] = [name, 'a word'].map(encodeURIComponent);
    return { DATABASE_URL: url.href };
  };
  const [owner, loader, reader] = [as(names.owner), as(names.loader), as(names.reader)];
  const flags = Object.entries(names).flatMap(([role, name]) => [`--${role}`, name]);
  const sql = (await shop.run(0, ['schema', '--roles', ...flags], { DATABASE_URL: shop.url })).stdout;

  await assert.rejects(shop.query(sql), /the tables are not there, .*run "glossier schema --migrate" as the owner/);
  for (const name of Object.values(names)) await shop.query(`ALTER ROLE ${quote(name)} PASSWORD 'a word'`);
  assert.match(
    await shop.fails(['consume', '--until-drained'], loader),
    /permission denied for ".*" to make the tables, which are not there yet — run glossier schema --migrate/,
  );
  await shop.run(0, ['schema', '--migrate'], owner);
  for (const _ of ['first', 'once more']) await shop.query(sql);
  await shop.query(`REVOKE ALL ON DATABASE ${new URL(shop.url).pathname.slice(1)} FROM PUBLIC`);

  const zip = join(dir, 'drop.zip');
  await makeDrop(zip, { seed: 71, dates: ['2017-11-03', '2017-12-04'], orders: 30, bad: true });
  await shop.run(3, ['load', zip, '--accept-rejects'], loader);
  const [{ id }] = JSON.parse((await shop.run(0, ['rejects', 'list', '--json'], loader)).stdout);
  await shop.run(0, ['rejects', 'show', String(id)], loader);
  await shop.run(3, ['rejects', 'retry', '--all'], loader);
  for (const args of [['merge'], ['status'], ['verify'], ['verify', '--since', '1d'], ['verify', zip], ['conflicts', 'list'], ['doctor']])
    await shop.run(0, args, loader);
  await shop.run(3, ['preview', zip], loader);

  const query = async (who: typeof owner, text: string) =>
    void (await shop.query(`SET search_path = ${quote(SCHEMA)}; ${text}`, [], who.DATABASE_URL));
  const denied = async (who: typeof owner, ...texts: string[]) => {
    for (const text of texts) await assert.rejects(query(who, text), { code: '42501' }, text);
  };
  await shop.query(`DELETE FROM ${quote(SCHEMA)}.orders__2017_11`);
  await shop.run(0, ['rebuild'], owner);
  await shop.run(0, ['verify'], loader);
  for (const text of documentedQueries()) await query(reader, text);
  for (const view of [
    'drop_books',
    'freshness',
    'drops',
    'books',
    'drop_files',
    'published_files',
    'known_orders',
    'rejects_by_reason',
    'conflicts',
  ])
    await query(reader, `SELECT * FROM glossier.${view}`);
  await query(reader, 'SELECT * FROM user_staging; SELECT * FROM orders__2017_12');
  await denied(
    reader,
    'SELECT value FROM glossier.rejects',
    'SELECT * FROM glossier.user_newest',
    'DELETE FROM orders',
    'DELETE FROM orders__2017_12',
    'UPDATE user_stats SET total_orders = 0',
    'INSERT INTO user_staging DEFAULT VALUES',
    'CREATE TABLE mine ()',
    "SELECT glossier.make_month('2018_01')",
    'CREATE TEMP TABLE mine ()',
  );
  await denied(
    loader,
    'DELETE FROM orders__2017_12',
    'UPDATE orders SET note = NULL',
    'TRUNCATE user_staging',
    'DELETE FROM glossier.known_orders',
    'DELETE FROM glossier.rejects',
    'CREATE TABLE mine ()',
    'CREATE TABLE glossier.mine ()',
    'DROP TABLE orders__2017_12',
    "INSERT INTO glossier.migrations (name, run_on) VALUES ('0099', now())",
    "SELECT glossier.copy_grants('orders', 'orders__2017_12')",
  );
  for (const month of ['2017_13', '2017_1', 'x', "2017_01'; DROP TABLE orders; --", '2017_01\n', ''])
    await assert.rejects(shop.query('SELECT glossier.make_month($1)', [month], loader.DATABASE_URL), { code: '22023' }, month);
  // names that everybody may make must not be taken for those of the catalogue
  await query(
    loader,
    `CREATE TEMP TABLE pg_class AS TABLE pg_catalog.pg_class; CREATE TEMP TABLE pg_attribute AS SELECT attrelid, attname, attnum FROM pg_catalog.pg_attribute WITH NO DATA;
     SELECT glossier.make_month('2018_02')`,
  );
  const [made] = await shop.query(
    "SELECT col_description(oid, 1) AS comment, pg_get_userbyid(relowner) AS owner FROM pg_class WHERE relname = 'orders__2018_02'",
  );
  assert.deepEqual(made, {
    comment: 'Field id. Whole number of 64 bits; one row an id in all months together, from the first message that brought it.',
    owner: names.owner,
  });

  const tables = new Tables(SCHEMA);
  const rights = [...sql.matchAll(/^GRANT ([A-Z, ]+) ON (.+) TO (".*");$/gm)]
    .filter(([, , , to]) => to === quote(names.loader))
    .flatMap(([, list, on]) => list.split(', ').map(right => `${right} ON ${on}`));
  assert.ok(rights.length > 45, rights.join('\n'));
  await mainJob(loader.DATABASE_URL, tables);
  const found = async () => {
    const facts = await postgresFacts(loader.DATABASE_URL, tables, shop.topic);
    const asked = { host: '127.0.0.1', user: names.loader, database: new URL(shop.url).pathname.slice(1) };
    return checkPostgres(facts, { topic: shop.topic, databaseSchema: SCHEMA, ownSchema: 'glossier' }, asked).filter(
      f => f.state === 'problem',
    );
  };
  assert.deepEqual(await found(), []);
  const unmissed: string[] = [];
  for (const right of rights) {
    await shop.query(`REVOKE ${right} FROM ${quote(names.loader)}`);
    const findings = await found();
    assert.equal(findings.length, 1, `${right}: ${JSON.stringify(findings)}`);
    assert.match(findings[0].check, /^postgres\.(rights|reach)$/);
    if (!right.startsWith('CONNECT'))
      assert.ok(
        findings[0].todo!.some(l => l.startsWith(`GRANT ${right} TO`)),
        `${right}: ${findings[0].todo}`,
      );
    const error = await mainJob(loader.DATABASE_URL, tables).then(
      () => null,
      e => e,
    );
    if (error === null) unmissed.push(right);
    else assert.equal(errorCode(error) ?? errorCode(error.cause), '42501', `${right}: ${error}`);
    await shop.query(`GRANT ${right} TO ${quote(names.loader)}`);
  }
  assert.deepEqual(unmissed, []);
  await mainJob(loader.DATABASE_URL, tables);
  await shop.query(`REVOKE INSERT ON ${quote(SCHEMA)}.user_staging FROM ${quote(names.loader)}`);
  await makeDrop(zip, { seed: 72, dates: ['2017-12-05'], orders: 5, firstId: 900_000_000n });
  const refused = await shop.run(1, ['load', zip], loader);
  assert.match(oneLineOf(refused), /permission denied for table user_staging — .*glossier doctor/);
  assert.ok(refused.seconds < 30, `${refused.seconds} s: what a person may be mending is tried for a minute, a missing right is not`);
  for (const name of Object.values(names)) await shop.query(`DROP OWNED BY ${quote(name)} CASCADE`);
});
