/** Orders larger than MAX_ORDER_BYTES: passed over, told of, in bounded memory; the orders behind them keep their indexes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { OrderCutter } from '../../../producer/entry-orders.js';
import { JsonSkipper } from '../../../producer/json-skipper.js';
import { faultAt, faultReason, INCOMPLETE, MALFORMED, skipValue } from '../../../shared/json-scan.js';
import { json, layout, write } from '../shared/json-text.js';
import { cut, fault, LIMITS } from './cutting.js';

const limits = { maxOrderBytes: 2000 };
const order = (bytes: number) => `{"a":"${'x'.repeat(bytes - 8)}"}`;

test('an order that is too large is left out, and the orders behind it keep their indexes', () => {
  const big = [order(2001), `[${'{"b":[1,-2.5e3,true,null,"\\u00e9\\""]},'.repeat(100)}{}]`, `"${'y'.repeat(2000)}"`, '1'.repeat(2001)];
  const orders = [order(2000), big[0], '{"id":1}', big[1], big[2], '{"id":2}', '{"id":3}', big[3]];
  const text = `{"orders":[${orders.join(' , ')}],"z":1}`;
  const places = [1, 3, 4, 7].map(index => ({ index, byte: text.indexOf(orders[index]), bytes: orders[index].length }));
  for (const sizes of [[1], [7, 1000], [1 << 20]]) {
    const found = cut(text, sizes, limits);
    assert.equal(found.fault, null);
    assert.deepEqual(found.values, [orders[0], ...orders.filter(o => o.length < 20)]);
    assert.deepEqual(found.indexes, [0, 2, 5, 6]);
    assert.deepEqual(found.oversize, { count: 4, first: places });
  }
});

test('a value beside `orders` may be of any size; a key may not', () => {
  assert.deepEqual(cut(`{"a":${order(5000)},"orders":[1],"b":${order(5000)}}`, [100], limits).values, ['1']);
  assert.equal(fault(`{"${'x'.repeat(2001)}":1,"orders":[1]}`, limits), '0 @1: a key has more than 2000 bytes (MAX_ORDER_BYTES)');
});

test('a file that breaks inside an order that is too large is broken there', () => {
  const start = `{"orders":[1,${order(3000)},{"a":"${'x'.repeat(3000)}"`;
  const at = start.length;
  assert.equal(fault(`${start},tru]}`, limits), `1+1 @${at + 1}: a key is not a string`);
  assert.equal(fault(`${start},"b":tru]}`, limits), `1+1 @${at + 5}: a value is neither true, false nor null`);
  assert.equal(fault(start, limits), `1+1 @${at}: the file is cut off: it ends inside its JSON`);
});

test('of very many only the first hundred are told of one by one', () => {
  const found = cut(`{"orders":[${Array(250).fill(order(2001))},7]}`, [50_000], limits);
  assert.deepEqual([found.oversize.count, found.oversize.first.length, found.oversize.first[99].index], [250, 100, 99]);
  assert.deepEqual([found.values, found.indexes], [['7'], [250]]);
});

/** What is changed somewhere in a text. */
const change = fc.record({ at: fc.nat(), drop: fc.boolean(), char: fc.constantFrom(...'{}[]",:0123456789.-+eEtrufalsn\\/ \n\u0001') });

test('a value in pieces is passed over exactly as one in one go, faults too', () => {
  let faults = 0;
  fc.assert(
    fc.property(json, layout, fc.array(change, { maxLength: 2 }), fc.integer({ min: 1, max: 9 }), (value, how, changes, size) => {
      let text = write(value, how).trim();
      for (const { at, drop, char } of changes) {
        const i = at % (text.length + 1);
        text = text.slice(0, i) + (drop ? '' : char) + text.slice(i + (drop ? 1 : 0));
      }
      text = text.trim();
      fc.pre(text !== '');
      const b = Buffer.from(`${text} `);
      const expected = skipValue(b, 0, b.length, 1000);
      const why = expected === MALFORMED ? `${faultAt()} ${faultReason()}` : '';
      if (expected === MALFORMED) faults++;
      const skipper = new JsonSkipper();
      let found = INCOMPLETE;
      for (let at = 0; at < b.length && found === INCOMPLETE; at += size) {
        found = skipper.skip(b, at, Math.min(b.length, at + size));
      }
      assert.equal(found, expected, text);
      if (found === MALFORMED) assert.equal(`${faultAt()} ${faultReason()}`, why, text);
    }),
    { numRuns: 5000 },
  );
  assert.ok(faults > 500, 'the changes are to break something');
});

test('an order of 300 MB passes in little memory and time, a string or nested a million deep', () => {
  const cutter = new OrderCutter(LIMITS);
  const before = process.memoryUsage().rss;
  const start = performance.now();
  const text = Buffer.alloc(1 << 20, 0x78);
  const push = (b: Buffer) => [...cutter.push(b)].reduce((sum, batch) => sum + batch.count, 0);
  let handed = push(Buffer.from('{"orders":[{"a":"'));
  for (let n = 0; n < 300; n++) handed += push(text);
  handed += push(Buffer.from('"},'));
  handed += push(Buffer.alloc(1_000_000, '['));
  handed += push(Buffer.alloc(1_000_000, ']'));
  handed += push(Buffer.from(',{"id":1}]}'));
  for (const b of cutter.end()) handed += b.count;
  assert.deepEqual([handed, cutter.oversize, cutter.fault], [1, 2, null]);
  assert.ok(performance.now() - start < 10_000, 'some 1 s');
  assert.ok(process.memoryUsage().rss - before < 100e6);
});

test('memory stays bounded and the time linear for a huge order in small chunks', () => {
  const cutter = new OrderCutter({ maxOrderBytes: 20_000_000 });
  const start = performance.now();
  const chunk = Buffer.alloc(16_384, 0x78);
  [...cutter.push(Buffer.from('{"orders":[{"a":"'))];
  for (let n = 0; n < 1000; n++) for (const _ of cutter.push(chunk));
  let bytes = 0;
  for (const b of cutter.push(Buffer.from('"}]}'))) bytes += b.ends[0] - b.starts[0];
  for (const b of cutter.end()) bytes += b.ends[0] - b.starts[0];
  assert.equal(bytes, 16_384_000 + 8);
  assert.equal(cutter.fault, null);
  assert.ok(performance.now() - start < 5000, 'some 60 ms; minutes were it rescanned at each chunk');
});
