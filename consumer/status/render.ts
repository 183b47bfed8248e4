/** Status as a person reads it: pure. */

import { grouped as n } from '../../shared/number-text.js';
import { rebuildWords } from '../rebuild/progress.js';
import { dueWords } from '../schema/rebuild-due.js';
import { driftWords } from './drift.js';
import { noteWords } from './money-notes.js';
import type { Status } from './read-status.js';
import { cut, table, trimLines } from './text-table.js';

/** @param width columns of the terminal; long names are cut to fit */
export function renderStatus(s: Status, width: number): string {
  const drops = table(['drop', 'name', 'published', 'loaded', 'bypassed', 'rejected', 'files', '']);
  const nameWidth = Math.max(8, width - 76);
  for (const d of s.drops) {
    const refused = [
      ...(d.broken_files > 0 ? [`${d.broken_files} broken`] : []),
      ...(d.oversize_orders > 0 ? [`${n(d.oversize_orders)} order(s) too large`] : []),
    ];
    const files = refused.length > 0 ? `${d.files} (${refused.join(', ')})` : String(d.files);
    const mark =
      d.state === 'publishing' ? 'publishing' : d.waiting > 0 ? `${n(d.waiting)} waiting` : d.state === 'published' ? 'complete' : '';
    drops.push([d.drop || '-', cut(d.name, nameWidth), n(d.published), n(d.loaded), n(d.bypassed), n(d.rejected), files, mark]);
  }
  const partitions = table(['partition', 'position', 'end', 'lag']);
  for (const p of s.partitions) partitions.push([String(p.partition), n(p.position), n(p.end), n(p.lag)]);
  const tables = table(['table', 'rows']);
  for (const t of s.tables) tables.push([t.table, `${t.estimated ? 'about ' : ''}${n(t.rows)}`]);
  const parts = [
    s.drops.length > 0 ? drops.toString() : 'No drops yet.',
    partitions.length > 0 ? partitions.toString() : `The topic "${s.topic}" is not there yet.`,
    tables.toString(),
    `Lag ${n(s.lag)}; user_staging ${n(s.staging)} row(s); rejects ${n(s.rejects.orders)} order(s), ${n(s.rejects.files)} file(s)`,
  ];
  if (s.rebuild !== null) parts.push(rebuildWords(s.rebuild));
  for (const due of s.rebuild_due) parts.push(dueWords(due));
  for (const d of s.drops) if (d.drift !== null) parts.push(`Drop ${d.drop}: ${driftWords(d.drift)}`);
  for (const d of s.drops) for (const note of d.notes ?? []) parts.push(`Drop ${d.drop}: ${noteWords(note)}`);
  for (const r of s.rejects.by_reason) parts.push(`  ${n(r.count)} × ${r.code}${r.path === '' ? '' : ` at ${r.path}`}`);
  return trimLines(parts.slice(0, 4).join('\n\n') + (parts.length > 4 ? `\n${parts.slice(4).join('\n')}` : ''));
}
