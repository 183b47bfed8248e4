/** Any orders in any layout, any text at all: the cutter against JSON.parse. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cut } from './cutting.js';

/** JSON text with blanks anywhere. */
const layout = fc.infiniteStream(fc.constantFrom('', '', '', ' ', '\n', '\r\n\t', '    '));
function written(value: unknown, blanks: Iterator<string>): string {
  const s = () => blanks.next().value as string;
  if (Array.isArray(value)) return `[${s()}${value.map(v => written(v, blanks) + s()).join(`,${s()}`)}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([k, v]) => `${JSON.stringify(k)}${s()}:${s()}${written(v, blanks)}${s()}`);
  return `{${s()}${members.join(`,${s()}`)}}`;
}
const json = () => fc.jsonValue({ maxDepth: 4, depthSize: 'small' });
const order = () =>
  fc.oneof(fc.dictionary(fc.oneof(fc.constantFrom('id', 'total', 'line_items'), fc.string()), json(), { maxKeys: 6 }), json());

test('any orders in any layout and any chunks come out as they were', () => {
  fc.assert(
    fc.property(
      fc.array(order(), { maxLength: 8 }),
      fc.dictionary(fc.string(), json(), { maxKeys: 3 }),
      layout,
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
      (orders, others, blanks, sizes) => {
        delete others.orders;
        const texts = orders.map(o => written(o, blanks));
        const before = Object.entries(others).map(([k, v]) => `${JSON.stringify(k)}:${written(v, blanks)},`);
        const file = `{${before.join('')}"orders":[${texts.join(',')}]}`;
        const found = cut(file, sizes);
        assert.equal(found.fault, null);
        assert.deepEqual(found.values, texts);
        found.keys.forEach((key, n) => {
          const id = (orders[n] as { id?: unknown } | null)?.id;
          const plain =
            Array.isArray(orders[n]) || typeof id !== 'number' || !/^[1-9]\d{0,18}$/.test(JSON.stringify(id)) ? null : JSON.stringify(id);
          assert.equal(key, plain === null || BigInt(plain) >= 2n ** 63n ? null : plain);
        });
      },
    ),
    { numRuns: 300 },
  );
});

test('a file is taken where JSON.parse takes it, and no other', () => {
  const alphabet = [
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '\\',
    '1',
    '-',
    '.',
    'e',
    'true',
    'null',
    ' ',
    '"a"',
    '"orders"',
    '\\u00e9',
    '{"orders":[',
    '{"id":1}',
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...alphabet), { maxLength: 12 }), fc.integer({ min: 1, max: 9 }), (parts, size) => {
      const file = `{"orders":[${parts.join('')}]}`;
      let parsed: { orders?: unknown } | undefined;
      try {
        parsed = JSON.parse(file);
      } catch {}
      const found = cut(file, [size]);
      assert.deepEqual(found, cut(file));
      if (parsed === undefined) assert.ok(found.fault, file);
      else if (found.fault === null)
        assert.deepEqual(
          found.values.map(v => JSON.parse(v)),
          parsed.orders,
        );
      else assert.match(found.fault.reason, /twice|no `orders`|not an array/, file);
    }),
    { numRuns: 3000 },
  );
});
