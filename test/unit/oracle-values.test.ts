/** The oracle's single values held against expectations that were written by hand from the contract's text. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalJson, canonicalNumber, instant, money, monthOfInstant, whole } from '../support/oracle-values.js';
import { cutFile, monthOfName, parseJson } from '../support/oracle-zip.js';

test('money is rounded half away from zero from the text as delivered', () => {
  const cases: [string, string][] = [
    ['"130.64999999999998"', '130.6500'],
    ['"0.00005"', '0.0001'],
    ['"-0.00005"', '-0.0001'],
    ['"0.00004999"', '0.0000'],
    ['"-0.00001"', '0.0000'],
    ['1e3', '1000.0000'],
    ['"2.00015"', '2.0002'],
    ['1.5e-3', '0.0015'],
    ['"+5"', '5.0000'],
    ['-17.5', '-17.5000'],
    ['"999999999999999.99994"', '999999999999999.9999'],
    ['0.99995', '1.0000'],
    ['-0.0', '0.0000'],
    ['5e-5', '0.0001'],
    ['4e-5', '0.0000'],
    ['"00012.5"', '12.5000'],
    ['1e-999999999999', '0.0000'],
  ];
  for (const [json, expected] of cases) assert.equal(money(parseJson(json)), expected, json);
  for (const bad of [
    '""',
    '"NaN"',
    '"Infinity"',
    '" 1"',
    '"1 "',
    '"1,0"',
    '"0x1"',
    '"1_0"',
    '"."',
    '"e5"',
    '"999999999999999.99995"',
    '1e15',
    '-1e15',
    '1e99999999999',
    'true',
    '{}',
    '"1e"',
  ]) {
    assert.throws(() => money(parseJson(bad)), bad);
  }
});

test('whole numbers count by their value, whatever the notation', () => {
  const at = (json: string): string => whole(parseJson(json), 1n, 2n ** 63n - 1n);
  for (const [json, expected] of [
    ['1e3', '1000'],
    ['1.0', '1'],
    ['12.50e1', '125'],
    ['100e-2', '1'],
    ['9223372036854775807', '9223372036854775807'],
    ['9007199254740993', '9007199254740993'],
  ]) {
    assert.equal(at(json), expected, json);
  }
  for (const bad of ['0', '-1', '1.5', '"1"', 'true', '9223372036854775808', '1e300', '1e999999999999', '1e-1', '0e5'])
    assert.throws(() => at(bad), bad);
  assert.equal(whole(parseJson('-0.0'), -5n, 5n), '0');
});

test('instants are microseconds in UTC', () => {
  const us = (text: string): string => String(BigInt(Date.parse(text)) * 1000n);
  assert.equal(instant('2017-10-30T19:58:28-04:00'), us('2017-10-30T23:58:28Z'));
  assert.equal(instant('2017-10-30T19:58:28.5+0530'), us('2017-10-30T14:28:28.500Z'));
  assert.equal(instant('2017-10-30T19:58:28.123456789+05'), String(BigInt(us('2017-10-30T14:58:28Z')) + 123457n));
  assert.equal(instant('1969-12-31T23:59:59.999999Z'), '-1');
  assert.equal(instant('2016-02-29T00:00:00Z'), us('2016-02-29T00:00:00Z'));
  assert.equal(instant('0001-01-01T00:00:00Z'), '-62135596800000000');
  for (const bad of [
    '2017-02-29T00:00:00Z',
    '2017-11-31T00:00:00Z',
    '2017-11-05T24:00:00Z',
    '2017-11-05T10:60:00Z',
    '2017-11-05T10:00:60Z',
    '2017-11-05T10:00:00',
    '2017-11-05',
    '',
    'now',
    '0000-01-01T00:00:00Z',
    '2017-11-05T10:00:00+99:00',
    '2017-13-01T00:00:00Z',
    '2017-11-00T00:00:00Z',
  ]) {
    assert.throws(() => instant(bad), bad);
  }
  assert.equal(monthOfInstant(instant('2017-10-31T23:30:00-04:00')), '2017_11');
  assert.equal(monthOfInstant('-1'), '1969_12');
});

test('jsonb is compared by value', () => {
  assert.equal(canonicalJson(parseJson('{"b":1.50,"a":[1e2,-0,"x"],"b":2.0}')), canonicalJson(parseJson('{"a": [100, 0.0, "x"], "b": 2}')));
  assert.notEqual(canonicalJson(parseJson('{"a":"1"}')), canonicalJson(parseJson('{"a":1}')));
  assert.notEqual(canonicalJson(parseJson('9007199254740993')), canonicalJson(parseJson('9007199254740992')));
  assert.equal(canonicalNumber('0.0100'), canonicalNumber('1E-2'));
});

test('the month is the date in the last part of the name', () => {
  assert.equal(monthOfName('2017-12-04.json'), '2017_12');
  assert.equal(monthOfName('2016-01-01/2017-12-04.json'), '2017_12');
  assert.equal(monthOfName('2017-12-04/orders.json'), null);
  assert.equal(monthOfName('2017-11-31.json'), '2017_11');
  assert.equal(monthOfName('2017-11-32.json'), null);
  assert.equal(monthOfName('12017-11-30.json'), null);
});

test('a file is cut into orders up to its fault', () => {
  const cut = (text: string): [number, boolean] => {
    const { elements, fault } = cutFile(Buffer.from(text));
    return [elements.length, fault !== null];
  };
  assert.deepEqual(cut('{"orders":[]}'), [0, false]);
  assert.deepEqual(cut(' {"a":{"orders":[1]},"orders" : [ {"x":"]}"} , 5, null, "s", [1] ] , "z":[{}]} \r\n'), [5, false]);
  assert.deepEqual(cut('{"\\u006frders":[{}]}'), [1, false]);
  for (const [text, n] of [
    ['', 0],
    ['{}', 0],
    ['[]', 0],
    ['null', 0],
    ['{"orders":null}', 0],
    ['{"order":[{}]}', 0],
    ['{"orders":[{},{', 1],
    ['{"orders":[{},{"a":"x', 1],
    ['{"orders":[{}', 1],
    ['{"orders":[{},', 1],
    ['{"orders":[{}]', 1],
    ['{"orders":[{}]}x', 1],
    ['{"orders":[{} {}]}', 1],
    ['{"orders":[{},]}', 1],
    ['{"orders":[{},{"a":01}]}', 1],
    ['{"orders":[{}}}', 1],
    ["{'orders':[]}", 0],
    ['{"orders":[{},{"a":"\\x"}]}', 1],
    ['{"orders":[{}],"a":}', 1],
    ['{"orders":[{}],}', 1],
    ['{"orders":[{},{"a":NaN}]}', 1],
  ] as const) {
    assert.deepEqual(cut(text), [n, true], text);
  }
});
