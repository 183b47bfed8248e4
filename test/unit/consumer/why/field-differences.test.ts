import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fieldDifferences } from '../../../../consumer/why/field-differences.js';

const differ = (a: string, b: string) => fieldDifferences(Buffer.from(a), Buffer.from(b));

test('fields that differ are named by their paths, whatever the layout of either', () => {
  assert.deepEqual(differ('{"id":1,"note":"a","x":[1,{"y":2}]}', '{ "x": [1, {"y": 3}, 4], "id":1, "z":null,\n"note":"\\u0061"}'), [
    'x[1].y',
    'x[2]',
    'z',
  ]);
  assert.deepEqual(differ('{"id":9007199254740993}', '{"id":9007199254740992}'), ['id']);
  assert.deepEqual(differ('{"id":1,"id":2}', '{"id":2}'), []);
  assert.deepEqual(differ('7', '7 '), []);
  assert.deepEqual(differ('7', '{}'), ['(the whole)']);
  assert.equal(differ('{"id":', '{}'), null);
});

test('of any two values exactly those that differ somewhere have a path', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      const [one, other] = [JSON.stringify(a), JSON.stringify(b, null, 2)];
      // an integer and -0 are written alike
      assert.equal(differ(one, other)!.length === 0, JSON.stringify(sorted(a)) === JSON.stringify(sorted(b)));
      assert.deepEqual(differ(one, JSON.stringify(a, null, 1)), []);
    }),
  );
});

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return { members: members.map(([name, v]) => [name, sorted(v)]) }; // not a list alone: {} is no []
}
