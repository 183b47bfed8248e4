/** COPY text through a real Postgres and back: whatever the string, it is stored byte for byte. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { Database } from '../../consumer/load/database.js';
import { copyStatement } from '../../consumer/schema/tables.js';
import { CopyText } from '../../consumer/transform/copy-text.js';
import * as values from '../../shared/values.js';
import { dropDatabase, freshDatabase } from '../support/services.js';
import { escapeJson } from '../unit/consumer/transform/copy-decode.js';

let url: string;
let db: Database;
before(async () => {
  url = await freshDatabase();
  db = await Database.connect(url, 'copy-text test');
});
after(async () => {
  await db.end();
  await dropDatabase(url);
});

/** Copies rows of one column each into a new table and gives what it then holds, in their order. */
async function through<T>(
  type: string,
  list: T[],
  write: (out: CopyText, value: T) => void,
  shown = 'v::text',
): Promise<(string | null)[]> {
  await db.query(`CREATE TEMP TABLE t (n integer GENERATED ALWAYS AS IDENTITY, v ${type})`);
  try {
    const out = new CopyText();
    for (const value of list) {
      write(out, value);
      out.endRow();
    }
    assert.equal(await db.copy(copyStatement('t', ['v']), out.chunks()), list.length);
    return (await db.query(`SELECT ${shown} AS v FROM t ORDER BY n`)).rows.map(r => r.v);
  } finally {
    await db.query('DROP TABLE t');
  }
}

const character = fc.oneof(
  fc.constantFrom('\t', '\n', '\r', '\\', 'N', '.', '"', '/', '\b', '\f', '\v', '\u007f', '\ufeff', '\uffff', '👩‍👩‍👧', '\u2028'),
  fc.string({ minLength: 1, maxLength: 1, unit: 'binary' }).filter(c => c !== '\0'),
);
const text = fc.oneof(
  fc.string({ unit: character, maxLength: 30 }),
  fc.constantFrom('', '\\N', '\\.', 'NULL', ' ', '\\', 'x'.repeat(70_000)),
);
const how = fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 5 });

test('strings come back as they were, bytes and all, and null stays null', { timeout: 60_000 }, async () => {
  const rows = [...fc.sample(fc.tuple(text, how), { numRuns: 3000, seed: 1 }), null];
  const got = await through('text', rows, (out, row) => {
    if (row === null) {
      out.reserve(4);
      out.null();
      return;
    }
    const json = Buffer.from(escapeJson(...row));
    out.reserve(2 * json.length + 2);
    assert.equal(out.jsonString(json, 0, json.length), true);
  });
  for (const [n, row] of rows.entries()) assert.equal(got[n], row === null ? null : row[0], `row ${n}`);
});

test('raw JSON goes into jsonb as it means', { timeout: 60_000 }, async () => {
  const rows = fc
    .sample(fc.tuple(text, how), { numRuns: 1000, seed: 2 })
    .map(([s, h]) => ({ s, json: Buffer.from(`{"a\\\\":"${escapeJson(s, h)}"}`) }));
  const got = await through(
    'jsonb',
    rows,
    (out, { json }) => {
      out.reserve(2 * json.length + 2);
      out.escaped(json, 0, json.length);
    },
    String.raw`v->>'a\'`,
  );
  for (const [n, { s }] of rows.entries()) assert.equal(got[n], s, `row ${n}`);
});

test('Postgres stores money as the user figures count it', { timeout: 60_000 }, async () => {
  const digits = (max: number) => fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: max });
  const number = fc
    .tuple(fc.constantFrom('', '-'), digits(15), fc.option(digits(12)), fc.option(fc.integer({ min: -20, max: 8 })))
    .map(([s, w, f, e]) => `${s}${w}${f === null ? '' : `.${f}`}${e === null ? '' : `e${e}`}`);
  const fits = fc.sample(number, { numRuns: 3000, seed: 3 }).filter(n => values.parseMoney(Buffer.from(n), 0, n.length));
  assert.ok(fits.length > 1500);
  const got = await through('numeric(19,4)', fits, (out, n) => {
    out.reserve(2 * n.length + 64);
    out.ascii(values.parseMoney(Buffer.from(n), 0, n.length) && values.normalText !== null ? values.normalText : n);
  });
  fits.forEach((n, i) => {
    values.parseMoney(Buffer.from(n), 0, n.length);
    assert.equal(got[i], values.unitsToText(Number.isNaN(values.moneyUnits) ? values.moneyBig : BigInt(values.moneyUnits)), n);
  });
});

test('Postgres stores instants as the user figures count them, to the microsecond', { timeout: 60_000 }, async () => {
  const pad = (n: number) => String(n).padStart(2, '0');
  const time = fc
    .tuple(
      fc.integer({ min: Date.UTC(1, 0, 3) - 62_000_000_000_000, max: Date.UTC(9999, 11, 29) }).filter(ms => ms > -62_135_000_000_000),
      fc.option(fc.stringMatching(/^\d{1,9}$/)),
      fc.integer({ min: -959, max: 959 }),
    )
    .map(
      ([ms, f, o]) =>
        `${new Date(ms).toISOString().slice(0, 19)}${f === null ? '' : `.${f}`}${o < 0 ? '-' : '+'}${pad(Math.floor(Math.abs(o) / 60))}:${pad(Math.abs(o) % 60)}`,
    );
  const rows = fc.sample(time, { numRuns: 3000, seed: 4 });
  const got = await through(
    'timestamptz',
    rows,
    (out, t) => {
      out.reserve(2 * t.length);
      out.ascii(t);
    },
    "to_char(v AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00'",
  );
  rows.forEach((t, i) => {
    assert.ok(values.parseInstant(Buffer.from(t), 0, t.length), t);
    assert.equal(values.instantText(values.instantSeconds, values.instantMicros), got[i], t);
  });
});
