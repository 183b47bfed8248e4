/** Arbitrary JSON values, written in arbitrary ways. */
import fc from 'fast-check';
import { escapeJson } from '../consumer/transform/copy-decode.js';

export type Json = null | boolean | number | string | Json[] | { members: [string, Json][] };

const character = fc.oneof(
  { weight: 6, arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }) },
  fc.constantFrom('"', '\\', '/', '\n', '\t', '\u0001', '€', '😀', '{', '}', ',', ':', '[', ']'),
);
export const jsonText = fc.string({ unit: character, maxLength: 8 });

/** A value with objects as lists of members, so that keys keep their order and may come twice. */
export const json: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>(tie => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constant(null),
    fc.boolean(),
    fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true })),
    jsonText,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(jsonText, tie('value')), { maxLength: 4 }).map(members => ({ members })),
  ),
})).value;

/** How a text is laid out: blanks and escapes by turns. */
export interface Layout {
  blanks: string[];
  escapes: number[];
}

export const layout: fc.Arbitrary<Layout> = fc.record({
  blanks: fc.array(fc.constantFrom('', '', ' ', '\n', '\r\n', '\t', '  '), { minLength: 1, maxLength: 7 }),
  escapes: fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 5 }),
});

export function write(value: Json, { blanks, escapes }: Layout): string {
  let n = 0;
  const blank = () => blanks[n++ % blanks.length];
  const text = (s: string) => `"${escapeJson(s, escapes)}"`;
  const one = (v: Json): string => {
    if (v === null || typeof v === 'boolean') return String(v);
    if (typeof v === 'number') return Object.is(v, -0) ? '-0' : String(v);
    if (typeof v === 'string') return text(v);
    if (Array.isArray(v)) return `[${blank()}${v.map(x => one(x) + blank()).join(`,${blank()}`)}]`;
    return `{${blank()}${v.members.map(([k, x]) => `${text(k)}${blank()}:${blank()}${one(x)}${blank()}`).join(`,${blank()}`)}}`;
  };
  return blank() + one(value) + blank();
}

export function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
