import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ABSENT, FIELDS, LINE_ITEMS, OrderScan } from '../../../../consumer/transform/order-scan.js';
import { JsonKind } from '../../../../shared/json-scan.js';
import { LINE_ITEM_FIELDS } from '../../../../shared/order.js';
import { type Json, json, jsonText, layout, write } from '../../shared/json-text.js';

/** One instance for all runs, as a worker has: what an order before has left must not show. */
const scan = new OrderScan(64);

const KINDS: Record<string, JsonKind> = { object: JsonKind.Object, string: JsonKind.String, number: JsonKind.Number };

function kindOf(value: unknown): JsonKind {
  if (value === null) return JsonKind.Null;
  if (value === true) return JsonKind.True;
  if (value === false) return JsonKind.False;
  return Array.isArray(value) ? JsonKind.Array : KINDS[typeof value];
}

const slice = (from: number, to: number) => Buffer.from(scan.bytes.subarray(from, to)).toString('utf8');

/** Unknown fields as JSON.parse would have them: of two of one name the last. */
function extraOf(extra: number[]): Record<string, unknown> {
  const members: string[] = [];
  for (let i = 0; i < extra.length; i += 4) members.push(`${slice(extra[i], extra[i + 1])}:${slice(extra[i + 2], extra[i + 3])}`);
  return JSON.parse(`{${members.join(',')}}`);
}

function without(object: Record<string, unknown>, known: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([k]) => !known.includes(k)));
}

const same = (a: unknown, b: unknown) => assert.deepEqual(JSON.parse(JSON.stringify(a)), JSON.parse(JSON.stringify(b)));

const item: fc.Arbitrary<Json> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .array(fc.tuple(fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...LINE_ITEM_FIELDS) }, jsonText), json), {
        maxLength: 6,
      })
      .map(members => ({ members })),
  },
  json,
);
const member: fc.Arbitrary<[string, Json]> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constantFrom(...FIELDS.slice(0, -1)), json) },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constant('line_items'), fc.oneof({ weight: 4, arbitrary: fc.array(item, { maxLength: 20 }) }, json)),
  },
  { weight: 2, arbitrary: fc.tuple(jsonText, json) },
);

test('every field of any order in any layout is found as JSON.parse finds it', () => {
  fc.assert(
    fc.property(fc.array(member, { maxLength: 30 }), layout, (members, how) => {
      // "__proto__" as a key is set aside: JSON.parse makes a member of it, and an object literal does not
      fc.pre(!JSON.stringify(members).includes('__proto__'));
      const text = write({ members }, how);
      const want: Record<string, unknown> = JSON.parse(text);
      assert.equal(scan.scan(Buffer.from(text)), null);
      FIELDS.forEach((name, f) => {
        if (!(name in want)) {
          assert.equal(scan.kind[f], ABSENT, name);
          return;
        }
        assert.equal(scan.kind[f], kindOf(want[name]), name);
        const string = scan.kind[f] === JsonKind.String;
        same(JSON.parse(string ? `"${slice(scan.from[f], scan.to[f])}"` : slice(scan.from[f], scan.to[f])), want[name]);
        if (string) assert.equal(scan.escaped[f] === 1, slice(scan.from[f], scan.to[f]).includes('\\'), name);
      });
      same(extraOf(scan.extra), without(want, FIELDS));
      if (scan.kind[LINE_ITEMS] !== JsonKind.Array) return;
      const items = want.line_items as unknown[];
      assert.equal(scan.itemCount, items.length);
      assert.equal(
        scan.itemNotObject,
        items.findIndex(i => kindOf(i) !== JsonKind.Object),
      );
      items.forEach((one, n) => {
        if (kindOf(one) !== JsonKind.Object) return;
        const object = one as Record<string, unknown>;
        LINE_ITEM_FIELDS.forEach((name, f) => {
          if (!(name in object)) {
            assert.equal(scan.itemKind(n, f), ABSENT);
            return;
          }
          assert.equal(scan.itemKind(n, f), kindOf(object[name]));
          same(JSON.parse(slice(scan.itemFrom(n, f), scan.itemTo(n, f))), object[name]);
        });
        same(extraOf(scan.itemExtra(n)), without(object, LINE_ITEM_FIELDS));
      });
    }),
    { numRuns: 1500 },
  );
});

test('of an order that was damaged in one place exactly that is taken which JSON.parse takes, whatever came before it', () => {
  const usual = fc.constantFrom(
    '{\n  "id": 1,\n  "note": "a\u20ac",\n  "test": true,\n  "line_items": [\n    {\n      "id": 2,\n      "quantity": 3\n    }\n  ],\n  "new": null,\n  "tags": ""\n}',
    '{"id":1,"note":"a","test":false,"line_items":[{"id":2,"quantity":null},{"id":3,"new":1}],"new":{"a":[]},"tags":"b"}',
  );
  fc.assert(
    fc.property(usual, fc.nat(), fc.nat(3), fc.constantFrom(...' \n,:"}]{1xe\\é'), (text, place, how, character) => {
      assert.equal(scan.scan(Buffer.from(text)), null);
      const at = place % (text.length + 1);
      const damaged = [
        text.slice(0, at) + character + text.slice(at),
        text.slice(0, at) + text.slice(at + 1),
        text.slice(0, at) + character + text.slice(at + 1),
        text.slice(0, at),
      ][how];
      let want: unknown;
      try {
        want = JSON.parse(damaged);
      } catch {
        // not JSON
      }
      const object = typeof want === 'object' && want !== null && !Array.isArray(want);
      assert.equal(scan.scan(Buffer.from(damaged)) === null, object, damaged);
      if (!object) return;
      const members = want as Record<string, unknown>;
      same(extraOf(scan.extra), without(members, FIELDS));
      FIELDS.forEach((name, f) => {
        assert.equal(scan.kind[f], name in members ? kindOf(members[name]) : ABSENT, name);
      });
    }),
    { numRuns: 5000 },
  );
});

test('a key beyond ASCII is looked at in each order', () => {
  const bad = Buffer.concat([Buffer.from('{"id":1,"caf'), Buffer.from([0xe9]), Buffer.from('":1}')]);
  for (const _ of ['first', 'once more']) assert.equal(refusal(bad), 'bad_text: the bytes are not UTF-8');
  for (const _ of ['first', 'once more']) {
    assert.equal(refusal('{"id":1,"café":1}'), null);
    assert.deepEqual(extraOf(scan.extra), { café: 1 });
  }
});

const refusal = (bytes: Buffer | string) => {
  const r = scan.scan(Buffer.from(bytes as string));
  return r === null ? null : `${r.code}: ${r.reason}`;
};

test('what is no order is refused in words', () => {
  for (const [text, want] of [
    ['', 'empty_value: the message is empty'],
    [' \n ', 'not_json: the message is blank'],
    ['null', 'not_an_object: the order is null, an object was expected'],
    ['[]', 'not_an_object: the order is an array, an object was expected'],
    ['7', 'not_an_object: the order is a number, an object was expected'],
    [' "x" ', 'not_an_object: the order is a string, an object was expected'],
    ['true', 'not_an_object: the order is true, an object was expected'],
    ['x', 'not_json: no value starts with this byte'],
    ['7 7', 'not_json: more follows behind the value'],
    ['{"id":1', 'not_json: the JSON ends in the middle'],
    ['{"id":1}}', 'not_json: more follows behind the order'],
    ['{"id":1,}', 'not_json: a key is not a string'],
    ['{"id" 1}', 'not_json: a key is not followed by a colon'],
    ['{"line_items":[{"id":1]}', 'not_json: a comma or the end of the object is missing'],
    ['{"line_items":[1,{"a":01}]}', 'not_json: a comma or the end of the object is missing'],
  ] as const)
    assert.equal(refusal(text), want, text);
  assert.equal(
    refusal(Buffer.concat([Buffer.from('{"note":"'), Buffer.from([0xff]), Buffer.from('"}')])),
    'bad_text: the bytes are not UTF-8',
  );
});

test('depth counts from the order itself, in each of its places', () => {
  const nest = (n: number) => '['.repeat(n) + ']'.repeat(n);
  for (const [before, after, used] of [
    ['{"a":', '}', 1],
    ['{"line_items":[', ']}', 2],
    ['{"line_items":[{"a":', '}]}', 3],
  ] as const) {
    assert.equal(refusal(before + nest(64 - used) + after), null);
    assert.match(refusal(before + nest(65 - used) + after)!, /^too_deep: /);
  }
});

test('keys that are written with escapes are the same keys', () => {
  assert.equal(refusal('{"\\u0069d":5,"line\\u005fitems":[{"\\u0069d":6}],"i\\u0064x":7}'), null);
  assert.equal(slice(scan.from[0], scan.to[0]), '5');
  assert.equal(scan.itemCount, 1);
  assert.equal(slice(scan.itemFrom(0, 0), scan.itemTo(0, 0)), '6');
  assert.deepEqual(extraOf(scan.extra), { idx: 7 });
});
