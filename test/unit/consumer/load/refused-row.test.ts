import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MessageBatch, messageOf } from '../../../../consumer/intake/batch.js';
import { refusalOf, refusedRow } from '../../../../consumer/load/refused-row.js';
import { batchRows } from '../../../../consumer/transform/batch-rows.js';

const order = (id: number, month: string, items: number, fields = '') =>
  `{"id":${id},"processed_at":"${month}-04T10:00:00Z","total_price":"1"${fields},"line_items":[${Array.from({ length: items }, (_, i) => `{"id":${id * 10 + i}}`).join(',')}]}`;

/** Which of these orders an error names. */
function named(where: string | undefined, values: string[] = ORDERS, message = 'value out of range') {
  const messages = values.map((v, offset) => messageOf(0, offset, Buffer.from(v), null));
  const batch: MessageBatch = { messages, segments: [], bytes: 0, reason: 'time', generation: 1 };
  const known = { orders: new Set(['3']), lineItems: new Set<string>() };
  const error = { where, message, code: '22003' };
  const at = refusedRow(
    error,
    batchRows(batch, () => 1, known, new Map(), { maxDepth: 64, forgotten: new Map() }),
  );
  return at === null ? null : { at, rejection: refusalOf(error) };
}

/** 0 and 4 in November; 1 and 6 in December; 2 is rejected, 3 is known, 5 not JSON. */
const ORDERS = [
  order(1, '2017-11', 0),
  order(2, '2017-12', 2),
  order(9, '2017-12', 1, ',"test":7'),
  order(3, '2017-12', 1),
  order(4, '2017-11', 3),
  'x',
  order(5, '2017-12', 1),
];

test('a line of a month table leads to the message that gave it', () => {
  assert.equal(named('COPY orders__2017_11, line 1, column note: "x"')!.at, 0);
  assert.equal(named('COPY orders__2017_11, line 2')!.at, 4);
  assert.equal(named('COPY orders__2017_12, line 1: "7"')!.at, 1);
  assert.equal(named('COPY orders__2017_12, line 2, column total_tax: "9"')!.at, 6);
});

test('a line of the mapping leads to the order that it belongs to', () => {
  const at = [1, 2, 3, 4, 5, 6].map(line => named(`COPY order_line_item_mapping, line ${line}, column extra: "{}"`)!.at);
  assert.deepEqual(at, [1, 1, 4, 4, 4, 6]);
});

test('a line of the registry leads to the order', () => {
  assert.deepEqual(
    [1, 2, 3, 4].map(line => named(`COPY known_orders, line ${line}`)!.at),
    [0, 1, 4, 6],
  );
});

test('the reason has the words and the code of Postgres, and the column as its path', () => {
  assert.deepEqual(named('COPY orders__2017_12, line 2, column extra: "{\\"a\\": 1e999999}"')!.rejection, {
    code: 'refused_by_database',
    path: 'extra',
    reason: 'Postgres refused it: value out of range (22003)',
  });
  assert.equal(named('COPY orders__2017_12, line 2')!.rejection.path, '');
  assert.equal(named('JSON data, line 1: …\nCOPY orders__2017_12, line 2, column extra: "…"')!.at, 6);
});

test('an error that names no row of the batch gives nothing', () => {
  for (const where of [
    undefined,
    '',
    'SQL statement "SELECT 1"',
    'COPY user_staging, line 1',
    'COPY orders__2017_11, line 3',
    'COPY something_else, line 1',
  ])
    assert.equal(named(where), null, where);
});
