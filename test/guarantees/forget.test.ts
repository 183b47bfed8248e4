/** A person who is to be forgotten is gone from every table and reject, and stays gone whatever is loaded, tried again or replayed. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { enterRequests, forgetEntered, forgetRows } from '../../consumer/forget/forget-users.js';
import { makeCopy } from '../../consumer/rebuild/copy-schema.js';
import { removeServices, tempDir } from '../support/services.js';
import { batchOf, directDatabase, directLoader, TABLES, withDb } from './direct.js';
import { Shop, until } from './shop.js';

/** In every personal value of the orders below, and in nothing else. */
const SECRET = 'Zebedee';
const PERSONAL =
  `"email":"${SECRET}@example.org","note":"for ${SECRET}","token":"${SECRET}1","cart_token":"${SECRET}2","checkout_token":"${SECRET}3","name":"#${SECRET}",` +
  `"reference":"${SECRET}4","referring_site":"http://${SECRET}","landing_site":"/${SECRET}","landing_site_ref":"${SECRET}5","browser_ip":"${SECRET}6",` +
  `"source_identifier":"${SECRET}7","source_url":"${SECRET}8","tags":"${SECRET}9","order_status_url":"${SECRET}10","contact_email":"${SECRET}@x","phone":"${SECRET}11",` +
  `"customer_locale":"${SECRET}12","buyer_accepts_marketing":true,"checkout_id":990011,"device_id":990012,"shipping_address":{"city":"${SECRET} City"}`;

/** An order of a user with personal values in every place that takes them. */
function personal(id: number, user: number, more = ''): string {
  return (
    `{"id":${id},"user_id":${user},"processed_at":"2017-12-04T10:00:${String(id).padStart(2, '0')}Z","total_price":"10.25","currency":"EUR",${PERSONAL}${more},` +
    `"line_items":[{"id":${id},"product_id":5,"quantity":2,"properties":["engraved ${SECRET}"]}]}`
  );
}

function dropOf(dir: string, name: string, orders: string[]): string {
  const path = join(dir, name);
  writeFileSync(path, `{"orders":[${orders.join(',')}]}`);
  return path;
}

/** Tables, with the schema, in which the text stands in some row. */
async function tablesWith(shop: Shop, text: string): Promise<string[]> {
  const tables = await shop.query(
    `SELECT format('%I.%I', n.nspname, c.relname) AS t FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r'
       AND n.nspname !~ '^pg_|^information_schema'`,
  );
  const found: string[] = [];
  for (const { t } of tables) {
    const hex = Buffer.from(text).toString('hex');
    const rows = await shop.query(`SELECT 1 FROM ONLY ${t} x WHERE x::text LIKE '%${text}%' OR x::text LIKE '%${hex}%' LIMIT 1`);
    if (rows.length > 0) found.push(t);
  }
  return found.sort();
}

/** Files of the database that hold the text; the log of what was written before is another matter. */
async function filesWith(shop: Shop, text: string): Promise<string[]> {
  const [{ dir, oid }] = await shop.query(
    "SELECT current_setting('data_directory') AS dir, (SELECT oid FROM pg_database WHERE datname = current_database()) AS oid",
  );
  const base = join(dir, 'base', oid);
  return readdirSync(base).filter(file => readFileSync(join(base, file)).includes(text));
}

const sums = (shop: Shop) =>
  shop.query(
    'SELECT count(*) AS orders, sum(total_price) AS price, (SELECT sum(total_spend) FROM user_stats) AS spend, (SELECT count(*) FROM order_line_item_mapping) AS items FROM orders',
  );

test('a user who is to be forgotten is gone from every table, every reject and every file, and no load, retry or rebuild brings anything back', async t => {
  const dir = tempDir();
  t.after(() => removeServices(dir));
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '2', SESSION_TIMEOUT: '30s' });
  const said: string[] = [];
  const run = async (code: number, args: string[], env = {}) => {
    const result = await shop.run(code, args, env);
    said.push(result.stdout, result.stderr);
    return result;
  };
  const others = [5, 6].map(id => personal(id, 1).replaceAll(SECRET, 'Hubert'));
  const first = dropOf(dir, '2017-12-04.json', [
    personal(1, 77),
    personal(2, 77),
    personal(3, 78),
    ...others,
    personal(10, 77, ',"test":"no"'), // each of these three is refused
    personal(11, 78, ',"test":"no"'),
    `{"id":"${SECRET}","user_id":"77","note":"${SECRET}"}`,
    personal(12, 77, ',"test":"mend"'),
    '{"id":13}', // nobody's, until somebody mends it
  ]);
  await shop.run(3, ['load', first]);
  // one of the refused is mended by hand and loaded, so that the bytes of both stand in the rejects
  const rejects = JSON.parse((await shop.run(0, ['rejects', 'list', '--json'])).stdout) as { id: number; order_id: string | null }[];
  const mended = join(dir, 'mended.jsonl');
  const id = rejects.find(r => r.order_id === '12')!.id;
  writeFileSync(mended, `${JSON.stringify({ id: String(id), order: personal(12, 77, ',"test":true') })}\n`);
  await shop.run(0, ['rejects', 'retry', '--from', mended]);
  await shop.run(0, ['merge']);
  assert.deepEqual(await tablesWith(shop, SECRET), [
    'glossier.rejects',
    'public.order_line_item_mapping',
    'public.orders__2017_12',
    'public.user_stats',
  ]);
  const before = await sums(shop);

  await run(2, ['forget', 'user', '77']);
  await run(2, ['forget', 'user', '077', '--reason', 'T1']);
  await run(0, ['forget', 'user', '77', '--reason', 'T1']);
  assert.deepEqual(await sums(shop), before, 'money and counts stay');
  await run(0, ['forget', 'user', '78', '--reason', 'T2'], { FORGET_KEEPS: 'nothing' });
  assert.deepEqual(await tablesWith(shop, SECRET), []);
  assert.deepEqual(await tablesWith(shop, '99001'), ['public.orders__2017_12'], 'numbers that lead to a person, but those of others');
  const left = await shop.query('SELECT user_id, count(*) AS n FROM orders GROUP BY 1 ORDER BY 1');
  assert.deepEqual(left, [
    { user_id: '1', n: '2' },
    { user_id: '77', n: '3' },
  ]);
  assert.deepEqual(await shop.query('SELECT user_id, total_orders, contact_email FROM user_stats ORDER BY 1'), [
    { user_id: '1', total_orders: '2', contact_email: 'Hubert@x' },
    { user_id: '77', total_orders: '3', contact_email: null },
  ]);
  const listed = JSON.parse((await run(0, ['forget', 'list', '--json'])).stdout) as { user: string; done_at: string | null }[];
  assert.deepEqual(
    listed.map(f => [f.user, f.done_at !== null]),
    [
      ['77', true],
      ['78', true],
    ],
  );

  // what proves the tables goes on proving them
  await run(0, ['verify']);
  await run(0, ['verify', first]);
  await run(0, ['verify', '2017-12-04.json']);
  for (const what of [
    ['order', '1'],
    ['order', '3'],
    ['user', '77'],
    ['user', '78'],
    ['order', '12'],
  ])
    await run(0, ['why', ...what]);
  assert.match((await run(0, ['why', 'order', '3'])).stdout, /nothing is kept/);
  await run(0, ['rejects', 'show', String(id)]);
  assert.match(
    (await run(2, ['rejects', 'retry', String(rejects[0].id)])).stderr,
    /is of a user who was forgotten, and its bytes are gone/,
  );
  await run(3, ['rejects', 'retry', '--all']);
  await run(0, ['rejects', 'export', join(dir, 'exported.jsonl')]);
  assert.deepEqual(
    readFileSync(join(dir, 'exported.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line).order),
    ['{"id":13}'],
  );

  // nor does what comes again, whole or mended, or anew
  const nobodys = rejects.find(r => r.order_id === '13')!.id;
  writeFileSync(mended, `${JSON.stringify({ id: String(nobodys), order: personal(13, 77) })}\n`);
  await run(0, ['rejects', 'retry', '--from', mended]);
  assert.deepEqual(await tablesWith(shop, SECRET), []);
  await run(0, ['verify', first]);
  await run(0, ['forget', 'user', '78', '--reason', 'T3']); // nothing was kept, and nothing comes back
  await run(3, [
    'load',
    dropOf(dir, '2017-12-05.json', [personal(1, 77), personal(20, 77), personal(21, 78), personal(22, 77, ',"test":"no"'), ...others]),
  ]);
  await run(0, ['rebuild']);
  assert.deepEqual(await tablesWith(shop, SECRET), []);
  await run(0, ['rebuild', '--dry-run']);
  // tables that are made anew from the topic alone, which still has it all
  await shop.query(
    'TRUNCATE orders__2017_12, order_line_item_mapping, user_stats, glossier.user_newest, glossier.known_orders; DELETE FROM glossier.rejects',
  );
  await run(0, ['rebuild']);
  assert.deepEqual(await tablesWith(shop, SECRET), []);
  await run(0, ['verify']);
  // a database of its own knows whom to forget before it loads the first order
  const again = await Shop.open(t, { ORDERS_TOPIC: shop.topic, KAFKA_GROUP: `${shop.topic}-again` });
  assert.match((await again.run(3, ['consume', '--until-drained'])).stderr, /carried out|/);
  assert.deepEqual(await tablesWith(again, SECRET), []);
  await again.run(0, ['verify']);

  await shop.query('VACUUM FULL');
  await shop.query('CHECKPOINT');
  assert.deepEqual(await filesWith(shop, SECRET), []);
  assert.ok(!said.join('').includes(SECRET), 'what was printed');
});

test('rows that were made before a request are made anew, and a request waits for those that are being written', async t => {
  const url = await directDatabase(t);
  const loader = await directLoader(t, url, 'a');
  const prepared = await loader.prepare(batchOf({ partition: 0, from: 0, orders: [personal(1, 77), personal(2, 78)] }));
  const at = new Date().toISOString();
  const request = (user: string, keeps: 'money' | 'nothing') => ({ user, keeps, reason: 'T', at });
  await withDb(url, async db => {
    assert.equal(await enterRequests(db, TABLES, [request('77', 'money'), request('78', 'nothing')]), true);
    assert.equal(await enterRequests(db, TABLES, [request('78', 'money')]), false, 'what is gone does not come back');
    await loader.load(prepared);
    const { rows } = await db.query('SELECT id, email, extra, total_price FROM orders');
    assert.deepEqual(rows, [{ id: '1', email: null, extra: null, total_price: '10.2500' }]);
    assert.deepEqual((await db.query('SELECT line_item_id, extra FROM order_line_item_mapping')).rows, [
      { line_item_id: '1', extra: null },
    ]);
    assert.deepEqual((await db.query('SELECT order_id, forgotten FROM glossier.known_orders ORDER BY 1')).rows, [
      { order_id: '1', forgotten: null },
      { order_id: '2', forgotten: 't' },
    ]);
    // one that is being loaded
    await withDb(url, async other => {
      await other.query(`BEGIN; LOCK TABLE ${TABLES.forgottenUsers} IN ROW SHARE MODE`);
      const entering = enterRequests(db, TABLES, [request('79', 'money')]);
      const first = await Promise.race([entering.then(() => 'entered'), new Promise(r => setTimeout(r, 300, 'waits'))]);
      assert.equal(first, 'waits');
      await other.query('COMMIT');
      assert.equal(await entering, true);
    });
    // who only reads it, as a backup does for hours, holds up neither a request nor a load
    await withDb(url, async other => {
      await other.query(`BEGIN; SELECT FROM ${TABLES.forgottenUsers}`);
      assert.equal(await enterRequests(db, TABLES, [request('80', 'money')]), true);
      await loader.load(await loader.prepare(batchOf({ partition: 1, from: 0, orders: [personal(5, 80)] })));
    });
    await forgetEntered(db, TABLES);
    assert.equal(await forgetEntered(db, TABLES), null);
  });
});

test('a request that a worker has read and not entered when it ends is not lost', async t => {
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '1', SESSION_TIMEOUT: '6s' });
  const dir = tempDir();
  t.after(() => removeServices(dir));
  await shop.run(0, ['load', dropOf(dir, '2017-12-04.json', [personal(1, 77)])]);
  const again = await Shop.open(t, { ORDERS_TOPIC: shop.topic, KAFKA_GROUP: `${shop.topic}-again` });
  await again.run(0, ['consume', '--until-drained']);
  await shop.run(0, ['forget', 'user', '77', '--reason', 'T']);
  await withDb(again.url, async db => {
    await db.query('BEGIN; LOCK TABLE glossier.forgotten_users IN ROW SHARE MODE');
    const worker = again.start(['consume']);
    await until('the worker waits for the table', 20, async () => (await again.query('SELECT FROM pg_locks WHERE NOT granted')).length > 0);
    await worker.stop('SIGKILL');
    await db.query('ROLLBACK');
  });
  await again.run(0, ['consume', '--until-drained']);
  assert.deepEqual(await tablesWith(again, SECRET), []);
});

test('the copy of a rebuild under way forgets as the tables do, and what is due for it is due in the database', async t => {
  const url = await directDatabase(t);
  await withDb(url, async db => {
    const { copy } = TABLES;
    await makeCopy(db, TABLES, 'a test', new Set(), async () => {});
    await db.query(copy.createMonth('2017_12'));
    await db.query(`INSERT INTO ${copy.month('2017_12')} (id, user_id, line_item_total) VALUES (1, 78, 1), (2, 5, 1)`);
    await db.query(`INSERT INTO ${copy.lineItems} (line_item_id, order_id) VALUES (1, 1)`);
    const rows = await forgetRows(db, copy, new Map([['78', 'nothing']]));
    assert.deepEqual(rows, { orders: 1, line_items: 1, users: 0, rejects: 0 });
    assert.deepEqual((await db.query(`SELECT id FROM ${copy.orders}`)).rows, [{ id: '2' }]);
    // order 2 has no line item left of the one that it may have claimed
    assert.deepEqual((await db.query('SELECT relation FROM glossier.rebuild_due')).rows, [{ relation: 'order_line_item_mapping' }]);
  });
});
