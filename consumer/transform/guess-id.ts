/**
 * The id of an order by a look at its first bytes: pure. An export writes it first, so that nothing else of the order need be read to ask
 * whether it is known. It is a guess: where another `id` follows further on, that one counts.
 */
const KEY = Buffer.from('"id"');

/** @returns the id in decimal as it stands there, or null where the order does not begin with a plain one */
export function guessId(value: Uint8Array | null): string | null {
  if (value === null) return null;
  let at = pastSpace(value, 0);
  if (value[at] !== 0x7b) return null;
  at = pastSpace(value, at + 1);
  for (let i = 0; i < KEY.length; i++) if (value[at + i] !== KEY[i]) return null;
  at = pastSpace(value, at + KEY.length);
  if (value[at] !== 0x3a) return null;
  const from = pastSpace(value, at + 1);
  let to = from;
  while (value[to] >= 0x30 && value[to] <= 0x39) to++;
  // a zero in front or 19 digits and more, a point or an exponent: the careful readers' business
  if (to === from || to - from > 18 || value[from] === 0x30) return null;
  const after = value[pastSpace(value, to)];
  return after === 0x2c || after === 0x7d ? String.fromCharCode(...value.subarray(from, to)) : null;
}

function pastSpace(b: Uint8Array, at: number): number {
  while (b[at] === 0x20 || b[at] === 0x0a || b[at] === 0x0d || b[at] === 0x09) at++;
  return at;
}
