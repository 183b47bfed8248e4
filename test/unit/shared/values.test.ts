import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as values from '../../../shared/values.js';

const { parseBigint, parseInstant, parseMoney } = values;

/** Runs a parser on a text that stands between other bytes, which it must not look at. */
function on<T>(parse: (b: Uint8Array, from: number, to: number) => boolean, text: string, result: () => T): T | 'form' | 'range' {
  const b = Buffer.from(`9${text}9`, 'latin1');
  return parse(b, 1, b.length - 1) ? result() : values.failure;
}

const bigint = (text: string) => on(parseBigint, text, () => BigInt(values.normalText ?? text));
const money = (text: string) => on(parseMoney, text, () => (Number.isNaN(values.moneyUnits) ? values.moneyBig : BigInt(values.moneyUnits)));
const instant = (text: string) => on(parseInstant, text, () => values.instantText(values.instantSeconds, values.instantMicros));

/** A decimal as numerator and power of ten, with nothing but BigInt. */
function rational(text: string): { n: bigint; scale: bigint } {
  const [, sign, whole, fraction = '', exponent = '0'] = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(text)!;
  return {
    n: BigInt(`${whole}${fraction}`) * (sign === '-' ? -1n : 1n),
    scale: BigInt(exponent) - BigInt(fraction.length),
  };
}

const digits = (min: number, max: number) => fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: min, maxLength: max });
const jsonNumber = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.oneof(
      fc.constant('0'),
      fc.tuple(fc.integer({ min: 1, max: 9 }), digits(0, 21)).map(p => p.join('')),
    ),
    fc.option(digits(1, 24)),
    fc.option(fc.integer({ min: -45, max: 25 })),
  )
  .map(
    ([sign, whole, fraction, exponent]) =>
      `${sign}${whole}${fraction === null ? '' : `.${fraction}`}${exponent === null ? '' : `e${exponent}`}`,
  );

test('a whole number is taken by its value, whatever its notation', () => {
  for (const [text, want] of [
    ['0', 0n],
    ['-0', 0n],
    ['7', 7n],
    ['-7', -7n],
    ['1e3', 1000n],
    ['1.0', 1n],
    ['10.50e1', 105n],
    ['1E+2', 100n],
    ['1200e-2', 12n],
    ['9007199254740993', 9007199254740993n],
    ['9223372036854775807', 2n ** 63n - 1n],
    ['-9223372036854775808', -(2n ** 63n)],
    ['999999999999999999', 999999999999999999n],
    ['0e999999999999999999', 0n],
    ['0.000', 0n],
    ['92233720368547758070e-1', 2n ** 63n - 1n],
  ] as const)
    assert.equal(bigint(text), want, text);
});

test('a whole number that is none, or does not fit, is told apart', () => {
  for (const text of ['1.5', '1e-1', '0.1', '12345e-3', '1e-999999999999']) assert.equal(bigint(text), 'form', text);
  for (const text of ['9223372036854775808', '-9223372036854775809', '1e19', '1e999999999999', '99999999999999999999'])
    assert.equal(bigint(text), 'range', text);
});

test('any JSON number is whole exactly where arithmetic says so', () => {
  fc.assert(
    fc.property(jsonNumber, text => {
      const { n, scale } = rational(text);
      const power = 10n ** (scale < 0n ? -scale : scale);
      const whole = scale >= 0n || n % power === 0n;
      const value = scale >= 0n ? n * power : n / power;
      const want = !whole ? 'form' : value >= -(2n ** 63n) && value < 2n ** 63n ? value : 'range';
      assert.equal(bigint(text), want);
    }),
    { numRuns: 3000 },
  );
});

test('money is rounded half away from nought at the fourth place, from the text', () => {
  for (const [text, want] of [
    ['104.52000000000001', 1045200n],
    ['0.00005', 1n],
    ['-0.00005', -1n],
    ['0.00004999999', 0n],
    ['1.00015', 10002n],
    ['1.005', 10050n],
    ['-2.5', -25000n],
    ['999999.99995', 10000000000n],
    ['999999999999999.9999', 10n ** 19n - 1n],
    ['1e3', 10000000n],
    ['5e-5', 1n],
    ['49e-6', 0n],
    ['12', 120000n],
    ['+1.5', 15000n],
    ['.5', 5000n],
    ['5.', 50000n],
    ['00012.5', 125000n],
    ['0000000012.5', 125000n],
    ['0', 0n],
    ['-0.0', 0n],
    [`0.${'9'.repeat(400)}`, 10000n],
    ['1e-999999999', 0n],
  ] as const)
    assert.equal(money(text), want, text);
});

test('money that is none, or does not fit, is told apart', () => {
  for (const text of [
    '',
    '-',
    '.',
    'e5',
    '1,00',
    ' 1',
    '1 ',
    '0x10',
    '1_000',
    'NaN',
    'Infinity',
    '-Infinity',
    '1.2.3',
    '1e',
    '--1',
    '1-',
    '\u00b2',
  ])
    assert.equal(money(text), 'form', text);
  for (const text of ['1000000000000000', '-1000000000000000', '999999999999999.99995', '1e400', '1e999999999'])
    assert.equal(money(text), 'range', text);
});

test('any decimal is rounded as arithmetic does it', () => {
  fc.assert(
    fc.property(jsonNumber, text => {
      const { n, scale } = rational(text);
      const size = n < 0n ? -n : n;
      const shift = scale + 4n;
      const power = 10n ** (shift < 0n ? -shift : shift);
      const units = shift >= 0n ? size * power : size / power + (2n * (size % power) >= power ? 1n : 0n);
      assert.equal(money(text), units >= 10n ** 19n ? 'range' : n < 0n ? -units : units);
    }),
    { numRuns: 5000 },
  );
});

test('ten-thousandths as text read back as what they were', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(10n ** 19n), max: 10n ** 19n }), units => {
      const text = values.unitsToText(units);
      assert.match(text, /^-?\d+\.\d{4}$/);
      assert.equal(BigInt(text.replace('.', '')), units);
    }),
  );
});

test('instants with every form of offset', () => {
  for (const [text, want] of [
    ['2017-10-31T19:49:53-04:00', '2017-10-31 23:49:53.000000+00'],
    ['2017-10-31T19:49:53Z', '2017-10-31 19:49:53.000000+00'],
    ['2017-10-31t19:49:53z', '2017-10-31 19:49:53.000000+00'],
    ['2017-10-31 19:49:53+0530', '2017-10-31 14:19:53.000000+00'],
    ['2017-10-31T19:49:53+14', '2017-10-31 05:49:53.000000+00'],
    ['2017-12-31T23:59:59.999999-15:59', '2018-01-01 15:58:59.999999+00'],
    ['2017-10-31T19:49:53.5Z', '2017-10-31 19:49:53.500000+00'],
    ['2017-10-31T19:49:59.9999999Z', '2017-10-31 19:50:00.000000+00'],
    ['2016-02-29T00:00:00Z', '2016-02-29 00:00:00.000000+00'],
    ['0001-01-01T00:00:00+01:00', '0001-12-31 23:00:00.000000+00 BC'],
    ['9999-12-31T23:59:59-01:00', '10000-01-01 00:59:59.000000+00'],
  ])
    assert.equal(instant(text), want, text);
});

test('instants that are none are refused', () => {
  for (const text of [
    '',
    '2017-10-31',
    '2017-10-31T19:49:53',
    '2017-10-31T19:49Z',
    '2017-02-29T00:00:00Z',
    '1900-02-29T00:00:00Z',
    '2017-13-01T00:00:00Z',
    '2017-00-01T00:00:00Z',
    '2017-04-31T00:00:00Z',
    '2017-10-00T00:00:00Z',
    '2017-10-31T24:00:00Z',
    '2017-10-31T19:60:00Z',
    '2017-10-31T19:49:60Z',
    '0000-01-01T00:00:00Z',
    '2017-10-31T19:49:53.Z',
    '2017-10-31T19:49:53+16:00',
    '2017-10-31T19:49:53+05:60',
    '2017-10-31T19:49:53+5',
    '2017-10-31T19:49:53+05:0',
    '2017-10-31T19:49:53+',
    '2017-10-31T19:49:53Z ',
    '2017-10-31T19:49:53 Z',
    '2017/10/31T19:49:53Z',
    '2017-10-31_19:49:53Z',
    '-017-10-31T19:49:53Z',
    '+2017-10-31T19:49:53Z',
    '2017-1a-31T19:49:53Z',
    '2017-10-31T19:49:53zz',
    '20171031T194953Z',
    'infinity',
    'epoch',
    `2017-10-31T19:49:53.${'1'.repeat(101)}Z`,
  ])
    assert.equal(instant(text), 'form', text);
});

test('any instant is the one that Date reads, to the microsecond', () => {
  const pad = (n: number, width = 2) => String(n).padStart(width, '0');
  const time = fc.record({
    ms: fc.integer({ min: Date.UTC(100, 0, 1), max: Date.UTC(9999, 11, 31) }),
    micros: fc.integer({ min: 0, max: 999_999 }),
    offset: fc.integer({ min: -15 * 60 - 59, max: 15 * 60 + 59 }),
  });
  fc.assert(
    fc.property(time, ({ ms, micros, offset }) => {
      const local = new Date(Math.floor(ms / 1000) * 1000);
      const size = Math.abs(offset);
      const text = `${local.toISOString().slice(0, 19)}.${pad(micros, 6)}${offset < 0 ? '-' : '+'}${pad(Math.floor(size / 60))}:${pad(size % 60)}`;
      const want = new Date(local.getTime() - offset * 60_000);
      const shown = on(parseInstant, text, () => [values.instantSeconds, values.instantMicros, values.monthOf(values.instantSeconds)]);
      const iso = want.toISOString().replace(/^\+0*/, '');
      const [year, month] = /^(\d+)-(\d\d)/.exec(iso)!.slice(1);
      assert.deepEqual(shown, [want.getTime() / 1000, micros, Number(year) > 9999 ? '9999_12' : `${pad(Number(year), 4)}_${month}`]);
      if (Number(year) <= 9999)
        assert.equal(values.instantText(want.getTime() / 1000, micros), `${iso.slice(0, 10)} ${iso.slice(11, 19)}.${pad(micros, 6)}+00`);
    }),
    { numRuns: 3000 },
  );
});

test('beyond six digits a fraction is rounded to the nearest microsecond', () => {
  fc.assert(
    fc.property(digits(7, 12), fraction => {
      // half-way cases depend on the double, as Postgres' own do
      fc.pre(!/^\d{6}50*$/.test(fraction));
      const micros = BigInt(fraction.slice(0, 6)) + (fraction[6] >= '5' ? 1n : 0n);
      const got = on(
        parseInstant,
        `2017-10-31T19:49:53.${fraction}Z`,
        () => BigInt(values.instantSeconds) * 1_000_000n + BigInt(values.instantMicros),
      );
      assert.equal(got, BigInt(Date.UTC(2017, 9, 31, 19, 49, 53) / 1000) * 1_000_000n + micros);
    }),
  );
});

test('days of the calendar count up by one, over 400 years and their borders', () => {
  let day = values.daysFromCivil(1799, 12, 31);
  for (let year = 1800; year <= 2200; year++) {
    for (let month = 1; month <= 12; month++) {
      for (let d = 1; d <= new Date(Date.UTC(year, month, 0)).getUTCDate(); d++) assert.equal(values.daysFromCivil(year, month, d), ++day);
    }
  }
  assert.equal(values.daysFromCivil(1970, 1, 1), 0);
});
