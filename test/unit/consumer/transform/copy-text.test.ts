import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CopyText, hasUnstorableEscape } from '../../../../consumer/transform/copy-text.js';
import { decodeCopy, escapeJson } from './copy-decode.js';

const text = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      '\t',
      '\n',
      '\r',
      '\\',
      '\\N',
      '\\.',
      '"',
      '/',
      '\b',
      '\f',
      '\v',
      '\u007f',
      'é',
      '€',
      '👩‍👩‍👧',
      '\ud7ff',
      '\ue000',
      '\uffff',
    ),
    fc.string({ minLength: 1, maxLength: 1, unit: 'binary' }).filter(c => c !== '\0'),
  ),
});
const how = fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 5 });

function written(write: (out: CopyText) => void): Buffer {
  const out = new CopyText();
  write(out);
  const chunks = Buffer.concat(out.chunks());
  assert.equal(out.bytes, chunks.length);
  return chunks;
}

test('whatever the bytes, they decode back', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { minLength: 1 }), cells => {
      const row = written(out => {
        cells.forEach((c, i) => {
          out.reserve(2 * c.length + 2);
          if (i > 0) out.tab();
          out.escaped(c, 0, c.length);
        });
        out.endRow();
      });
      assert.deepEqual(decodeCopy(row), [cells.map(c => Buffer.from(c))]);
    }),
  );
});

test('whatever the string and however JSON writes it, it decodes back', () => {
  fc.assert(
    fc.property(text, how, (s, h) => {
      const json = Buffer.from(`"${escapeJson(s, h)}"`);
      assert.equal(JSON.parse(json.toString()), s);
      const row = written(out => {
        out.reserve(2 * json.length + 2);
        assert.equal(out.jsonString(json, 1, json.length - 1), true);
        out.endRow();
      });
      assert.equal(decodeCopy(row)[0][0]!.toString('utf8'), s);
      assert.equal(hasUnstorableEscape(json, 1, json.length - 1), false);
    }),
    { numRuns: 2000 },
  );
});

test('NUL and unpaired surrogates are found, pairs are not', () => {
  const bad = [
    '\\u0000',
    'a\\u0000',
    '\\ud800',
    '\\udc00',
    '\\ud800x',
    '\\ud800\\ud800',
    '\\ud800\\u0041',
    '\\udc00\\ud800',
    '\\ud83d\\\\ude00',
    '\\uD83D',
    '\\ud83d\\ude00\\ud83d',
    '\\ud83d\\t',
  ];
  const good = [
    '',
    '\\\\u0000',
    '\\ud83d\\ude00',
    '\\uD83D\\uDE00',
    '\\ud83d\\ude00\\u0001',
    '\\\\ud800',
    '\\\\\\\\ud800',
    '\\n\\u0009',
    '\\ud7ff\\ue000',
  ];
  for (const [list, want] of [
    [bad, true],
    [good, false],
  ] as const) {
    for (const s of list) {
      const b = Buffer.from(s);
      assert.equal(hasUnstorableEscape(b, 0, b.length), want, s);
      const out = new CopyText();
      out.reserve(64);
      assert.equal(out.jsonString(b, 0, b.length), !want, s);
    }
  }
});

test('a string is unstorable exactly where JSON.parse gives NUL or a lone surrogate', () => {
  const unit = fc.constantFrom('\\ud83d', '\\ude00', '\\udbff', '\\udc00', '\\u0000', '\\u0041', '\\\\', '\\n', 'x', '\\"');
  fc.assert(
    fc.property(fc.array(unit, { maxLength: 8 }), units => {
      const json = Buffer.from(units.join(''));
      const value: string = JSON.parse(`"${units.join('')}"`);
      assert.equal(hasUnstorableEscape(json, 0, json.length), value.includes('\0') || /\p{Surrogate}/u.test(value));
    }),
    { numRuns: 2000 },
  );
});

test('rows over many chunks come out whole and in order', () => {
  const rows = Array.from({ length: 3000 }, (_, i) => [String(i), i % 3 === 0 ? null : 'x'.repeat(i % 700)] as const);
  const out = new CopyText();
  for (const [a, b] of rows) {
    out.reserve(a.length + (b?.length ?? 2) + 2);
    out.ascii(a);
    out.tab();
    if (b === null) out.null();
    else out.raw(Buffer.from(b), 0, b.length);
    out.endRow();
  }
  assert.equal(out.rows, rows.length);
  assert.ok(out.chunks().length > 3, 'the test is to span chunks');
  assert.deepEqual(
    decodeCopy(Buffer.concat(out.chunks())).map(r => r.map(c => c?.toString() ?? null)),
    rows.map(r => [...r]),
  );
});

test('a row that is taken back leaves no trace', () => {
  const out = new CopyText();
  for (let i = 0; i < 2000; i++) {
    out.reserve(400);
    const start = out.at;
    out.ascii(`${i}${'y'.repeat(300)}`);
    if (i % 2 === 0) out.endRow();
    else out.at = start;
  }
  assert.deepEqual(
    decodeCopy(Buffer.concat(out.chunks())).map(r => Number.parseInt(r[0]!.toString(), 10)),
    Array.from({ length: 1000 }, (_, i) => 2 * i),
  );
});

test('a row larger than a chunk fits', () => {
  const big = Buffer.alloc(600_000, '\\');
  const row = written(out => {
    out.reserve(2 * big.length + 1);
    out.escaped(big, 0, big.length);
    out.endRow();
  });
  assert.ok(decodeCopy(row)[0][0]!.equals(big));
});

test('a whole number is written as its decimal', () => {
  const number = fc.oneof(fc.nat(), fc.maxSafeNat(), fc.constantFrom(0, 9, 10, 99, 100, 2147483647, 2147483648, Number.MAX_SAFE_INTEGER));
  fc.assert(
    fc.property(number, n => {
      const out = new CopyText();
      out.reserve(32);
      out.integer(n);
      assert.equal(out.buf.toString('latin1', 0, out.at), String(n));
    }),
  );
});
