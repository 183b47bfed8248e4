/** The oracle held against expectations that were written by hand from the contract's text. */
import assert from 'node:assert/strict';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { after, before, test } from 'node:test';
import yazl from 'yazl';
import { makeDrop } from '../support/make-drop.js';
import { Oracle, summaryLines } from '../support/oracle.js';
import { ORDER_COLUMNS, readOrder } from '../support/oracle-order.js';
import { readElement } from '../support/oracle-zip.js';

let dir: string;
before(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'oracle-'));
});
after(() => rm(dir, { recursive: true }));

async function zip(name: string, files: Record<string, string>): Promise<string> {
  const out = new yazl.ZipFile();
  for (const [file, text] of Object.entries(files)) out.addBuffer(Buffer.from(text), file);
  out.end();
  await pipeline(out.outputStream, createWriteStream(path.join(dir, name)));
  return path.join(dir, name);
}

/** `field=value` pairs over a small order. */
function order(id: number | string, fields: Record<string, unknown> = {}): string {
  return JSON.stringify({
    id: 0,
    processed_at: '2017-11-02T10:00:00Z',
    total_price: '1.00',
    user_id: 7,
    line_items: [],
    ...fields,
  }).replace('"id":0', `"id":${id}`);
}

const orders = (...list: string[]): string => `{"orders":[${list.join(',')}]}`;

test('one order becomes a row, its items and its user data', () => {
  const text = `{"id":9007199254740993,"processed_at":"2017-10-30T19:58:28-04:00","total_price":"130.64999999999998","note":"","tags":"\\\\N\\t","user_id":7,"test":false,
    "phone":"5","new":{"b":1.0},"line_items":[{"id":3,"quantity":2,"product_id":null,"sku":"s"},{"id":4}],"note":"last"}`;
  const row = readOrder(readElement(Buffer.from(text)));
  assert.ok('cells' in row);
  const cells = Object.fromEntries(ORDER_COLUMNS.map(([name], i) => [name, row.cells[i]]).filter(([, v]) => v !== null));
  assert.deepEqual(cells, {
    id: '9007199254740993',
    processed_at: '1509407908000000',
    total_price: '130.6500',
    note: 'last',
    tags: '\\N\t',
    user_id: '7',
    test: 'false',
    line_item_total: '2',
    extra: '{"new":{"b":1e0}}',
  });
  assert.deepEqual(row.items, [
    ['3', '9007199254740993', null, null, '2', '{"sku":"s"}'],
    ['4', '9007199254740993', null, null, null, null],
  ]);
  assert.deepEqual(row.user, [null, null, null, '5']);
  // 51 fields of the export without the four of the user and the items, then the total and the rest
  assert.equal(ORDER_COLUMNS.length, 48);
});

test('what is rejected', () => {
  const reason = (text: string): string => {
    const row = readOrder(readElement(Buffer.from(text)));
    return 'reason' in row ? row.reason : 'loaded';
  };
  assert.equal(reason(order(1)), 'loaded');
  assert.equal(reason(order('1e3')), 'loaded');
  for (const bad of [
    '5',
    'null',
    '[]',
    '{}',
    order('"1"'),
    order(0),
    order(1, { processed_at: null }),
    order(1, { total_price: null }),
    order(1, { line_items: null }),
    order(1, { line_items: [{}] }),
    order(1, { line_items: [3] }),
    order(1, { note: 5 }),
    order(1, { test: 'true' }),
    order(1, { number: '5' }),
    order(1, { number: 1.5 }),
    order(1, { phone: false }),
    order(1, { note: 'a\0b' }),
    order(1, { x: { 'k\0': 1 } }),
    order(1, { note: '\ud800' }),
    order(1, { x: ['\udfff'] }),
    order(1, { closed_at: '' }),
    order(1, { line_items: [{ id: 1, quantity: 2 ** 31 }] }),
  ]) {
    assert.notEqual(reason(bad), 'loaded', bad);
  }
  assert.deepEqual(readOrder(readElement(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))), {
    orderId: null,
    reason: 'the bytes are not UTF-8',
  });
});

test('two drops one after the other: once, newest wins, sums, books, summary', async () => {
  const oracle = new Oracle();
  const first = await zip('first.zip', {
    '2017-10-31.json': orders(
      order(5, {
        processed_at: '2017-10-31T23:00:00-04:00',
        total_price: '10.005',
        phone: 'old',
        line_items: [
          { id: 50, quantity: 1 },
          { id: 50, quantity: 9 },
        ],
      }),
      order(6, { user_id: null, line_items: [{ id: 60 }] }),
    ),
    'orders.json': orders(order(7, { user_id: 8, processed_at: '2017-10-31T23:00:00-04:00' })),
    '2017-11-01.json': orders(order(5, { phone: 'never' }), order('"8"')).slice(0, -1),
    'notes.txt': 'x',
    '__MACOSX/._2017-11-01.json': 'x',
  });
  assert.deepEqual(summaryLines(await oracle.load(first)), [
    'Connecting to PSQL...',
    'Loading data...',
    'Loaded 1 file(s) into orders__2017_10',
    'Loaded 1 file(s) into orders__2017_11',
    'Loaded 2 record(s) into order_line_item_mapping',
    'Loaded 2 record(s) into user_stats',
    'Loaded 0 record(s) into user_staging',
    'user_stats status: UPDATE 0',
  ]);
  const second = await zip('second.zip', {
    '2017-11-02.json': orders(
      order(4, {
        processed_at: '2017-11-03T02:59:59Z',
        total_price: '0.00005',
        line_items: [{ id: 60, quantity: 4 }, { id: 70 }],
      }),
      order(3, { processed_at: '2017-11-01T03:00:00Z', phone: 'tie of the lower id', total_price: '-1' }),
      order(6, { total_price: '99' }),
    ),
  });
  assert.deepEqual(summaryLines(await oracle.load(second)).slice(2), [
    'Loaded 1 file(s) into orders__2017_11',
    'Loaded 1 record(s) into order_line_item_mapping',
    'Loaded 0 record(s) into user_stats',
    'Loaded 1 record(s) into user_staging',
    'user_stats status: UPDATE 1',
  ]);
  assert.deepEqual(summaryLines(await oracle.load(first)).slice(2), [
    'Loaded 0 record(s) into order_line_item_mapping',
    'Loaded 0 record(s) into user_stats',
    'Loaded 0 record(s) into user_staging',
    'user_stats status: UPDATE 0',
  ]);
  assert.deepEqual(
    [...oracle.months()].map(([m, rows]) => [m, [...rows.keys()]]),
    [
      ['2017_10', ['5', '6']],
      ['2017_11', ['7', '4', '3']],
    ],
  );
  assert.deepEqual(
    [...oracle.items().values()],
    [[['50', '5', null, null, '1', null]], [['60', '6', null, null, null, null]], [['70', '4', null, null, null, null]]],
  );
  // 1 Nov 03:00:00 … 3 Nov 02:59:59 is one whole day and a bit
  assert.deepEqual(
    [...oracle.users().values()],
    [
      ['7', null, null, null, null, '3', '9.0051', '1509505200000000', '1509677999000000', '2'],
      ['8', null, null, null, null, '1', '1.0000', '1509505200000000', '1509505200000000', '1'],
    ],
  );
  assert.deepEqual(
    [...oracle.books.values()],
    [
      { name: 'first.zip', published: 5, loaded: 3, bypassed: 1, rejected: 1, brokenFiles: 1 },
      { name: 'second.zip', published: 3, loaded: 2, bypassed: 1, rejected: 0, brokenFiles: 0 },
    ],
  );
  assert.deepEqual(
    oracle.rejects.map(r => [r.kind, r.drop, r.file, r.index, r.orderId]),
    [
      ['order', 'first.zip', '2017-11-01.json', 1, null],
      ['file', 'first.zip', '2017-11-01.json', 2, null],
    ],
  );
  // order 5 stands in two files of one drop: which comes first is open
  assert.deepEqual(
    oracle.variants.get('5')?.map(v => v.month),
    ['2017_10', '2017_11'],
  );
});

test('a line item of two orders that are loaded together may belong to either', async () => {
  const oracle = new Oracle();
  await oracle.load(
    await zip('shared.zip', {
      '2017-10-31.json': orders(order(1, { line_items: [{ id: 9 }] }), order(2, { line_items: [{ id: 9 }] })),
    }),
  );
  assert.deepEqual(
    oracle
      .items()
      .get('9')
      ?.map(row => row[1]),
    ['1', '2'],
  );
});

test('a message of another producer goes by its processed_at', () => {
  const oracle = new Oracle();
  oracle.message(Buffer.from(order(1, { processed_at: '2017-11-30T23:30:00-01:00' })), Buffer.from('{'), Buffer.from(order(1)));
  assert.deepEqual([...oracle.months().keys()], ['2017_12']);
  assert.equal(oracle.rejects.length, 1);
});

test('of a generated drop all good orders are expected and each fault is one reject', async () => {
  const make = (name: string) =>
    makeDrop(path.join(dir, name), {
      seed: 3,
      dates: ['2017-10-30', '2017-11-01'],
      orders: 150,
      bad: true,
      broken: true,
      headless: true,
    });
  const made = await make('made.zip');
  const oracle = new Oracle();
  await oracle.load(made.path);
  for (const raw of made.orders) assert.ok(oracle.variants.has(raw.find(([key]) => key === '"id"')![1]), 'every good order loads');
  assert.equal(oracle.rejects.length, made.faults.length);
  assert.equal(oracle.rejects.filter(r => r.kind === 'file').length, made.faults.filter(f => f.startsWith('file: ')).length);
  const again = new Oracle();
  await again.load((await make('again.zip')).path);
  assert.deepEqual([...again.books.keys()], [...oracle.books.keys()], 'the same seed gives the same bytes');
});
