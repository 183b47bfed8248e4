/**
 * The oracle's own reading of single values: delivered JSON (numbers kept as text by lossless-json) -> the text that a column must hold.
 *
 * Nothing here is shared with the program, so that a mistake in one shows as a difference and is not repeated by the other. The
 * normal forms: whole numbers in decimal, money with 4 decimals, instants as microseconds since 1970 in UTC, `true`/`false`,
 * text as it is, jsonb as canonical JSON.
 */
import { isLosslessNumber } from 'lossless-json';

/** A column's value in its normal form. */
export type Cell = string | null;

export type ColumnType = 'bigint' | 'integer' | 'numeric(19,4)' | 'numeric' | 'timestamptz' | 'boolean' | 'text' | 'jsonb';

/** A delivered value that its column cannot take; the message says why. */
export class Unfit extends Error {}

/** A decimal as `digits * 10^exponent`, digits without zeros at either end; '' is nought. */
interface Decimal {
  negative: boolean;
  digits: string;
  exponent: bigint;
}

function decimal(text: string): Decimal | null {
  const m = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (m === null) return null;
  const fraction = m[3] ?? '';
  const all = m[2] + fraction;
  if (all === '') return null;
  const digits = all.replace(/^0+/, '');
  const short = digits.replace(/0+$/, '');
  const exponent = BigInt(m[4] ?? '0') - BigInt(fraction.length) + BigInt(digits.length - short.length);
  return short === '' ? { negative: false, digits: '', exponent: 0n } : { negative: m[1] === '-', digits: short, exponent };
}

/** A number of any notation in one form, so that equal values have equal texts. */
export function canonicalNumber(text: string): string {
  const d = decimal(text);
  if (d === null) throw new Error(`not a number: ${text}`);
  return d.digits === '' ? '0' : `${d.negative ? '-' : ''}${d.digits}e${d.exponent}`;
}

/** A whole number within bounds, whatever its notation (1e3 and 1.0 are whole numbers). */
export function whole(value: unknown, min: bigint, max: bigint): string {
  if (!isLosslessNumber(value)) throw new Unfit('is not a number');
  const d = decimal(value.value)!;
  if (d.digits === '') return inside(0n);
  if (d.exponent < 0n) throw new Unfit('is not a whole number');
  // 10^25 is beyond every bound; this keeps 1e999999999 from being written out
  if (d.exponent > 25n) throw new Unfit('is out of range');
  return inside(BigInt((d.negative ? '-' : '') + d.digits + '0'.repeat(Number(d.exponent))));

  function inside(n: bigint): string {
    if (n < min || n > max) throw new Unfit('is out of range');
    return String(n);
  }
}

/** numeric(19,4): rounded half away from zero, as Postgres does it, from the text as delivered. */
export function money(value: unknown): string {
  const text = typeof value === 'string' ? value : isLosslessNumber(value) ? value.value : null;
  const d = text === null ? null : decimal(text);
  if (d === null) throw new Unfit('is not a decimal number');
  const shift = d.exponent + 4n;
  if (d.digits !== '' && BigInt(d.digits.length) + shift > 20n) throw new Unfit('is out of range');
  let units: bigint;
  if (d.digits === '') units = 0n;
  else if (shift >= 0n) units = BigInt(d.digits + '0'.repeat(Number(shift)));
  else {
    const kept = BigInt(d.digits.length) + shift;
    const next = kept < 0n ? '0' : d.digits[Number(kept)];
    units = (kept > 0n ? BigInt(d.digits.slice(0, Number(kept))) : 0n) + (next >= '5' ? 1n : 0n);
  }
  if (units >= 10n ** 19n) throw new Unfit('is out of range');
  return fromUnits(d.negative ? -units : units);
}

/** Ten-thousandths as text with 4 decimals. */
export function fromUnits(units: bigint): string {
  const digits = String(units < 0n ? -units : units).padStart(5, '0');
  return `${units < 0n ? '-' : ''}${digits.slice(0, -4)}.${digits.slice(-4)}`;
}

/** Text with 4 decimals as ten-thousandths. */
export function toUnits(text: string): bigint {
  return BigInt(text.replace('.', ''));
}

/** Microseconds since 1970 of a date and time in UTC; null where there is no such date. */
export function micros(y: number, mo: number, d: number, h: number, mi: number, s: number): bigint | null {
  const date = new Date(0);
  date.setUTCFullYear(y, mo - 1, d);
  if (date.getUTCFullYear() !== y || date.getUTCMonth() !== mo - 1 || date.getUTCDate() !== d) return null;
  return BigInt(date.getTime()) * 1000n + BigInt((h * 60 + mi) * 60 + s) * 1_000_000n;
}

/** An ISO 8601 date and time with an offset, to the nearest microsecond. Postgres takes a blank or small letters, and offsets below 16 hours. */
export function instant(value: unknown): string {
  if (typeof value !== 'string') throw new Unfit('is not text');
  const m = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d)(?::?(\d\d))?)$/.exec(value);
  if (m === null) throw new Unfit('is not a date and time with an offset');
  const [y, mo, d, h, mi, s] = m.slice(1, 7).map(Number);
  const [offsetHours, offsetMinutes] = [Number(m[9] ?? 0), Number(m[10] ?? 0)];
  if (h > 23 || mi > 59 || s > 59 || offsetHours > 15 || offsetMinutes > 59) throw new Unfit('is no time of a day');
  const whole = y === 0 ? null : micros(y, mo, d, h, mi, s);
  if (whole === null) throw new Unfit('is no date of the calendar');
  // as many decimals as Postgres takes in one piece
  if ((m[7] ?? '').length > 100) throw new Unfit('has too many decimals of a second');
  const offset = BigInt(offsetHours * 60 + offsetMinutes) * (m[8] === '-' ? -60_000_000n : 60_000_000n);
  return String(whole + fractionMicros((m[7] ?? '').padEnd(7, '0')) - offset);
}

/** Decimals of a second to the nearest microsecond. Which way just half of one goes the contract leaves open: as Postgres' float has it. */
function fractionMicros(digits: string): bigint {
  const down = BigInt(digits.slice(0, 6));
  if (!/^\d{6}50*$/.test(digits)) return down + (digits[6] >= '5' ? 1n : 0n);
  const half = Number(`0.${digits}`) * 1e6 - Number(down);
  return half > 0.5 || (half === 0.5 && down % 2n === 1n) ? down + 1n : down;
}

/** `YYYY_MM` in UTC of an instant in its normal form. */
export function monthOfInstant(text: string): string {
  // rounds down also before 1970
  const us = BigInt(text);
  const ms = us / 1000n - (us % 1000n < 0n ? 1n : 0n);
  const date = new Date(Number(ms));
  // offsets reach a few hours beyond the years that a table can be named after
  if (date.getUTCFullYear() < 1) return '0001_01';
  if (date.getUTCFullYear() > 9999) return '9999_12';
  return date.toISOString().slice(0, 7).replace('-', '_');
}

/** JSON with keys in one order and numbers in one form, so that values that jsonb holds equal have equal texts. */
export function canonicalJson(value: unknown): string {
  if (isLosslessNumber(value)) return canonicalNumber(value.value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(([k, v]) => `${JSON.stringify(k)}:${canonicalJson(v)}`);
    return `{${members.sort().join(',')}}`;
  }
  return JSON.stringify(value);
}

/** Throws where Postgres cannot hold some text of this value, keys included. */
export function refuseUnstorableText(value: unknown): void {
  if (typeof value === 'string') {
    if (/\0|\p{Surrogate}/u.test(value)) throw new Unfit('has text that Postgres cannot hold');
  } else if (Array.isArray(value)) value.forEach(refuseUnstorableText);
  else if (typeof value === 'object' && value !== null) {
    for (const [k, v] of Object.entries(value)) {
      refuseUnstorableText(k);
      refuseUnstorableText(v);
    }
  }
}

/** Throws where jsonb cannot hold some number of this value: it keeps each one as numeric, as many decimals as were delivered. */
export function refuseUnstorableNumbers(value: unknown): void {
  if (isLosslessNumber(value)) {
    const [, fraction = '', power = '0'] = /^[^.eE]*(?:\.(\d+))?(?:[eE](.+))?$/.exec(value.value)!;
    const exponent = BigInt(power);
    const d = decimal(value.value)!;
    const before = BigInt(d.digits.length) + d.exponent;
    if (exponent >= 2n ** 30n || BigInt(fraction.length) - exponent > 16_383n || before > 131_072n) {
      throw new Unfit('has a number that Postgres cannot hold');
    }
  } else if (typeof value === 'object' && value !== null) Object.values(value).forEach(refuseUnstorableNumbers);
}
