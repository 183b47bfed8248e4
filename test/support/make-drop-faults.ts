/** What must be refused: an order of each kind of Meaning 5, a file of each kind of Meaning 6. Each names the rule it breaks. */
import type { RawOrder } from './make-drop-orders.js';

/** Stands in a JSON text for bytes that are not UTF-8; make-drop.ts puts those in its place. No other text uses it. */
export const NOT_UTF8 = '\ue000';

/** Members that replace (or with undefined take away) those of a good order. */
type Change = Record<string, string | undefined>;

const CHANGES: Record<string, Change> = {
  'id missing': { id: undefined },
  'id null': { id: 'null' },
  'id nought': { id: '0' },
  'id negative': { id: '-5' },
  'id with a fraction': { id: '1.5' },
  'id in text': { id: '"12345"' },
  'id above 2^63-1': { id: '9223372036854775808' },
  'id far above': { id: '1e300' },
  'id not a number': { id: 'true' },
  'processed_at missing': { processed_at: undefined },
  'processed_at null': { processed_at: 'null' },
  'processed_at empty': { processed_at: '""' },
  'processed_at without offset': { processed_at: '"2017-11-05T10:00:00"' },
  'processed_at a date': { processed_at: '"2017-11-05"' },
  'processed_at a number': { processed_at: '1509876543' },
  'processed_at on 30 February': { processed_at: '"2017-02-30T10:00:00Z"' },
  'closed_at on 29 February of no leap year': { closed_at: '"2017-02-29T10:00:00+01:00"' },
  'created_at in month 13': { created_at: '"2017-13-01T10:00:00Z"' },
  'created_at at 24:00': { created_at: '"2017-11-05T24:00:00Z"' },
  'updated_at at second 60': { updated_at: '"2017-11-05T10:00:60Z"' },
  'updated_at at minute 60': { updated_at: '"2017-11-05T10:60:00Z"' },
  'cancelled_at in words': { cancelled_at: '"yesterday"' },
  'cancelled_at infinite': { cancelled_at: '"infinity"' },
  'created_at epoch': { created_at: '"epoch"' },
  'offset out of range': { created_at: '"2017-11-05T10:00:00+99:00"' },
  'total_price missing': { total_price: undefined },
  'total_price null': { total_price: 'null' },
  'total_price empty': { total_price: '""' },
  'total_price NaN': { total_price: '"NaN"' },
  'total_price infinite': { total_price: '"-Infinity"' },
  'total_price with blanks': { total_price: '" 1.00"' },
  'total_price with a comma': { total_price: '"1,00"' },
  'total_price in hex': { total_price: '"0x10"' },
  'total_price with an underscore': { total_price: '"1_000"' },
  'total_price too large': { total_price: '"1000000000000000"' },
  'total_price too large when rounded': { total_price: '"999999999999999.99995"' },
  'total_tax far too large': { total_tax: '1e400' },
  'total_tax an object': { total_tax: '{"amount":"1.00"}' },
  'subtotal_price a boolean': { subtotal_price: 'false' },
  'line_items missing': { line_items: undefined },
  'line_items null': { line_items: 'null' },
  'line_items an object': { line_items: '{"id":1}' },
  'a line item is a number': { line_items: '[1]' },
  'a line item is null': { line_items: '[null]' },
  'a line item is a list': { line_items: '[[]]' },
  'a line item without id': { line_items: '[{"quantity":1}]' },
  'a line item with id null': { line_items: '[{"id":null}]' },
  'a line item with id nought': { line_items: '[{"id":0}]' },
  'a line item with id in text': { line_items: '[{"id":"7"}]' },
  'a line item with a quantity above int4': { line_items: '[{"id":7000000001,"quantity":2147483648}]' },
  'a line item with half a piece': { line_items: '[{"id":7000000002,"quantity":0.5}]' },
  'a line item with a product in text': { line_items: '[{"id":7000000003,"product_id":"9"}]' },
  'a line item with NUL': { line_items: '[{"id":7000000004,"title":"a\\u0000b"}]' },
  'number with a fraction': { number: '1.25' },
  'number in text': { number: '"17"' },
  'location_id above int8': { location_id: '9223372036854775808' },
  'device_id below int8': { device_id: '-9223372036854775809' },
  'user_id a boolean': { user_id: 'true' },
  'test in text': { test: '"true"' },
  'confirmed a number': { confirmed: '1' },
  'buyer_accepts_marketing in text': { buyer_accepts_marketing: '"yes"' },
  'phone a number': { phone: '5555555' },
  'note a number': { note: '5' },
  'note a boolean': { note: 'false' },
  'tags a list': { tags: '["a"]' },
  'name an object': { name: '{}' },
  'NUL in text': { note: '"a\\u0000b"' },
  'NUL in an unknown field': { odd: '{"a":["\\u0000"]}' },
  'NUL in an unknown key': { 'od\\u0000d': '1' },
  'an unpaired high surrogate': { note: '"\\ud800"' },
  'an unpaired low surrogate': { phone: '"x\\udc00x"' },
  'surrogates the wrong way round': { email: '"\\ude00\\ud83d"' },
  'an unpaired surrogate in an unknown field': { odd: '["\\udbff"]' },
  'an unpaired surrogate in an unknown key': { odd: '{"\\ud834":1}' },
  'a number too large for jsonb': { odd: '1e131072' },
  'a number with too many decimals for jsonb': { odd: '{"a":[1.5e-16383]}' },
  'a line item with a number too large for jsonb': { line_items: '[{"id":7000000005},{"id":7000000006,"odd":-1e131072}]' },
  'bytes that are not UTF-8': { note: `"a${NOT_UTF8}b"` },
  'bytes that are not UTF-8 in an unknown field': { odd: `{"a":"${NOT_UTF8}"}` },
};

/** Elements of `orders` that are no objects. */
const NO_OBJECTS: Record<string, string> = {
  null: 'null',
  text: '"order"',
  number: '42',
  true: 'true',
  list: '[{"id":1}]',
  'empty list': '[]',
};

export interface BadOrder {
  why: string;
  /** JSON text of the element. */
  text: string;
}

/** One order of each kind of Meaning 5. `good()` gives a fresh good order to spoil. */
export function badOrders(good: () => RawOrder, render: (order: RawOrder) => string): BadOrder[] {
  const changed = Object.entries(CHANGES).map(([why, change]) => {
    const order = good().filter(([key]) => !(JSON.parse(key) in change));
    for (const [name, value] of Object.entries(change)) if (value !== undefined) order.push([`"${name}"`, value]);
    return { why, text: render(order) };
  });
  const none = Object.entries(NO_OBJECTS).map(([what, text]) => ({ why: `not an object: ${what}`, text }));
  return [...changed, ...none, { why: 'an empty object', text: '{}' }];
}

export interface BrokenFile {
  why: string;
  text: string;
}

/** One file of each kind of Meaning 6. `orders()` gives fresh good ones as JSON text; those before the fault must load. */
export function brokenFiles(orders: (n: number) => string[]): BrokenFile[] {
  const file = (why: string, n: number, build: (list: string[]) => string): BrokenFile => ({ why, text: build(orders(n)) });
  const before = (list: string[]): string => `{"orders":[${list.slice(0, -1).join(',')},`;
  const last = (list: string[]): string => list[list.length - 1];
  return [
    file('cut off inside an order', 4, l => before(l) + last(l).slice(0, last(l).length >> 1)),
    file('cut off inside a key', 3, l => `${before(l)}{"proces`),
    file('cut off behind an order', 3, l => `{"orders":[${l.join(',')}`),
    file('cut off behind a comma', 3, before),
    file('cut off behind the list', 3, l => `{"orders":[${l.join(',')}]`),
    file('a comma is missing', 4, l => `{"orders":[${l.slice(0, 2).join(',')} ${l.slice(2).join(',')}]}`),
    file('a comma too many', 3, l => `{"orders":[${l.join(',')},]}`),
    file('a brace is missing', 4, l => `${before(l)}${last(l).slice(0, -1)}]}`),
    file('a bracket closes an object', 3, l => `${before(l)}{"id":1]]}`),
    file('a bare word', 3, l => `${before(l)}{"id":NaN}]}`),
    file('single quotes', 3, l => `${before(l)}{'id':1}]}`),
    file('a line break in a text', 3, l => `${before(l)}{"id":1,"note":"a\nb"}]}`),
    file('an unknown escape', 3, l => `${before(l)}{"id":1,"note":"\\x41"}]}`),
    file('a number with a leading nought', 3, l => `${before(l)}{"id":012}]}`),
    file('a comment', 3, l => `${before(l)}/* none */${last(l)}]}`),
    file('something behind the end', 3, l => `{"orders":[${l.join(',')}]}{}`),
    file('broken behind the list', 3, l => `{"orders":[${l.join(',')}],"next":}`),
    file('the list is closed by a brace', 3, l => `{"orders":[${l.join(',')}}}`),
    { why: 'no orders', text: '{"order":[]}' },
    { why: 'an empty object', text: '{}' },
    { why: 'orders is null', text: '{"orders":null}' },
    { why: 'orders is an object', text: '{"orders":{"id":1}}' },
    { why: 'orders is text', text: '{"orders":"[]"}' },
    file('orders only deeper', 1, l => `{"data":{"orders":[${l[0]}]}}`),
    file('a list at the top', 1, l => `[${l[0]}]`),
    { why: 'null at the top', text: 'null' },
    { why: 'text at the top', text: '"orders"' },
    { why: 'empty', text: '' },
    { why: 'blanks alone', text: ' \n' },
    { why: 'not JSON at all', text: '<html>502 Bad Gateway</html>' },
  ];
}
