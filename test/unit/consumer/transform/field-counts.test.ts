import assert from 'node:assert/strict';
import { test } from 'node:test';
import { driftOf, driftWords } from '../../../../consumer/status/drift.js';
import { DropFieldCounts, type FieldCount } from '../../../../consumer/transform/field-counts.js';
import { OrderScan } from '../../../../consumer/transform/order-scan.js';

function count(orders: unknown[], drop = 'd'): { fields: Record<string, FieldCount>; orders: number; more: number } {
  const counts = new DropFieldCounts();
  const scan = new OrderScan(64);
  for (const order of orders) {
    assert.equal(scan.scan(Buffer.from(typeof order === 'string' ? order : JSON.stringify(order))), null);
    counts.see(scan, drop, 0);
  }
  const [one] = counts.all();
  return { fields: Object.fromEntries(one.entries()), orders: one.orders, more: one.more };
}

test('fields are counted by order, unknown ones with the kinds of their values', () => {
  const { fields, orders } = count([
    {
      id: 1,
      note: null,
      gift: true,
      line_items: [
        { id: 1, sku: 'a' },
        { id: 2, sku: null },
      ],
    },
    { id: 2, gift: { by: 1 }, line_items: [] },
    '{"id":3,"gift":1,"gift":[],"l\\u0069ne_items":[],"a\\u0000\\ud800":0}',
  ]);
  assert.equal(orders, 3);
  assert.deepEqual(fields, {
    id: [3, 0],
    note: [1, 0],
    line_items: [3, 0],
    gift: [3, 1 + 2 + 8 + 16],
    'line_items[].sku': [1, 4 + 64],
    'a\ufffd\ufffd': [1, 8],
  });
});

test('an order that follows one with unknown fields in its line items has none of them', () => {
  assert.deepEqual(
    count([{ id: 1, line_items: [{ id: 1, sku: 1 }] }, { id: 2 }, { id: 3, line_items: [{ id: 4 }] }]).fields['line_items[].sku'],
    [1, 8],
  );
});

test('names that an export makes up do not grow without bound', () => {
  const { fields, more } = count(Array.from({ length: 300 }, (_, i) => ({ [`f${i}`]: 1, known: 2 })));
  assert.equal(Object.keys(fields).length, 100);
  assert.deepEqual(fields.known, [300, 8]);
  assert.equal(more, 201);
});

test('drift is what no table knows, and what every drop before had', () => {
  const of = (fields: Record<string, FieldCount>) => ({ orders: 9, more: 0, fields: new Map(Object.entries(fields)) });
  const drift = driftOf(
    new Map([
      ['a', of({ id: [9, 0], note: [1, 0], phone: [9, 0] })],
      ['b', of({ id: [9, 0], note: [9, 0], gift: [2, 4 + 16 + 32] })],
      ['c', of({ id: [9, 0], phone: [1, 0] })],
      ['d', of({ id: [9, 0] })],
    ]),
  );
  assert.deepEqual(
    [...drift],
    [
      ['b', { unknown: [{ field: 'gift', kinds: ['string', 'boolean'], orders: 2 }], more: 0, missing: ['phone'] }],
      ['c', { unknown: [], more: 0, missing: ['note'] }],
    ],
  );
  assert.equal(
    driftWords(drift.get('b')!),
    'new field(s), kept in extra: gift (string or boolean, in 2 order(s)); no order has phone any more',
  );
});
