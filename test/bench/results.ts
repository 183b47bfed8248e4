/** RESULTS.md: a part for each section, which stays as it is until that section is run again. Pure but for the two last. */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { REPOSITORY } from '../support/services.js';
import type { Section, Table } from './bench.js';

const PATH = join(REPOSITORY, 'test', 'bench', 'RESULTS.md');
const HEAD = `# Speed and memory

Written by \`npm run bench\` (\`-- --full\` for all of it, \`-- NAME\` for one part); each part says when, where and of what. Machines are shared and
noisy: seconds are medians, CPU seconds and ratios are steadier than they. Floor: COPY of the very same rows into the same empty tables with
the same keys, from files: no Kafka, no JSON, no registry, no checks.
`;

/** Of a part: on which machine, with which versions. */
export function stamp(versions: Record<string, string>): string {
  const machine = `${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`;
  const all = Object.entries({ Node: process.versions.node, ...versions }).map(([name, version]) => `${name} ${version}`);
  return `${new Date().toISOString().slice(0, 16)}Z, ${machine}; ${all.join(', ')}`;
}

export function renderSection(name: string, { title, about }: Section, { head, rows, notes = [] }: Table, when: string): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  const table = [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
  return `## ${title} (\`${name}\`)\n\n${about}\n\n${table}\n\n${notes.map(n => `- ${n}\n`).join('')}${notes.length > 0 ? '\n' : ''}_${when}_\n`;
}

/** Puts a part into the text, in place of the one of its name; parts stand in the order of `names`. */
export function withSection(text: string, name: string, part: string, names: readonly string[]): string {
  const parts = new Map<string, string>();
  for (const old of text.split(/^(?=## )/m).slice(1)) parts.set(/\(`([^`]+)`\)/.exec(old)?.[1] ?? '', `${old.trimEnd()}\n`);
  parts.set(name, part);
  return [HEAD, ...names.filter(n => parts.has(n)).map(n => parts.get(n)!)].join('\n');
}

export function readResults(): string {
  try {
    return readFileSync(PATH, 'utf8');
  } catch {
    return HEAD;
  }
}

export function writeResults(text: string): void {
  writeFileSync(PATH, text);
}
