/** What a check of `doctor` finds: pure. */
import { grouped } from '../../shared/number-text.js';

/**
 * - `ok`
 * - `advice`: works now; worth knowing
 * - `problem`: orders do not load, may be lost, or will not be taken
 * - `unknown`: could not be looked at
 */
export type FindingState = 'ok' | 'advice' | 'problem' | 'unknown';

export interface Finding {
  /** A name for programs, which stays: `kafka.retention`. */
  check: string;
  state: FindingState;
  /** What was found, in a sentence. */
  says: string;
  /** What to do about it; a command or SQL on lines of its own. */
  todo?: string[];
}

export const ok = (check: string, says: string): Finding => ({ check, state: 'ok', says });
export const advice = (check: string, says: string, ...todo: string[]): Finding => ({ check, state: 'advice', says, todo });
export const problem = (check: string, says: string, ...todo: string[]): Finding => ({ check, state: 'problem', says, todo });
export const unknown = (check: string, says: string, ...todo: string[]): Finding => ({ check, state: 'unknown', says, todo });

/** `1 worker`, `2 workers` */
export function many(n: number, what: string): string {
  return `${grouped(n)} ${what}${n === 1 ? '' : 's'}`;
}

const INDENT = ' '.repeat(9);

/** Findings as a person reads them. What to do is not wrapped: it may be a command to copy. @param width columns of the terminal */
export function renderFindings(findings: readonly Finding[], width: number): string {
  const lines = findings.flatMap(f => [
    ...wrapped(f.state.padEnd(INDENT.length) + f.says, width),
    ...(f.todo ?? []).map(line => INDENT + line),
  ]);
  const count = (state: FindingState) => findings.filter(f => f.state === state).length;
  const [problems, advices, unseen] = [count('problem'), count('advice'), count('unknown')];
  const rest = [...(advices > 0 ? [`${advices} with advice`] : []), ...(unseen > 0 ? [`${unseen} not looked at`] : [])].join(', ');
  lines.push(
    '',
    `${problems === 0 ? 'No problem' : many(problems, 'problem')} in ${many(findings.length, 'check')}${rest === '' ? '' : `; ${rest}`}.`,
  );
  return lines.join('\n');
}

function wrapped(text: string, width: number): string[] {
  const lines = [text];
  for (let last = text; last.length > width; last = lines[lines.length - 1]) {
    const at = last.lastIndexOf(' ', width);
    if (at <= INDENT.length) break;
    lines.splice(-1, 1, last.slice(0, at), INDENT + last.slice(at + 1));
  }
  return lines;
}
