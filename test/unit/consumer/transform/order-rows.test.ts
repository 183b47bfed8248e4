import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CopyText } from '../../../../consumer/transform/copy-text.js';
import { OrderScan } from '../../../../consumer/transform/order-scan.js';
import { type KnownIds, type MessagePlace, RowSet } from '../../../../consumer/transform/order-rows.js';
import { LINE_ITEM_COLUMNS, ORDER_COLUMNS, REGISTRY_COLUMNS, STAGING_COLUMNS } from '../../../../consumer/schema/tables.js';
import { fieldKind, ORDER_FIELDS, USER_FIELDS } from '../../../../shared/order.js';
import { decodeCopy } from './copy-decode.js';

const PLACE: MessagePlace = { fileNo: 3, index: 9, partition: 2, offset: 77, month: '2017_12' };
const GOOD = { id: '1', user_id: '7', processed_at: '"2017-12-04T10:00:00-05:00"', total_price: '"12.50"', line_items: '[]' };

type Members = Record<string, string | undefined>;

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
  const bytes = order({ note: '"tab\\t \\\\N"', email: '""', tags: 'null', test: 'true', confirmed: 'false', number: '1e2', new: '{"a":[1, 2]}', phone: '"1"', line_items: '[{"id":5,"product_id":6,"quantity":2,"x":"\\n"},{"quantity":null,"id":8}]' });
  assert.equal(add(rows, bytes), 'loaded');
  const [row] = months(rows);
  assert.deepEqual([row.id, row.note, row.email, row.tags, row.test, row.confirmed, row.number], ['1', 'tab\t \\N', '', null, 't', 'f', '100']);
  assert.deepEqual([row.line_item_total, row.processed_at, row.total_price, row.closed_at], ['2', '2017-12-04T10:00:00-05:00', '12.50', null]);
  assert.deepEqual(JSON.parse(row.extra!), { new: { a: [1, 2] } });
  assert.deepEqual(items(rows), [
    { line_item_id: '5', order_id: '1', product_id: '6', variant_id: null, quantity: '2', extra: '{"x":"\\n"}' },
    { line_item_id: '8', order_id: '1', product_id: null, variant_id: null, quantity: null, extra: null },
  ]);
  assert.deepEqual(table(rows.registry, REGISTRY_COLUMNS), [{ order_id: '1', month: '201712', file_no: '3', order_index: '9', partition: '2', record_offset: '77' }]);
  assert.equal(rows.newLineItems, 2);
  assert.deepEqual(staging(rows), [
    {
      user_id: '7', customer_locale: null, buyer_accepts_marketing: null, contact_email: null, phone: '1', total_orders: '1', total_spend: '12.5000',
      min_processed_at: '2017-12-04 15:00:00.000000+00', max_processed_at: '2017-12-04 15:00:00.000000+00', total_days: '1', newest_order_id: '1',
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

const WHOLE = 'is not a whole number in 1…9223372036854775807';

/** What is changed of a good order, and the refusal: code, path, reason. */
const REFUSED: [change: Members, code: string, path: string, reason: string][] = [
  [{ id: undefined }, 'bad_id', 'id', 'id is missing'],
  [{ id: 'null' }, 'bad_id', 'id', 'id is null'],
  [{ id: '"5"' }, 'bad_id', 'id', 'id is a string, a whole number in 1…9223372036854775807 was expected'],
  [{ id: '0' }, 'bad_id', 'id', `id ${WHOLE}`],
  [{ id: '-1' }, 'bad_id', 'id', `id ${WHOLE}`],
  [{ id: '1.5' }, 'bad_id', 'id', `id ${WHOLE}`],
  [{ id: '9223372036854775808' }, 'bad_id', 'id', `id ${WHOLE}`],
  [{ processed_at: undefined }, 'missing_field', 'processed_at', 'processed_at is missing'],
  [{ processed_at: 'null' }, 'missing_field', 'processed_at', 'processed_at is null'],
  [{ processed_at: '5' }, 'bad_type', 'processed_at', 'processed_at is a number, an instant as text was expected'],
  [{ processed_at: '"2017-12-04T10:00:00"' }, 'bad_instant', 'processed_at', 'processed_at is not a real date and time with an offset (like 2017-10-31T19:49:53-04:00)'],
  [{ closed_at: '"2017-02-30T10:00:00Z"' }, 'bad_instant', 'closed_at', 'closed_at is not a real date and time with an offset (like 2017-10-31T19:49:53-04:00)'],
  [{ total_price: undefined }, 'missing_field', 'total_price', 'total_price is missing'],
  [{ total_price: 'null' }, 'missing_field', 'total_price', 'total_price is null'],
  [{ total_price: '"NaN"' }, 'bad_number', 'total_price', 'total_price is not a decimal as text or number'],
  [{ total_price: 'true' }, 'bad_type', 'total_price', 'total_price is true, a decimal as text or number was expected'],
  [{ total_tax: '"1e15"' }, 'out_of_range', 'total_tax', 'total_tax: 1e15 does not fit numeric(19,4)'],
  [{ line_items: undefined }, 'bad_line_items', 'line_items', 'line_items is missing, an array was expected'],
  [{ line_items: '{}' }, 'bad_line_items', 'line_items', 'line_items is an object, an array was expected'],
  [{ line_items: '[{"id":1},null]' }, 'bad_line_items', 'line_items[1]', 'line_items[1] is not an object'],
  [{ line_items: '[{"id":1},{}]' }, 'bad_line_items', 'line_items[1].id', 'line_items[1].id is missing, a whole number was expected'],
  [{ line_items: '[{"id":"1"}]' }, 'bad_line_items', 'line_items[0].id', 'line_items[0].id is a string, a whole number was expected'],
  [{ line_items: '[{"id":0}]' }, 'bad_line_items', 'line_items[0].id', `line_items[0].id ${WHOLE}`],
  [{ line_items: '[{"id":1,"quantity":2147483648}]' }, 'out_of_range', 'line_items[0].quantity', 'line_items[0].quantity: 2147483648 does not fit integer'],
  [{ line_items: '[{"id":1,"quantity":1.5}]' }, 'bad_number', 'line_items[0].quantity', 'line_items[0].quantity is not a whole number'],
  [{ line_items: '[{"id":1,"product_id":"2"}]' }, 'bad_type', 'line_items[0].product_id', 'line_items[0].product_id is a string, a whole number was expected'],
  [{ line_items: '[{"id":1,"variant_id":1e19}]' }, 'out_of_range', 'line_items[0].variant_id', 'line_items[0].variant_id: 1e19 does not fit bigint'],
  [{ line_items: '[{"id":1,"x":"\\u0000"}]' }, 'bad_text', 'an unknown field of line_items[0]', 'an unknown field of line_items[0] holds NUL or an unpaired surrogate, which Postgres cannot store'],
  [{ number: '1.5' }, 'bad_number', 'number', 'number is not a whole number'],
  [{ user_id: '92233720368547758080' }, 'out_of_range', 'user_id', 'user_id: 92233720368547758080 does not fit bigint'],
  [{ device_id: '"1"' }, 'bad_type', 'device_id', 'device_id is a string, a whole number was expected'],
  [{ test: '"no"' }, 'bad_type', 'test', 'test is a string, true or false was expected'],
  [{ note: '5' }, 'bad_type', 'note', 'note is a number, a string was expected'],
  [{ note: '"a\\u0000"' }, 'bad_text', 'note', 'note holds NUL or an unpaired surrogate, which Postgres cannot store'],
  [{ email: '"\\ud800"' }, 'bad_text', 'email', 'email holds NUL or an unpaired surrogate, which Postgres cannot store'],
  [{ phone: '{}' }, 'bad_type', 'phone', 'phone is an object, a string was expected'],
  [{ buyer_accepts_marketing: '1' }, 'bad_type', 'buyer_accepts_marketing', 'buyer_accepts_marketing is a number, true or false was expected'],
  [{ new: '{"\\ud800":1}' }, 'bad_text', 'an unknown field', 'an unknown field holds NUL or an unpaired surrogate, which Postgres cannot store'],
];

test('each rule of what an order must be: code, path and words, and no trace of the order', () => {
  for (const [change, code, path, reason] of REFUSED) {
    const rows = new RowSet(fresh());
    assert.equal(add(rows, order({ id: '100', line_items: '[{"id":50}]' })), 'loaded');
    assert.deepEqual(add(rows, order(change)), { code, path, reason });
    assert.equal(add(rows, order({ id: '101' })), 'loaded');
    assert.deepEqual(months(rows).map(r => r.id), ['100', '101'], reason);
    assert.deepEqual(items(rows).map(r => r.line_item_id), ['50'], reason);
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
  assert.deepEqual(months(rows).map(r => [r.id, r.total_price, r.line_item_total]), [['5', '1', '3'], ['6', '12.50', '2']]);
  assert.deepEqual(items(rows).map(r => [r.line_item_id, r.order_id]), [['61', '5'], ['62', '6']]);
});

test('what a refused order claimed is free for the next, and what others claimed is not', () => {
  const rows = new RowSet(fresh());
  add(rows, order({ id: '1', line_items: '[{"id":70}]' }));
  assert.equal(typeof add(rows, order({ id: '2', line_items: '[{"id":70},{"id":71},{"id":0}]' })), 'object');
  assert.equal(typeof add(rows, order({ id: '3', number: '"x"' })), 'object');
  assert.equal(typeof add(rows, order({ id: '3', line_items: '[7]' })), 'object');
  assert.equal(add(rows, order({ id: '2', line_items: '[{"id":70},{"id":71}]' })), 'loaded');
  assert.deepEqual(items(rows).map(r => [r.line_item_id, r.order_id]), [['70', '1'], ['71', '2']]);
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
