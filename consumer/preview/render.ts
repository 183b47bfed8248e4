/** A preview as a person reads it: pure. */
import { grouped as n } from '../../shared/number-text.js';
import { printable } from '../../shared/printable.js';
import { driftWords } from '../status/drift.js';
import { noteWords } from '../status/money-notes.js';
import type { Preview } from './preview.js';

/** Entries of a list that are told one by one; --json has more. */
const MOST_TOLD = 20;

export function renderPreview(p: Preview, name: string): string {
  const lines = [`${printable(name)}: ${n(p.orders)} order(s), ${n(p.bytes)} bytes. If it were loaded now:`];
  lines.push(
    `  loads     ${n(p.loads)} order(s), ${n(p.line_items)} line item(s), ${n(p.users.new)} new user(s) and ${n(p.users.known)} known`,
  );
  for (const m of p.months)
    lines.push(`  ${m.month}   ${n(m.orders)} order(s), total_price ${m.total_price}${m.is_new ? ', a new month' : ''}`);
  const { identical, conflicting, unknown, examples } = p.bypassed;
  const bypassed = identical + conflicting + unknown;
  if (bypassed > 0)
    lines.push(
      `  bypasses  ${n(bypassed)}: ${n(identical)} identical, ${n(conflicting)} conflicting${unknown > 0 ? `, ${n(unknown)} not comparable` : ''} with the order that is first`,
    );
  for (const e of examples) lines.push(`            conflict: order ${e.order} (${printable(e.file)}, index ${e.index})`);
  if (p.line_items_bypassed > 0) lines.push(`            ${n(p.line_items_bypassed)} line item(s) of orders that load are others' already`);
  for (const r of p.rejected.slice(0, MOST_TOLD))
    lines.push(
      `  rejects   ${n(r.count)} × ${r.code}${r.path === '' ? '' : ` at ${printable(r.path)}`}, first in ${printable(r.file)}, index ${r.index}${r.order === null ? '' : `, order ${r.order}`}`,
    );
  if (p.rejected.length > MOST_TOLD) lines.push(`            … and ${n(p.rejected.length - MOST_TOLD)} more reasons; --json has them`);
  for (const f of p.broken_files)
    lines.push(`  broken    ${printable(f.file)}: ${f.reason} at byte ${f.byte}, behind ${n(f.orders)} whole order(s)`);
  if (p.drift !== null) lines.push(`  changed   ${driftWords(p.drift)}`);
  for (const note of p.notes) lines.push(`  note      ${noteWords(note)}`);
  lines.push('Nothing was published or changed.');
  return lines.join('\n');
}
