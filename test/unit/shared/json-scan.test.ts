import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { faultAt, hadEscapes, INCOMPLETE, MALFORMED, skipSpace, skipString, skipValue } from '../../../shared/json-scan.js';
import { json, jsonText, layout, parses, write } from './json-text.js';

/** Reads a whole text: the end of its one value, or why not. A blank behind it ends a number, as in a file. */
function scan(text: string, maxDepth = 200): number {
  const b = Buffer.from(`${text} `);
  const at = skipValue(b, skipSpace(b, 0, b.length), b.length, maxDepth);
  return at < 0 ? at : skipSpace(b, at, b.length) === b.length ? at : MALFORMED;
}

/** One change of a text somewhere: a character taken out, put in or replaced. */
const change = fc.record({
  at: fc.nat(),
  kind: fc.constantFrom('cut', 'insert', 'replace', 'truncate'),
  char: fc.constantFrom(...'{}[]",:0123456789.-+eEtrufalsn\\\'/ \n\t\u0001xN'),
});

function mutate(text: string, { at, kind, char }: { at: number; kind: string; char: string }): string {
  const i = text.length === 0 ? 0 : at % text.length;
  if (kind === 'truncate') return text.slice(0, i);
  return text.slice(0, i) + (kind === 'cut' ? '' : char) + text.slice(kind === 'insert' ? i : i + 1);
}

test('what JSON.parse takes is taken, to its last byte', () => {
  fc.assert(
    fc.property(json, layout, (value, how) => {
      const text = write(value, how);
      assert.ok(parses(text));
      assert.equal(scan(text), Buffer.byteLength(text.trimEnd()));
    }),
    { numRuns: 2000 },
  );
});

test('what is changed somewhere is taken exactly where JSON.parse takes it', () => {
  let refused = 0;
  fc.assert(
    fc.property(json, layout, fc.array(change, { minLength: 1, maxLength: 3 }), (value, how, changes) => {
      const text = changes.reduce(mutate, write(value, how));
      const taken = parses(text);
      if (!taken) refused++;
      assert.equal(scan(text) >= 0, taken, JSON.stringify(text));
    }),
    { numRuns: 5000 },
  );
  assert.ok(refused > 500, 'the changes are to break something');
});

test('cut off anywhere it is incomplete, never malformed', () => {
  fc.assert(
    fc.property(json, layout, fc.nat(), (value, how, cut) => {
      const b = Buffer.from(write(value, how).trim());
      const end = cut % b.length;
      const at = skipValue(b, 0, end, 200);
      // a number may be whole at any digit, so alone it is incomplete as well
      assert.equal(end === 0 ? INCOMPLETE : at, INCOMPLETE);
    }),
    { numRuns: 2000 },
  );
});

test('known texts that are no JSON', () => {
  for (const text of [
    '',
    '01',
    '-',
    '+1',
    '.5',
    '1.',
    '1e',
    '1e+',
    '0x1',
    'NaN',
    'Infinity',
    'nul',
    'nulL',
    'True',
    "'a'",
    '"a',
    '"\n"',
    '"\t"',
    '"\\x"',
    '"\\u12g4"',
    '"\\u123',
    '[1,]',
    '[,1]',
    '[1 2]',
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '{a:1}',
    '{"a":1 "b":2}',
    '{1:2}',
    '[1}',
    '{"a":1]',
    '1 2',
    '[]]',
    '\ufeff1',
    '\u00a01',
    '// x\n1',
    '"\\',
    '"\\u',
    '--1',
    '1.2.3',
    '-01',
  ]) {
    assert.equal(parses(text), false, text);
    assert.ok(scan(text) < 0, text);
  }
});

test('it says where the fault is', () => {
  for (const [text, at] of [
    ['{"a":1 "b":2}', 7],
    ['[1,2,,3]', 5],
    ['{"a":tru}', 5],
    ['"ab\u0001"', 3],
    ['[1.x]', 3],
    ['{"a":"\\q"}', 6],
    ['[1}', 2],
  ] as const) {
    assert.equal(scan(text), MALFORMED, text);
    assert.equal(faultAt(), at, text);
  }
});

test('depth is bounded as asked for, and costs no stack', () => {
  const nested = (n: number) => '['.repeat(n) + ']'.repeat(n);
  assert.equal(scan(nested(200)), 400);
  assert.equal(scan(nested(201)), MALFORMED);
  assert.equal(scan(`${'{"a":'.repeat(199)}[]${'}'.repeat(199)}`), 199 * 6 + 2);
  assert.equal(scan(nested(100_000), 100_000), 200_000);
});

test('a string ends at its quote, and its escapes are noticed', () => {
  fc.assert(
    fc.property(jsonText, layout, (s, how) => {
      const b = Buffer.from(`${write(s, { ...how, blanks: [''] })}","`);
      const end = skipString(b, 0, b.length);
      assert.equal(JSON.parse(b.toString('utf8', 0, end)), s);
      assert.equal(hadEscapes(), b.subarray(0, end).includes(0x5c));
    }),
  );
});
