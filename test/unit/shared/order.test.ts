import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { daysInMonth, fieldKind, isMonth, LINE_ITEM_FIELDS, monthOfFile, ORDER_FIELDS, USER_FIELDS } from '../../../shared/order.js';

test('the month of a file is the date in the last part of its name', () => {
  for (const [name, want] of [
    ['2017-12-04.json', '2017_12'],
    ['2016-01-01/2017-12-04.json', '2017_12'],
    ['2016-01-01\\2017-12-04.json', '2017_12'],
    ['2017-12-04/orders.json', null],
    ['orders-2017-12-04-late.json', '2017_12'],
    ['orders_2017-12-04T10.json', '2017_12'],
    ['2017-11-31.json', '2017_11'],
    ['2017-11-32.json', null],
    ['2017-13-01.json', null],
    ['2017-00-10.json', null],
    ['2017-11-00.json', null],
    ['0000-11-01.json', null],
    ['12017-11-01.json', null],
    ['2017-11-011.json', null],
    ['2017-1-01.json', null],
    ['20171104.json', null],
    ['2017-99-99_2017-12-04.json', '2017_12'],
    ['2017-11-30_2017-12-04.json', '2017_11'],
    ['', null],
  ] as const)
    assert.equal(monthOfFile(name), want, name);
});

test('any real date names its month, in any folder', () => {
  fc.assert(
    fc.property(
      fc.date({ min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T00:00:00Z'), noInvalidDate: true }),
      fc.constantFrom('', 'a/', 'a/b c/'),
      (date, folder) => {
        const day = date.toISOString().slice(0, 10);
        const month = monthOfFile(`${folder}${day}.json`)!;
        assert.equal(month, day.slice(0, 7).replace('-', '_'));
        assert.ok(isMonth(month));
      },
    ),
  );
});

test('months that exist', () => {
  for (const good of ['2017_12', '0001_01', '9999_10']) assert.ok(isMonth(good), good);
  for (const bad of ['2017-12', '2017_13', '2017_00', '0000_01', '2017_1', 'x2017_12', '2017_12 ', '2017_12\n'])
    assert.ok(!isMonth(bad), bad);
});

test('days of a month are those of Date', () => {
  for (let year = 1583; year < 2420; year++)
    for (let month = 1; month <= 12; month++) assert.equal(daysInMonth(year, month), new Date(Date.UTC(year, month, 0)).getUTCDate());
});

test('the fields are the contract’s', () => {
  const of = (kind: string) =>
    ORDER_FIELDS.filter(f => fieldKind(f) === kind)
      .sort()
      .join(' ');
  assert.equal(of('bigint'), 'app_id checkout_id device_id id location_id number order_number total_weight user_id');
  assert.equal(of('money'), 'subtotal_price total_discount total_discounts total_line_items_price total_price total_price_usd total_tax');
  assert.equal(of('instant'), 'cancelled_at closed_at created_at processed_at updated_at');
  assert.equal(of('boolean'), 'confirmed taxes_included test');
  assert.deepEqual(USER_FIELDS, ['customer_locale', 'buyer_accepts_marketing', 'contact_email', 'phone']);
  assert.deepEqual(LINE_ITEM_FIELDS, ['id', 'product_id', 'variant_id', 'quantity']);
  assert.equal(new Set([...ORDER_FIELDS, ...USER_FIELDS]).size, ORDER_FIELDS.length + USER_FIELDS.length);
  assert.equal(ORDER_FIELDS.length + USER_FIELDS.length + 1, 51, 'with line_items about as many as the export has');
});
