import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LINE_ITEM_COLUMNS, ORDER_COLUMNS, REGISTRY_COLUMNS, STAGING_COLUMNS } from '../../../../consumer/schema/tables.js';
import { CopyText } from '../../../../consumer/transform/copy-text.js';
import { type KnownIds, type MessagePlace, RowSet } from '../../../../consumer/transform/order-rows.js';
import { OrderScan } from '../../../../consumer/transform/order-scan.js';
import { fieldKind, ORDER_FIELDS, USER_FIELDS } from '../../../../shared/order.js';
import { decodeCopy } from './copy-decode.js';
import { type Members, REFUSED } from './refused-orders.js';

const PLACE: MessagePlace = { fileNo: 3, index: 9, partition: 2, offset: 77, month: '2017_12', content: 2n ** 64n - 5n };
const GOOD = {
  id: '1',
  user_id: '7',
  processed_at: '"2017-12-04T10:00:00-05:00"',
  total_price: '"12.50"',
  line_items: '[]',
};

/** An order's JSON; each value as it stands in the text. */
function order(members: Members): Buffer {
  const all = Object.entries({ ...GOOD, ...members }).filter(([, v]) => v !== undefined);
  return Buffer.from(`{${all.map(([k, v]) => `${JSON.stringify(k)}:${v}`).join(',')}}`);
}

const scan = new OrderScan(64);

function add(rows: RowSet, bytes: Buffer, place: MessagePlace = PLACE) {
  return scan.scan(bytes) ?? rows.add(scan, place);
}

/** Rows as objects of text by column. */
function table(out: CopyText | undefined, columns: readonly string[]): Record<string, string | null>[] {
  if (out === undefined) return [];
  return decodeCopy(Buffer.concat(out.chunks())).map(cells => {
    assert.equal(cells.length, columns.length);
    return Object.fromEntries(cells.map((c, i) => [columns[i], c === null ? null : c.toString('utf8')]));
  });
}

const months = (rows: RowSet, month = '2017_12') => table(rows.months.get(month), ORDER_COLUMNS);
const items = (rows: RowSet) => table(rows.lineItems, LINE_ITEM_COLUMNS);
const staging = (rows: RowSet) => {
  const out = new CopyText();
  rows.users.write(out);
  return table(out, STAGING_COLUMNS);
};
const fresh = (): KnownIds => ({ orders: new Set(), lineItems: new Set() });

test('an order becomes a row of its month, its line items, its registry entry and its share of the user', () => {
  const rows = new RowSet(null);
  const bytes = order({
    note: '"tab\\t \\\\N"',
    email: '""',
    tags: 'null',
    test: 'true',
    confirmed: 'false',
    number: '1e2',
    new: '{"a":[1, 2]}',
    phone: '"1"',
    line_items: '[{"id":5,"product_id":6,"quantity":2,"x":"\\n"},{"quantity":null,"id":8}]',
  });
  assert.equal(add(rows, bytes), 'loaded');
  const [row] = months(rows);
  assert.deepEqual(
    [row.id, row.note, row.email, row.tags, row.test, row.confirmed, row.number],
    ['1', 'tab\t \\N', '', null, 't', 'f', '100'],
  );
  assert.deepEqual(
    [row.line_item_total, row.processed_at, row.total_price, row.closed_at],
    ['2', '2017-12-04T10:00:00-05:00', '12.50', null],
  );
  assert.deepEqual(JSON.parse(row.extra!), { new: { a: [1, 2] } });
  assert.deepEqual(items(rows), [
    { line_item_id: '5', order_id: '1', product_id: '6', variant_id: null, quantity: '2', extra: '{"x":"\\n"}' },
    { line_item_id: '8', order_id: '1', product_id: null, variant_id: null, quantity: null, extra: null },
  ]);
  assert.deepEqual(table(rows.registry, REGISTRY_COLUMNS), [
    { order_id: '1', month: '201712', file_no: '3', order_index: '9', partition: '2', record_offset: '77', content: '-5' },
  ]);
  assert.equal(rows.newLineItems, 2);
  assert.deepEqual(staging(rows), [
    {
      user_id: '7',
      customer_locale: null,
      buyer_accepts_marketing: null,
      contact_email: null,
      phone: '1',
      total_orders: '1',
      total_spend: '12.5000',
      min_processed_at: '2017-12-04 15:00:00.000000+00',
      max_processed_at: '2017-12-04 15:00:00.000000+00',
      total_days: '1',
      newest_order_id: '1',
    },
  ]);
});

test('without a month of the file the month is that of processed_at in UTC', () => {
  const rows = new RowSet(null);
  add(rows, order({ processed_at: '"2017-12-31T23:30:00-05:00"' }), { ...PLACE, month: null, index: -1 });
  assert.deepEqual([...rows.months.keys()], ['2018_01']);
  assert.equal(table(rows.registry, REGISTRY_COLUMNS)[0].order_index, null);
});

test('an order without a user loads, and no user hears of it', () => {
  for (const user_id of ['null', undefined]) {
    const rows = new RowSet(null);
    assert.equal(add(rows, order({ user_id })), 'loaded');
    assert.deepEqual(staging(rows), []);
  }
});

test('each rule of what an order must be: code, path and words, and no trace of the order', () => {
  for (const [change, code, path, reason] of REFUSED) {
    const rows = new RowSet(fresh());
    assert.equal(add(rows, order({ id: '100', line_items: '[{"id":50}]' })), 'loaded');
    assert.deepEqual(add(rows, order(change)), { code, path, reason });
    assert.equal(add(rows, order({ id: '101' })), 'loaded');
    assert.deepEqual(
      months(rows).map(r => r.id),
      ['100', '101'],
      reason,
    );
    assert.deepEqual(
      items(rows).map(r => r.line_item_id),
      ['50'],
      reason,
    );
    assert.equal(rows.registry.rows, 2);
    assert.equal(staging(rows)[0].total_orders, '2');
    assert.deepEqual([[...rows.known!.orders], [...rows.known!.lineItems]], [['100', '101'], ['50']], reason);
  }
});

test('every scalar field is checked against its kind', () => {
  const wrong = { bigint: '"x"', money: '[]', instant: '7', boolean: '0', text: '7' };
  for (const field of [...ORDER_FIELDS, ...USER_FIELDS]) {
    const outcome = add(new RowSet(null), order({ [field]: wrong[fieldKind(field)] }));
    assert.ok(typeof outcome === 'object' && outcome.path === field, field);
  }
});

test('a long number is quoted in part only', () => {
  const outcome = add(new RowSet(null), order({ device_id: '9'.repeat(500) }));
  assert.ok(typeof outcome === 'object' && outcome.reason.length < 100 && outcome.reason.includes('…'));
});

test('of two orders of one id the first wins, and of two line items', () => {
  const rows = new RowSet({ orders: new Set(['4']), lineItems: new Set(['60']) });
  assert.equal(add(rows, order({ id: '4' })), 'bypassed');
  assert.equal(add(rows, order({ id: '5', total_price: '"1"', line_items: '[{"id":60},{"id":61},{"id":61,"quantity":9}]' })), 'loaded');
  assert.equal(add(rows, order({ id: '5', total_price: '"2"', line_items: '[{"id":62}]' })), 'bypassed');
  assert.equal(add(rows, order({ id: '5e0', line_items: '[]' })), 'bypassed');
  assert.equal(add(rows, order({ id: '6', line_items: '[{"id":62},{"id":61}]' })), 'loaded');
  assert.deepEqual(
    months(rows).map(r => [r.id, r.total_price, r.line_item_total]),
    [
      ['5', '1', '3'],
      ['6', '12.50', '2'],
    ],
  );
  assert.deepEqual(
    items(rows).map(r => [r.line_item_id, r.order_id]),
    [
      ['61', '5'],
      ['62', '6'],
    ],
  );
});

test('what a refused order claimed is free for the next, and what others claimed is not', () => {
  const rows = new RowSet(fresh());
  add(rows, order({ id: '1', line_items: '[{"id":70}]' }));
  assert.equal(typeof add(rows, order({ id: '2', line_items: '[{"id":70},{"id":71},{"id":0}]' })), 'object');
  assert.equal(typeof add(rows, order({ id: '3', number: '"x"' })), 'object');
  assert.equal(typeof add(rows, order({ id: '3', line_items: '[7]' })), 'object');
  assert.equal(add(rows, order({ id: '2', line_items: '[{"id":70},{"id":71}]' })), 'loaded');
  assert.deepEqual(
    items(rows).map(r => [r.line_item_id, r.order_id]),
    [
      ['70', '1'],
      ['71', '2'],
    ],
  );
});

test('on the optimistic way nothing is looked at: two of one id are two rows', () => {
  const rows = new RowSet(null);
  assert.deepEqual([add(rows, order({})), add(rows, order({}))], ['loaded', 'loaded']);
  assert.equal(months(rows).length, 2);
});

test('money and instants that are written with escapes are read as what they say', () => {
  const rows = new RowSet(null);
  assert.equal(add(rows, order({ total_price: '"\\u0031\\u002e5"', processed_at: '"2017\\u002d12-04T10:00:00Z"' })), 'loaded');
  assert.deepEqual([months(rows)[0].total_price, months(rows)[0].processed_at], ['1.5', '2017-12-04T10:00:00Z']);
});
