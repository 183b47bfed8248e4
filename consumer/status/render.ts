/** Status as a person reads it: pure. */
import Table from 'cli-table3';
import { driftWords } from './drift.js';
import type { Status } from './read-status.js';
import type { RejectRow } from './rejects.js';

const PLAIN = {
  chars: {
    top: '',
    'top-mid': '',
    'top-left': '',
    'top-right': '',
    bottom: '',
    'bottom-mid': '',
    'bottom-left': '',
    'bottom-right': '',
    left: '',
    'left-mid': '',
    mid: '',
    'mid-mid': '',
    right: '',
    'right-mid': '',
    middle: '  ',
  },
  style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
};

/** @param width columns of the terminal; long names are cut to fit */
export function renderStatus(s: Status, width: number): string {
  const drops = table(['drop', 'name', 'published', 'loaded', 'bypassed', 'rejected', 'files', '']);
  const nameWidth = Math.max(8, width - 76);
  for (const d of s.drops) {
    const files = d.broken_files > 0 ? `${d.files} (${d.broken_files} broken)` : String(d.files);
    const mark =
      d.state === 'publishing' ? 'publishing' : d.waiting > 0 ? `${n(d.waiting)} waiting` : d.state === 'published' ? 'complete' : '';
    drops.push([d.drop || '-', cut(d.name, nameWidth), n(d.published), n(d.loaded), n(d.bypassed), n(d.rejected), files, mark]);
  }
  const partitions = table(['partition', 'position', 'end', 'lag']);
  for (const p of s.partitions) partitions.push([String(p.partition), n(p.position), n(p.end), n(p.lag)]);
  const tables = table(['table', 'rows']);
  for (const t of s.tables) tables.push([t.table, n(t.rows)]);
  const parts = [
    s.drops.length > 0 ? drops.toString() : 'No drops yet.',
    partitions.length > 0 ? partitions.toString() : `The topic "${s.topic}" is not there yet.`,
    tables.toString(),
    `Lag ${n(s.lag)}; user_staging ${n(s.staging)} row(s); rejects ${n(s.rejects.orders)} order(s), ${n(s.rejects.files)} file(s)`,
  ];
  for (const d of s.drops) if (d.drift !== null) parts.push(cut(`Drop ${d.drop}: ${driftWords(d.drift)}`, 400));
  for (const r of s.rejects.by_reason) parts.push(`  ${n(r.count)} × ${r.code}${r.path === '' ? '' : ` at ${r.path}`}`);
  return trimLines(parts.slice(0, 4).join('\n\n') + (parts.length > 4 ? `\n${parts.slice(4).join('\n')}` : ''));
}

export function renderRejects(rows: RejectRow[], width: number): string {
  if (rows.length === 0) return 'Nothing is rejected.';
  const out = table(['id', 'kind', 'file', 'index', 'order', 'reason']);
  for (const r of rows) {
    out.push([
      String(r.id),
      r.kind,
      cut(printable(r.file) || '-', 24),
      r.index === null ? '-' : String(r.index),
      r.order_id ?? '-',
      cut(printable(r.reason), Math.max(24, width - 70)),
    ]);
  }
  return trimLines(out.toString());
}

function table(head: string[]): Table.Table {
  const right = ['published', 'loaded', 'bypassed', 'rejected', 'position', 'end', 'lag', 'rows', 'partition', 'index'];
  return new Table({ ...PLAIN, head, colAligns: head.map(h => (right.includes(h) ? 'right' : 'left')) });
}

function n(value: number): string {
  return value.toLocaleString('en-US');
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

/** Names of files are data from outside: control characters would drive the terminal. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd');
}

function trimLines(text: string): string {
  return text.replace(/[ \t]+$/gm, '');
}
