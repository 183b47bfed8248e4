/**
 * The id of an order by a look at its first bytes: pure. An export writes it first, so that nothing else of the order need be read to ask
 * whether it is known. It is a guess: where another `id` follows further on, that one counts.
 */
import { skipSpace } from '../../shared/json-scan.js';
import { latin1 } from './fields.js';

const KEY = Buffer.from('"id"');

/**
 * @param b the order lies in these bytes, perhaps among others
 * @param start where it begins
 * @param end the byte behind it
 * @returns the id in decimal as it stands there, or null where the order does not begin with a plain one
 */
export function guessId(b: Uint8Array, start: number, end: number): string | null {
  let at = skipSpace(b, start, end);
  if (at === end || b[at] !== 0x7b) return null;
  at = skipSpace(b, at + 1, end);
  if (at + KEY.length >= end) return null;
  for (let i = 0; i < KEY.length; i++) if (b[at + i] !== KEY[i]) return null;
  at = skipSpace(b, at + KEY.length, end);
  if (at === end || b[at] !== 0x3a) return null;
  const from = skipSpace(b, at + 1, end);
  let to = from;
  while (to < end && b[to] >= 0x30 && b[to] <= 0x39) to++;
  // a zero in front or 19 digits and more, a point or an exponent: the careful readers' business
  if (to === from || to - from > 18 || b[from] === 0x30) return null;
  const after = skipSpace(b, to, end);
  return after < end && (b[after] === 0x2c || b[after] === 0x7d) ? latin1(b, from, to) : null;
}
