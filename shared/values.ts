/**
 * Scalar values of an order from their JSON bytes: whole numbers, money and instants, exact and without floating point.
 *
 * Each `parse…` returns true when the value fits and leaves what it found in this module's variables: no object per field (an order has
 * 51). The fast cases copy digits; the rare ones (exponents, 19 digits) go through BigInt.
 */
import { daysInMonth } from './order.js';

const MIN_BIGINT = -(2n ** 63n);
const MAX_BIGINT = 2n ** 63n - 1n;

/** A number in plain notation. */
const NUMBER = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

/** The normal text of the last value where the bytes as delivered cannot be copied; null where they can. */
export let normalText: string | null = null;

/** Why the last parse failed: `range` when it is of the right form and does not fit, `form` otherwise. */
export let failure: 'form' | 'range' = 'form';

/**
 * A JSON number that is a whole number of 64 bits. The notation does not matter: 1e3 and 1.0 are whole, 1.5 is not.
 */
export function parseBigint(b: Uint8Array, from: number, to: number): boolean {
  normalText = null;
  const first = b[from] === 0x2d ? from + 1 : from;
  let i = first;
  while (i < to && b[i] >= 0x30 && b[i] <= 0x39) i++;
  // up to 18 digits always fit; "-0" is left to the slow way, as it is to be stored as 0
  if (i === to && to - first <= 18 && !(first > from && b[first] === 0x30)) return true;
  return parseBigintSlowly(Buffer.from(b.buffer, b.byteOffset + from, to - from).toString('latin1'));
}

function parseBigintSlowly(text: string): boolean {
  const m = NUMBER.exec(text)!;
  const digits = (m[2] + (m[3] ?? '')).replace(/^0+/, '');
  const point = exponentOf(m[4]) - (m[3]?.length ?? 0);
  failure = 'form';
  if (digits === '') {
    normalText = '0';
    return true;
  }
  const significant = digits.replace(/0+$/, '');
  const zeros = point + (digits.length - significant.length); // the value is significant * 10^zeros
  if (zeros < 0) return false;
  failure = 'range';
  if (significant.length + zeros > 19) return false;
  const value = BigInt(m[1] === '-' ? -1 : 1) * BigInt(significant) * 10n ** BigInt(zeros);
  if (value < MIN_BIGINT || value > MAX_BIGINT) return false;
  normalText = String(value);
  return true;
}

/** An exponent as a number; far beyond any that matters it is cut, so that `1e999999999999` costs nothing. */
function exponentOf(text: string | undefined): number {
  if (text === undefined) return 0;
  return Math.max(-1e6, Math.min(1e6, Number(text)));
}

/** Ten-thousandths of the last money value while it has at most 6 digits before the point; NaN where it has more: see `moneyBig`. */
export let moneyUnits = 0;
/** Ten-thousandths of the last money value where `moneyUnits` is NaN. */
export let moneyBig = 0n;

/**
 * A decimal for numeric(19,4), from the text as delivered. Accepted: an optional sign, digits, a point, an exponent.
 *
 * Postgres rounds the text itself when it stores it, half away from zero; `moneyUnits` follows the same rule.
 */
export function parseMoney(b: Uint8Array, from: number, to: number): boolean {
  normalText = null;
  let i = from;
  const negative = b[i] === 0x2d;
  if (negative) i++;
  const first = i;
  let units = 0;
  while (i < to && b[i] >= 0x30 && b[i] <= 0x39) units = units * 10 + (b[i++] - 0x30);
  const whole = i - first;
  if (whole >= 1 && whole <= 6) {
    let fraction = 0;
    let point = i;
    if (i < to && b[i] === 0x2e) {
      point = ++i;
      for (; i < to && b[i] >= 0x30 && b[i] <= 0x39; i++) {
        if (i < point + 4) fraction = fraction * 10 + (b[i] - 0x30);
        else if (i === point + 4 && b[i] >= 0x35) fraction++;
      }
    }
    // 300 digits behind the point are far above what an export writes and far below what numeric_in refuses (16,383)
    if (i === to && (point === to ? b[to - 1] !== 0x2e : to - point <= 300)) {
      for (let k = Math.min(to - point, 4); k < 4; k++) fraction *= 10;
      units = units * 10000 + fraction;
      moneyUnits = negative ? -units : units;
      return true;
    }
  }
  return parseMoneySlowly(Buffer.from(b.buffer, b.byteOffset + from, to - from).toString('latin1'));
}

function parseMoneySlowly(text: string): boolean {
  failure = 'form';
  const m = NUMBER.exec(text);
  if (!m || (m[2] === '' && (m[3] ?? '') === '')) return false;
  const digits = (m[2] + (m[3] ?? '')).replace(/^0+/, '');
  const scale = exponentOf(m[4]) - (m[3]?.length ?? 0) + 4; // the value in ten-thousandths is digits * 10^scale
  failure = 'range';
  let units = 0n;
  if (digits !== '') {
    if (digits.length + scale > 20) return false;
    if (scale >= 0) units = BigInt(digits) * 10n ** BigInt(scale);
    else {
      const keep = digits.length + scale; // digits kept; the next one decides the rounding
      units = keep > 0 ? BigInt(digits.slice(0, keep)) : 0n;
      if (keep >= 0 && digits.charCodeAt(keep) >= 0x35) units += 1n;
    }
  }
  if (units >= 10n ** 19n) return false;
  moneyUnits = Number.NaN;
  moneyBig = m[1] === '-' ? -units : units;
  normalText = unitsToText(moneyBig);
  return true;
}

/** Ten-thousandths as a decimal with four places. */
export function unitsToText(units: bigint): string {
  const text = (units < 0n ? -units : units).toString().padStart(5, '0');
  return `${units < 0n ? '-' : ''}${text.slice(0, -4)}.${text.slice(-4)}`;
}

/** The last instant: seconds since 1970-01-01T00:00:00Z (whole, may be negative) and microseconds within that second. */
export let instantSeconds = 0;
export let instantMicros = 0;

/**
 * An instant in ISO 8601 with an offset: `2017-10-31T19:49:53-04:00`, with or without a fraction; `Z`, `±HH:MM`, `±HHMM` or `±HH`.
 *
 * Refused: no offset, a date that does not exist, hour 24, second 60. Postgres accepts all that passes here, as delivered.
 */
export function parseInstant(b: Uint8Array, from: number, to: number): boolean {
  failure = 'form';
  normalText = null;
  if (to - from < 20 || b[from + 4] !== 0x2d || b[from + 7] !== 0x2d || b[from + 13] !== 0x3a || b[from + 16] !== 0x3a) return false;
  const t = b[from + 10];
  if (t !== 0x54 && t !== 0x74 && t !== 0x20) return false;
  const year = two(b, from) * 100 + two(b, from + 2);
  const month = two(b, from + 5);
  const day = two(b, from + 8);
  const hour = two(b, from + 11);
  const minute = two(b, from + 14);
  const second = two(b, from + 17);
  let i = from + 19;
  let micros = 0;
  if (b[i] === 0x2e) {
    const first = ++i;
    while (i < to && b[i] >= 0x30 && b[i] <= 0x39) i++;
    if (i === first || i - first > 100) return false;
    micros = microsOf(b, first, i);
  }
  const offset = parseOffset(b, i, to);
  // NaN from any of the digits makes a comparison false
  if (!(offset > -1e9 && year >= 1 && month >= 1 && month <= 12 && day >= 1 && hour <= 23 && minute <= 59 && second <= 59)) return false;
  if (!(day <= daysInMonth(year, month))) return false;
  instantSeconds = daysFromCivil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset;
  instantMicros = micros;
  if (micros === 1_000_000) {
    instantSeconds++;
    instantMicros = 0;
  }
  return true;
}

/** Two digits; NaN where they are not. */
function two(b: Uint8Array, at: number): number {
  const x = b[at] - 0x30;
  const y = b[at + 1] - 0x30;
  return x >= 0 && x <= 9 && y >= 0 && y <= 9 ? x * 10 + y : Number.NaN;
}

/** Digits behind the point as microseconds. Beyond six digits Postgres rounds the double to even, and so must this. */
function microsOf(b: Uint8Array, from: number, to: number): number {
  let micros = 0;
  if (to - from > 6) {
    const exact = Number(`0.${Buffer.from(b.buffer, b.byteOffset + from, to - from).toString('latin1')}`) * 1e6;
    const floor = Math.floor(exact);
    const rest = exact - floor;
    return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
  }
  for (let k = 0; k < 6; k++) micros = micros * 10 + (from + k < to ? b[from + k] - 0x30 : 0);
  return micros;
}

/** Offset in seconds east of UTC; NaN where there is none or it is not one. Postgres' limit is ±15:59. */
function parseOffset(b: Uint8Array, at: number, to: number): number {
  const c = b[at];
  if (c === 0x5a || c === 0x7a) return at + 1 === to ? 0 : Number.NaN;
  if (c !== 0x2b && c !== 0x2d) return Number.NaN;
  const hours = two(b, at + 1);
  let minutes = 0;
  if (to - at === 6 && b[at + 3] === 0x3a) minutes = two(b, at + 4);
  else if (to - at === 5) minutes = two(b, at + 3);
  else if (to - at !== 3) return Number.NaN;
  if (!(hours <= 15 && minutes <= 59)) return Number.NaN;
  return (c === 0x2d ? -1 : 1) * (hours * 3600 + minutes * 60);
}

/** Days since 1970-01-01 in the proleptic Gregorian calendar (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
export function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yoe = y - era * 400;
  const doy = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return era * 146097 + yoe * 365 + Math.floor(yoe / 4) - Math.floor(yoe / 100) + doy - 719468;
}

/** An instant as text that Postgres reads exactly: `2017-10-31 23:49:53.000000+00`. */
export function instantText(seconds: number, micros: number): string {
  const [year, month, day] = civil(Math.floor(seconds / 86400));
  const s = ((seconds % 86400) + 86400) % 86400;
  const p = (n: number, w = 2) => String(n).padStart(w, '0');
  const date = `${p(year <= 0 ? 1 - year : year, 4)}-${p(month)}-${p(day)}`;
  const time = `${p(Math.floor(s / 3600))}:${p(Math.floor(s / 60) % 60)}:${p(s % 60)}.${p(micros, 6)}`;
  return `${date} ${time}+00${year <= 0 ? ' BC' : ''}`; // 0001-01-01 with a positive offset lies in 1 BC
}

/** `YYYY_MM` of an instant in UTC; years below 1 count as the year 1's, as no table can be named after them. */
export function monthOf(seconds: number): string {
  const [year, month] = civil(Math.floor(seconds / 86400));
  if (year < 1) return '0001_01';
  if (year > 9999) return '9999_12';
  return `${String(year).padStart(4, '0')}_${String(month).padStart(2, '0')}`;
}

function civil(days: number): [year: number, month: number, day: number] {
  const z = days + 719468;
  const era = Math.floor(z / 146097);
  const doe = z - era * 146097;
  const yoe = Math.floor((doe - Math.floor(doe / 1460) + Math.floor(doe / 36524) - Math.floor(doe / 146096)) / 365);
  const doy = doe - (365 * yoe + Math.floor(yoe / 4) - Math.floor(yoe / 100));
  const mp = Math.floor((5 * doy + 2) / 153);
  const month = mp < 10 ? mp + 3 : mp - 9;
  return [yoe + era * 400 + (month <= 2 ? 1 : 0), month, doy - Math.floor((153 * mp + 2) / 5) + 1];
}

/** What numeric holds: digits before the point and behind it, and (beyond any digits) the exponent that its reader takes. */
const MOST_WHOLE = 131_072;
const MOST_FRACTION = 16_383;
const MOST_EXPONENT = 2 ** 30;

/** True when a JSON number, as delivered, fits into jsonb, which keeps each one as numeric without a limit of its own. */
export function fitsJsonb(b: Uint8Array, from: number, to: number): boolean {
  const m = NUMBER.exec(Buffer.from(b.buffer, b.byteOffset + from, to - from).toString('latin1'))!;
  const fraction = m[3]?.length ?? 0;
  const exponent = Number(m[4] ?? 0);
  if (exponent >= MOST_EXPONENT || fraction - exponent > MOST_FRACTION) return false;
  const zeros = /^0*/.exec(m[2] + (m[3] ?? ''))![0].length;
  const digits = m[2].length + fraction - zeros;
  return digits === 0 || digits - fraction + exponent <= MOST_WHOLE;
}
