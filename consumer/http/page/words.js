/** Numbers, times and foreign text in words: pure but for the elements that they come in. */
import { el } from './dom.js';

export const n = value => value.toLocaleString('en-US');

/** A large number so that it fits anywhere: 1.2 million. */
export const short = value => (value < 1e6 ? n(value) : value.toLocaleString('en-US', { notation: 'compact', maximumFractionDigits: 2 }));

export const many = (count, one, more = `${one}s`) => `${n(count)} ${count === 1 ? one : more}`;

const CLOCK = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };

/** An instant in the reader's own time zone; the day where it is not today's. Milliseconds, or text of Postgres or ISO. */
export function time(instant, seconds = false) {
  const at = new Date(typeof instant === 'string' ? instant.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00') : instant);
  if (Number.isNaN(at.getTime())) return el('span', {}, '–');
  const clock = at.toLocaleTimeString('en-GB', seconds ? { ...CLOCK, second: '2-digit' } : CLOCK);
  const today = at.toDateString() === new Date().toDateString();
  const day = `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, '0')}-${String(at.getDate()).padStart(2, '0')} `;
  return el('time', { datetime: at.toISOString() }, today ? clock : day + clock);
}

/**
 * Characters that are not seen, or that change how others are seen: controls, marks of direction, blanks of no width. A name that holds them is
 * not what it looks like. (Joiners and the choice of a variant stay: emoji and scripts need them.)
 */
const UNSEEN = /(?!\u200c|\u200d|[\ufe00-\ufe0f])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
const UNSEEN_BUT_LINES = /(?!\t|\n|\u200c|\u200d|[\ufe00-\ufe0f])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** Text from outside: apart from what stands around it, with marks where it holds characters that are not seen. @param lines keep its lines and tabs */
export function foreign(text, lines = false) {
  const parts = [];
  let from = 0;
  for (const m of text.matchAll(lines ? UNSEEN_BUT_LINES : UNSEEN)) {
    const code = m[0].codePointAt(0).toString(16).toUpperCase().padStart(4, '0');
    parts.push(text.slice(from, m.index), el('span', { class: 'unseen-mark', title: `U+${code}` }, `\u2039${code}\u203a`));
    from = m.index + m[0].length;
  }
  parts.push(text.slice(from));
  return el('bdi', { class: 'foreign' }, parts);
}
