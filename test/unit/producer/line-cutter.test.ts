import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LineCutter } from '../../../producer/line-cutter.js';
import { type Cut, cut } from './cutting.js';

const limits = { maxOrderBytes: 2000 };
const lines = (file: string | Uint8Array, sizes: number[] = [1 << 20]): Cut => cut(file, sizes, limits, new LineCutter(limits));
const SIZES = [[1], [2, 3], [50], [1 << 20]];

test('each line is an order, whatever the line ends and the blanks around it', () => {
  const file = '\ufeff{"id":1}\n\n  {"id": 2}  \r\n\t\r\n[3]\n"x"\n{"id":4}';
  for (const sizes of SIZES) {
    const { values, keys, indexes, fault } = lines(file, sizes);
    assert.deepEqual([values, fault], [['{"id":1}', '{"id": 2}', '[3]', '"x"', '{"id":4}'], null]);
    assert.deepEqual(keys, ['1', '2', null, null, '4']);
    assert.deepEqual(indexes, [0, 1, 2, 3, 4]);
  }
  assert.deepEqual(lines('{"id":1}\n').values, ['{"id":1}']);
});

test('a line that is no JSON is handed out with its bytes, and has no key', () => {
  const bad = ['{"id":1', '{"id":1}}', '{"id":1} {"id":2}', 'id,total', '{"id":1,"a":"\u0001"}', "{'id':1}"];
  for (const sizes of SIZES) {
    const found = lines(['{"id":7}', ...bad, '{"id":8}'].join('\n'), sizes);
    assert.deepEqual(found.values, ['{"id":7}', ...bad, '{"id":8}']);
    assert.deepEqual(found.keys, ['7', ...bad.map(() => null), '8']);
  }
});

test('a line that is too large is left out, and those behind it keep their indexes', () => {
  const big = `{"id":9,"x":"${'y'.repeat(3000)}"}`;
  const file = `{"id":1}\n${big}\n${big}\n{"id":2}\n${big}`;
  for (const sizes of SIZES) {
    const found = lines(file, sizes);
    assert.deepEqual([found.values, found.indexes, found.fault], [['{"id":1}', '{"id":2}'], [0, 3], null]);
    const first = [1, 2, 4].map((index, n) => ({ index, byte: [9, 10 + big.length, 20 + 2 * big.length][n], bytes: big.length }));
    assert.deepEqual(found.oversize, { count: 3, first });
  }
});

test('faults of the whole file', () => {
  for (const sizes of SIZES) {
    assert.deepEqual(lines('', sizes).fault, { reason: 'the file is empty', byte: 0, orders: 0 });
    assert.deepEqual(lines(' \n\n', sizes).fault, { reason: 'the file holds blanks alone', byte: 3, orders: 0 });
    assert.equal(lines(Buffer.from('{"id":1}\n', 'utf16le'), sizes).fault?.reason, 'the file is UTF-16, not JSON in UTF-8');
  }
});

test('blanks without end take no memory', () => {
  const cutter = new LineCutter(limits);
  const blanks = Buffer.alloc(1 << 20, 0x20);
  for (let n = 0; n < 300; n++) assert.equal([...cutter.push(blanks)].length, 0);
  const found: number[][] = [];
  for (const b of cutter.push(Buffer.from('{"id":1}\n'))) found.push([b.count, b.index]);
  assert.deepEqual([found, cutter.oversize], [[[1, 0]], 0]);
});

test('any lines in any pieces come out as split by line', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: fc.constantFrom(...'{}"a1: ,\t\r\n') })),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
      (parts, sizes) => {
        const file = parts.join('\n');
        const expected = file.split('\n').flatMap(l => (/[^ \t\r]/.test(l) ? [l.replace(/^[ \t\r]+|[ \t\r]+$/g, '')] : []));
        assert.deepEqual(lines(file, sizes).values, expected);
      },
    ),
    { numRuns: 500 },
  );
});
