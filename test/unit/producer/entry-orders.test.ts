import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OrderCutter } from '../../../producer/entry-orders.js';
import { cut, fault, LIMITS } from './cutting.js';

test('hands out the very bytes of each order and its id', () => {
  const orders = ['{"id": 1 }', '{ "a" : [ 1 , {"id":5} ],\n"id":9223372036854775807}', '{}'];
  for (const sizes of [[1], [2], [3], [7], [1000]]) {
    assert.deepEqual(cut(` { "orders" : [ ${orders.join(' , ')} ] } \n`, sizes), {
      values: orders,
      keys: ['1', '9223372036854775807', null],
      indexes: [0, 1, 2],
      fault: null,
      oversize: { count: 0, first: [] },
    });
  }
});

test('an empty array is no fault', () => {
  for (const file of ['{"orders":[]}', '{"orders":[ ] }', ' {"a":1,"orders":[],"b":[]} '])
    assert.deepEqual([cut(file).values, cut(file).fault], [[], null]);
});

test('elements that are no objects are handed out as they are', () => {
  const values = ['1', '-0.5e+3', 'null', 'true', 'false', '"a\\"]"', '[1,[2]]', '{"id":3}'];
  assert.deepEqual(cut(`{"orders":[${values}]}`, [1]).values, values);
  assert.deepEqual(cut(`{"orders":[${values}]}`).keys, [null, null, null, null, null, null, null, '3']);
});

test('a key is taken from whole numbers in 1…2^63-1 in plain digits alone', () => {
  const ids: [string, string | null][] = [
    ['1', '1'],
    ['9007199254740993', '9007199254740993'],
    ['9223372036854775807', '9223372036854775807'],
    ['9223372036854775808', null],
    ['10000000000000000000', null],
    ['99999999999999999999999', null],
    ['0', null],
    ['-1', null],
    ['1.0', null],
    ['1e3', null],
    ['"1"', null],
    ['null', null],
    ['[1]', null],
    ['{"id":1}', null],
  ];
  const file = `{"orders":[${ids.map(([id]) => `{"x":"id","id":${id}}`)}]}`;
  assert.deepEqual(
    cut(file).keys,
    ids.map(([, key]) => key),
  );
  assert.deepEqual(cut(file, [1]), cut(file));
});

test('of several ids the last counts, also one written with escapes', () => {
  assert.deepEqual(cut('{"orders":[{"id":1,"id":2},{"id":1,"\\u0069d":"x"},{"\\u0069\\u0064":7},{"i\\u0064x":7},{"\\\\d":1}]}').keys, [
    '2',
    null,
    '7',
    null,
    null,
  ]);
});

test('other keys stand before and after, and are checked', () => {
  assert.deepEqual(cut('{"orders2":[{}],"a":{"orders":[1]},"orders":[2],"z":null}').values, ['2']);
  assert.deepEqual(cut('{"\\u006frders":[2]}').values, ['2']);
  assert.equal(fault('{"a":tru,"orders":[]}'), '0 @5: a value is neither true, false nor null');
  assert.equal(fault('{"orders":[1],"a":01}'), '1 @19: a comma or the end of the object is missing');
});

test('faults of the whole', () => {
  assert.equal(fault(''), '0 @0: the file is empty');
  assert.equal(fault(' \n '), '0 @3: the file holds blanks alone');
  assert.equal(fault('\ufeff'), '0 @3: the file holds blanks alone');
  assert.equal(fault('null'), '0 @0: the top level is not an object');
  assert.equal(fault('[]'), '0 @0: the top level is not an object');
  assert.equal(fault('"orders"'), '0 @0: the top level is not an object');
  assert.equal(fault('{}'), '0 @1: there is no `orders` array');
  assert.equal(fault('{"order":[{}]}'), '0 @13: there is no `orders` array');
  assert.equal(fault('{"orders":{}}'), '0 @10: `orders` is not an array');
  assert.equal(fault('{"orders":null}'), '0 @10: `orders` is not an array');
  assert.equal(fault('{"orders":[1],"orders":[2]}'), '1 @14: `orders` is there twice');
  assert.equal(fault('{"orders":[1]}}'), '1 @14: more follows behind the end of the JSON');
  assert.equal(fault('{"orders":[1]} {"orders":[2]}'), '1 @15: more follows behind the end of the JSON');
  assert.equal(fault('{"orders":[1],}'), '1 @14: a key is not a string');
  assert.equal(fault('{"orders":[1,]}'), '1 @13: no value starts with this byte');
  assert.equal(fault('{"orders":[,1]}'), '0 @11: no value starts with this byte');
  assert.equal(fault('{"orders":[1 2]}'), '1 @13: a comma or the end of the array is missing');
  assert.equal(fault('{"orders":[{"a":1 "b":2}]}'), '0 @18: a comma or the end of the object is missing');
  assert.equal(fault('{"orders":[{"a" 1}]}'), '0 @16: a key is not followed by a colon');
  assert.equal(fault('{"orders":[{a:1}]}'), '0 @12: a key is not a string');
  assert.equal(fault('{"orders":[{"id":1},{"a":"\n"}]}'), '1 @26: a control character stands in a string');
});

test('encodings: a byte order mark is skipped, all but UTF-8 is refused in words', () => {
  assert.deepEqual(cut('\ufeff{"orders":[1]}', [1]).values, ['1']);
  assert.deepEqual(cut('{"orders":["é€😀"]}', [1]).values, ['"é€😀"']);
  const file = '{"orders":[1]}';
  const utf16 = Buffer.from(file, 'utf16le');
  assert.equal(fault(utf16), '0 @0: the file is UTF-16, not JSON in UTF-8');
  assert.equal(fault(Buffer.from(`\ufeff${file}`, 'utf16le')), '0 @0: the file is UTF-16, not JSON in UTF-8');
  assert.equal(fault(Buffer.from(utf16).swap16()), '0 @0: the file is UTF-16, not JSON in UTF-8');
  const utf32 = Buffer.from([...'{}'].flatMap(c => [c.charCodeAt(0), 0, 0, 0]));
  for (const bytes of [utf32, Buffer.concat([Buffer.from([0xff, 0xfe, 0, 0]), utf32]), Buffer.from(utf32).swap32()])
    assert.equal(fault(bytes), '0 @0: the file is UTF-32, not JSON in UTF-8');
  assert.equal(fault(Buffer.from('PK\u0003\u0004')), '0 @0: the file is a zip, not JSON in UTF-8');
  assert.equal(fault(Buffer.from([0x1f, 0x8b, 8, 0, 0, 0])), '0 @0: the file is packed by gzip, not JSON in UTF-8');
});

test('however deeply an order is nested, it is handed out: the worker refuses it alone', () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
  const values = [nested(400_000), `{"id":1,"a":${nested(5000)}}`, '1'];
  assert.deepEqual(cut(`{"orders":[${values}]}`, [65_536]).values, values);
  assert.match(fault(`{"orders":[${'['.repeat(100)}]}`), /the end of the array is missing/);
});

test('cut off at any byte: a fault at the end, after the orders that were whole', () => {
  const orders = ['{"id":1,"s":"a\\u00e9\\n€"}', '-12.5e-3', '[true,false,null,{}]', '{"id":2,"line_items":[{"id":3}]}'];
  const file = Buffer.from(`{"shop": {"a": 1}, "orders": [${orders.join(', ')}], "n": 4 }`);
  for (let length = 0; length < file.length; length++) {
    for (const size of [1, 5, 1000]) {
      const { values, fault } = cut(file.subarray(0, length), [size]);
      assert.ok(fault, `no fault at ${length}`);
      assert.equal(fault.byte, length);
      assert.match(fault.reason, length === 0 ? /empty/ : /cut off/);
      assert.deepEqual(values, orders.slice(0, values.length));
    }
  }
  assert.equal(cut(file).fault, null);
});

test('one bit flipped anywhere: it never throws, and the chunks make no difference', () => {
  const file = Buffer.from('{"orders": [{"id":1,"s":"a\\u00e9\\n"}, {"id":2,"line_items":[{"id":3}]}]}');
  for (let bit = 0; bit < file.length * 8; bit++) {
    const flipped = Buffer.from(file);
    flipped[bit >> 3] ^= 1 << (bit & 7);
    assert.deepEqual(cut(flipped, [7]), cut(flipped));
  }
});

test('millions of tiny elements come in batches', () => {
  const cutter = new OrderCutter(LIMITS);
  const chunk = Buffer.from(`{"orders":[${'1,'.repeat(100_000)}2]}`);
  let batches = 0;
  for (const b of cutter.push(chunk)) {
    batches++;
    assert.ok(b.count <= 4096);
  }
  assert.equal([...cutter.end()].length, 0);
  assert.equal(cutter.orders, 100_001);
  assert.ok(batches > 20);
});
