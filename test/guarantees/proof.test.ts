/** `verify <drop>`: from the bytes of a drop to every column of the tables, and back. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Proof } from '../../consumer/proof/proof.js';
import type { WhyOrder } from '../../consumer/why/order.js';
import type { WhyUser } from '../../consumer/why/user.js';
import { makeDrop } from '../support/make-drop.js';
import { removeServices, tempDir } from '../support/services.js';
import { order, Shop } from './shop.js';

interface TwoDrops {
  shop: Shop;
  first: string;
  second: string;
}

/** The second drop brings orders of the first again, half of them changed, and line items of the first. */
async function twoDrops(t: TestContext, awkward: number): Promise<TwoDrops> {
  const dir = tempDir();
  t.after(() => removeServices(dir));
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '3', BATCH_ORDERS: '100', SESSION_TIMEOUT: '30s' });
  const [first, second] = ['first', 'second'].map(name => join(dir, `${name}.zip`));
  const a = await makeDrop(first, {
    seed: 71,
    dates: ['2017-11-29', '2017-11-30', '2017-12-01'],
    orders: 160,
    awkward,
    bad: true,
    broken: true,
    layout: 'line',
  });
  let n = 0;
  await makeDrop(second, {
    seed: 72,
    dates: ['2017-12-02'],
    orders: 60,
    awkward,
    firstId: 2n ** 58n,
    layout: 'line',
    again: a.orders.slice(0, 20),
    alter: order => (n++ % 2 === 0 ? order : [...order.filter(([key]) => key !== '"note"'), ['"note"', '"changed"']]),
    sharedItems: a.items.slice(0, 30),
  });
  await shop.run(3, ['load', first]);
  await shop.run(0, ['load', second]);
  return { shop, first, second };
}

async function proofOf(shop: Shop, drop: string, code: number): Promise<Proof> {
  return JSON.parse((await shop.run(code, ['verify', drop, '--json'])).stdout);
}

async function why<T>(shop: Shop, what: string, id: string): Promise<T> {
  return JSON.parse((await shop.run(0, ['why', what, id, '--json'])).stdout);
}

/** What a proof names as wrong, in short. */
function wrong(p: Proof): string[] {
  return [
    ...p.missing.list.map(m => `missing order ${m.order} ${m.elsewhere ?? ''}`.trim()),
    ...p.missing_rows.list.map(r => `missing ${r.table} ${r.id}`),
    ...p.extra.list.map(r => `extra ${r.table} ${r.id}`),
    ...p.differing.list.map(d => `differs ${d.table} ${d.id} ${d.column}`),
    ...p.faults,
  ].sort();
}

test('a drop that is in the tables is proven by its bytes and by its messages, with all that was rejected and bypassed', async t => {
  const { shop, first, second } = await twoDrops(t, 0.3);
  const rows = await shop.query(
    `SELECT d.name, sum(loaded) AS loaded, sum(bypassed) AS bypassed, sum(rejected) AS rejected, sum(conflicting) AS conflicting, sum(identical) AS identical
       FROM glossier.books JOIN glossier.drop_files USING (file_no) JOIN glossier.drops d USING (topic, drop_id) GROUP BY 1 ORDER BY 1`,
  );
  const books = Object.fromEntries(rows.map(r => [r.name, r]));
  for (const [zip, name] of [
    [first, 'first.zip'],
    [second, 'second.zip'],
  ]) {
    for (const given of [zip, name]) {
      const p = await proofOf(shop, given, 0);
      assert.deepEqual(wrong(p), []);
      assert.deepEqual([p.source, p.loaded, p.bypassed.count, p.rejected.count, p.bypassed.conflicting, p.bypassed.identical].map(String), [
        given === zip ? 'drop' : 'topic',
        books[name].loaded,
        books[name].bypassed,
        books[name].rejected,
        books[name].conflicting,
        books[name].identical,
      ]);
      assert.equal(p.certificates[0].same, true);
      assert.equal(p.certificates[0].published!.content, p.content);
    }
  }
  assert.ok(Number(books['second.zip'].conflicting) >= 5 && Number(books['second.zip'].identical) >= 5);
  const text = (await shop.run(0, ['verify', second])).stdout;
  assert.match(text, /conflict order \d+ \(.*2017-12-02\.json, index \d+\): loaded from first\.zip /);
  assert.match(text, /Complete: every order is accounted for/);
  const [conflict] = (await proofOf(shop, second, 0)).bypassed.list.filter(b => b.identical === false);
  const order = await why<WhyOrder>(shop, 'order', conflict.order!);
  assert.equal(order.from!.name, 'first.zip');
  assert.deepEqual([order.from!.file, order.from!.index], [conflict.first.file, conflict.first.index]);
  assert.deepEqual(
    order.others.map(o => [o.name, o.file, o.index]),
    [['second.zip', conflict.file, conflict.index]],
  );
  assert.ok(order.batch!.from_offset <= order.from!.offset && order.from!.offset < order.batch!.to_offset);
  assert.deepEqual([order.differing, order.rows], [[], []]);
  assert.match(
    (await shop.run(0, ['why', 'drop', 'second.zip'])).stdout,
    /sums +of orders, bytes and content agree in every file\n[\s\S]*conflict with drop \w+ \(first\.zip\)/,
  );
  const [show] = JSON.parse((await shop.run(0, ['conflicts', 'show', conflict.order!, '--json'])).stdout);
  assert.deepEqual([show.fields, show.first.file, show.bypassed.index], [['note'], conflict.first.file, conflict.index]);
  const list = JSON.parse((await shop.run(0, ['conflicts', 'list', '--drop', 'second.zip', '--json'])).stdout);
  assert.equal(list.length, Number(books['second.zip'].conflicting));
  assert.match(
    (await shop.run(0, ['conflicts', 'list'])).stdout,
    new RegExp(`^${conflict.order} .*2017-12-02.json:${conflict.index} of `, 'm'),
  );
  const views = await shop.query(
    `SELECT bool_and(complete AND published = loaded + bypassed + rejected AND waiting = 0) AS complete, sum(conflicting) AS conflicting,
       (SELECT count(*) FROM glossier.conflicts) AS kept, (SELECT sum(rejects) FROM glossier.rejects_by_reason WHERE kind = 'order') AS rejects,
       (SELECT complete_until FROM glossier.freshness) = max(finished_at) AS fresh FROM glossier.drop_books`,
  );
  const sum = (what: string) => String(rows.reduce((n, r) => n + Number(r[what]), 0));
  assert.deepEqual(views, [
    { complete: 't', conflicting: sum('conflicting'), kept: sum('conflicting'), rejects: sum('rejected'), fresh: 't' },
  ]);
  // without Kafka
  await shop.run(0, ['verify', second], { KAFKA_BROKERS: undefined });
  await shop.run(2, ['verify', 'third.zip']);
});

test('whatever is done to a loaded drop by hand, its proof names that and nothing else', async t => {
  const { shop, first } = await twoDrops(t, 0); // line items that two orders of the drop claim have no one right answer
  const ids = (
    await shop.query(
      `SELECT o.id, (SELECT min(line_item_id) FROM order_line_item_mapping WHERE order_id = o.id) AS item FROM orders__2017_11 o
        JOIN glossier.known_orders k ON k.order_id = o.id JOIN glossier.drop_files f USING (file_no) JOIN glossier.drops d USING (topic, drop_id)
       WHERE d.name = 'first.zip' AND o.line_item_total > 0 AND o.line_item_total = (SELECT count(*) FROM order_line_item_mapping WHERE order_id = o.id) AND o.id NOT IN (SELECT order_id FROM glossier.user_newest)
       ORDER BY o.id LIMIT 11`,
    )
  ).map(r => [r.id, r.item]);
  const users = (
    await shop.query(
      `SELECT DISTINCT user_id FROM user_stats JOIN orders USING (user_id) JOIN glossier.known_orders k ON k.order_id = id
         JOIN glossier.drop_files f USING (file_no) JOIN glossier.drops d USING (topic, drop_id) WHERE d.name = 'first.zip' ORDER BY 1 LIMIT 3`,
    )
  ).map(r => r.user_id);
  const [price, note, gone, never, quantity, fewer, more, given, taking, moved, instant] = ids;
  const itemsOfNever = (await shop.query(`SELECT line_item_id AS id FROM order_line_item_mapping WHERE order_id = ${never[0]}`)).map(
    r => r.id,
  );
  await shop.query(`
    UPDATE orders SET total_price = total_price + 0.0001 WHERE id = ${price[0]};
    UPDATE orders SET note = coalesce(note, '') || ' ' WHERE id = ${note[0]};
    UPDATE orders SET created_at = created_at + interval '1 microsecond', updated_at = '2001-01-01Z' WHERE id = ${instant[0]};
    DELETE FROM orders WHERE id = ${gone[0]};
    DELETE FROM orders WHERE id = ${never[0]}; DELETE FROM glossier.known_orders WHERE order_id = ${never[0]};
    DELETE FROM order_line_item_mapping WHERE order_id = ${never[0]};
    UPDATE order_line_item_mapping SET quantity = coalesce(quantity, 0) + 1 WHERE line_item_id = ${quantity[1]};
    DELETE FROM order_line_item_mapping WHERE line_item_id = ${fewer[1]};
    INSERT INTO order_line_item_mapping (line_item_id, order_id) VALUES (17, ${more[0]});
    UPDATE order_line_item_mapping SET order_id = ${taking[0]} WHERE line_item_id = ${given[1]};
    WITH o AS (DELETE FROM orders WHERE id = ${moved[0]} RETURNING *) INSERT INTO orders__2017_12 SELECT * FROM o;
    INSERT INTO orders__2017_11 (id, total_price, line_item_total) VALUES (18, 1, 0);
    UPDATE user_stats SET total_spend = total_spend - 1 WHERE user_id = ${users[0]};
    UPDATE user_stats SET contact_email = 'somebody@else' WHERE user_id = ${users[1]};
    UPDATE user_stats SET min_processed_at = min_processed_at - interval '1 second' WHERE user_id = ${users[2]}`);
  const done = [
    `differs orders__2017_11 ${price[0]} total_price`,
    `differs orders__2017_11 ${note[0]} note`,
    `differs orders__2017_11 ${instant[0]} created_at`,
    `differs orders__2017_11 ${instant[0]} updated_at`,
    `missing order ${gone[0]}`,
    `missing order ${never[0]}`,
    `differs order_line_item_mapping ${quantity[1]} quantity`,
    `missing order_line_item_mapping ${fewer[1]}`,
    'extra order_line_item_mapping 17',
    `differs order_line_item_mapping ${given[1]} order_id`,
    `missing order ${moved[0]} orders__2017_12`,
    `extra orders__2017_12 ${moved[0]}`,
    'extra orders__2017_11 18',
    `differs user_stats ${users[0]} total_spend`,
    `differs user_stats ${users[2]} min_processed_at`,
  ];
  for (const drop of [first, 'first.zip']) {
    const p = await proofOf(shop, drop, 1);
    // another order of the drop may claim a line item of the one that is gone, and then lacks it rightly
    const claimed = itemsOfNever.map(id => `missing order_line_item_mapping ${id}`);
    const named = wrong(p).filter(w => !/^the books count \d+ loaded/.test(w) && !claimed.includes(w));
    const email = named.filter(w => w.includes(`user_stats ${users[1]} `));
    assert.equal(email.length, 1);
    assert.match(email[0], /contact_email/);
    assert.deepEqual(
      named.filter(w => w !== email[0]),
      done.sort(),
    );
    const note_ = p.differing.list.find(d => d.column === 'note')!;
    assert.equal(note_.is, `${note_.should_be ?? ''} `.slice(0, 200));
    for (const m of p.missing.list) assert.ok(/2017-11-\d\d\.json$/.test(m.file) && m.index >= 0);
  }
  const altered = await why<WhyOrder>(shop, 'order', price[0]);
  assert.deepEqual(
    altered.differing!.map(d => d.column),
    ['total_price'],
  );
  assert.match((await shop.run(0, ['why', 'order', note[0]])).stdout, /DIFFERS +orders__2017_11 \d+: note is /);
  assert.deepEqual((await why<WhyOrder>(shop, 'order', fewer[0])).rows, [`line item ${fewer[1]} is missing`]);
  assert.match((await why<WhyOrder>(shop, 'order', moved[0])).rows.join(), /its row is missing; it stands in orders__2017_12/);
  assert.match(
    (await shop.run(0, ['why', 'line-item', quantity[1]])).stdout,
    new RegExp(`^Line item ${quantity[1]}, of order ${quantity[0]}\n[\\s\\S]*quantity is `),
  );
  const spend = await why<WhyUser>(shop, 'user', users[0]);
  assert.deepEqual([spend.adds_up.total_spend, spend.adds_up.max_processed_at], [false, true]);
  const email_ = await why<WhyUser>(shop, 'user', users[1]);
  assert.deepEqual([email_.fields_unchanged, email_.differing?.map(d => d.column)], [false, ['contact_email']]);
  assert.equal((await why<WhyUser>(shop, 'user', users[2])).adds_up.min_processed_at, false);
  await shop.run(2, ['why', 'order', '12345']);
  assert.match(
    (await shop.run(1, ['verify', first])).stdout,
    new RegExp(`MISSING +order ${gone[0]} \\(.*2017-11-\\d\\d.json, index \\d+; partition \\d, offset \\d+\\)`),
  );
});

test('a schema whose name is hostile changes nothing about a proof', { timeout: 120_000 }, async t => {
  const shop = await Shop.open(t, { DATABASE_SCHEMA: `a'b"; DROP TABLE orders; -- $$ %s` });
  const file = join(tempDir('hostile-'), '2017-12-04.json');
  writeFileSync(file, `{"orders":[${order(1)},${order(2)}]}`);
  await shop.run(0, ['load', file]);
  assert.match((await shop.run(0, ['verify', file])).stdout, /Complete/);
  await shop.run(0, ['preview', file]);
  await shop.run(0, ['why', 'order', '1']);
});
