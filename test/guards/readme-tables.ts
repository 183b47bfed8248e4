/** The tables of README.md that say what the code says: rendered from the code, and read back from the file. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REACTIONS } from '../../consumer/load/sqlstate.js';
import { type Declaration, SETTINGS } from '../../shared/settings.js';
import { REPOSITORY } from '../support/services.js';

/** The rows between `<!-- name … -->` and `<!-- /name -->`, without head and rule; each a list of cells. */
export function tableOf(name: string): string[][] {
  const text = readFileSync(join(REPOSITORY, 'README.md'), 'utf8');
  const block = new RegExp(`<!-- ${name}\\b[^>]*-->\n([\\s\\S]*?)<!-- /${name} -->`).exec(text);
  if (block === null) throw new Error(`README.md has no <!-- ${name} --> … <!-- /${name} -->`);
  const lines = block[1].split('\n').filter(l => l.startsWith('|'));
  return lines.slice(2).map(l =>
    l
      .slice(1, -1)
      .split('|')
      .map(cell => cell.trim()),
  );
}

export function settingRows(): string[][] {
  return Object.values(SETTINGS).map((d: Declaration) => [
    d.secret ? `${code(d.env)} or ${code(`${d.env}_FILE`)}` : code(d.env),
    code(`--${d.flag}`),
    d.fallback === undefined ? '' : code(d.fallback),
    d.choices ? d.choices.map(code).join(' ') : d.min === undefined ? '' : `${amount(d, d.min)} to ${amount(d, d.max!)}`,
    d.help.replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
  ]);
}

export function sqlstateRows(): string[][] {
  return REACTIONS.map(([state, reaction, why]) => [code(state), code(reaction), why]);
}

/** Rows as Markdown. */
export function markdown(head: string[], rows: string[][]): string {
  return [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`).join('\n');
}

function code(text: string): string {
  return `\`${text}\``;
}

/** A bound as a person would write it, in the largest unit that gives a whole number. */
function amount(d: Declaration, n: number): string {
  const units: Record<string, [unit: string, size: number][]> = {
    seconds: [
      ['d', 86_400_000],
      ['h', 3_600_000],
      ['m', 60_000],
      ['s', 1000],
      ['ms', 1],
    ],
    bytes: [
      ['TiB', 2 ** 40],
      ['GiB', 2 ** 30],
      ['MiB', 2 ** 20],
      ['KiB', 1024],
      ['B', 1],
    ],
  };
  const [unit, size] = n === 0 ? ['', 1] : (units[d.kind]?.find(([, s]) => n % s === 0) ?? ['', 1]);
  return `${n / size}${unit}`;
}
