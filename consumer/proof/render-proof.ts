/** A proof as a person reads it: pure. */
import { grouped as n } from '../../shared/number-text.js';
import { printable } from '../../shared/printable.js';
import type { Listed, OrderAt, Proof } from './proof.js';

/** Entries of a list that are told one by one; --json has more. */
const MOST_TOLD = 20;

export function renderProof(p: Proof): string {
  const lines: string[] = [];
  lines.push(`${p.source === 'drop' ? 'Drop' : 'Drop by its messages'} ${p.drops.join(', ')} (${printable(p.name)})`);
  lines.push(`  ${n(p.orders)} order(s), ${n(p.bytes)} bytes, content ${p.content}`);
  lines.push(`  ${n(p.loaded)} loaded from it, with ${n(p.line_items)} line item(s) and total_price ${p.total_price}`);
  const { identical, conflicting, unknown, count } = p.bypassed;
  if (count > 0) {
    const kinds = [`${n(identical)} identical`, `${n(conflicting)} conflicting`, ...(unknown > 0 ? [`${n(unknown)} not comparable`] : [])];
    lines.push(`  ${n(count)} bypassed, as another order of their id was first: ${kinds.join(', ')}`);
  }
  if (p.rejected.count > 0) lines.push(`  ${n(p.rejected.count)} rejected`);
  if (p.mended.count > 0) lines.push(`  ${n(p.mended.count)} loaded as mended by hand`);
  if (p.shared_items.count > 0) lines.push(`  ${n(p.shared_items.count)} line item(s) that orders of other drops had first`);
  for (const f of p.broken_files)
    lines.push(`  broken file ${printable(f.file)}: ${f.reason} at byte ${f.byte}, behind ${n(f.orders)} whole order(s)`);
  for (const c of p.certificates) {
    const sums = c.same === null ? 'not comparable' : c.same ? 'the sums agree' : 'the sums differ';
    const { loaded, bypassed, rejected } = c.counted;
    lines.push(
      `  publication ${c.drop}: ${c.state}, ${n(loaded)} loaded, ${n(bypassed)} bypassed, ${n(rejected)} rejected; ${sums}` +
        (c.same === null && c.state === 'published' ? ' (it is of before sums were kept)' : ''),
    );
  }
  lines.push('');
  tell(lines, 'MISSING', p.missing, m => `order ${where(m)}${m.elsewhere === null ? '' : `, stands in ${m.elsewhere}`}`);
  tell(lines, 'MISSING', p.missing_rows, r => `${r.table} ${r.id}: ${r.why}`);
  tell(lines, 'EXTRA', p.extra, r => `${r.table} ${r.id}: ${printable(r.why)}`);
  tell(lines, 'DIFFERS', p.differing, d => `${d.table} ${d.id}: ${d.column} is ${value(d.is)}, should be ${value(d.should_be)}`);
  const conflicts = p.bypassed.list.filter(b => b.identical === false);
  tell(lines, 'conflict', { count: conflicting, list: conflicts }, b => {
    const { name, drop, file, index } = b.first;
    return `order ${where(b)}: loaded from ${printable(name ?? (drop || 'no drop'))} ${printable(file)}, index ${index ?? '-'}`;
  });
  tell(
    lines,
    'rejected',
    p.rejected,
    r => `order ${where(r)}: ${r.code}${r.path === '' ? '' : ` at ${printable(r.path)}`}, reject ${r.reject}`,
  );
  tell(lines, 'mended', p.mended, r => `order ${where(r)}: reject ${r.reject}`);
  for (const f of p.faults) lines.push(`FAULT    ${printable(f)}`);
  const broken = p.missing.count + p.missing_rows.count + p.extra.count + p.differing.count + p.faults.length;
  lines.push(
    p.ok
      ? 'Complete: every order is accounted for, and every field in the tables is what the drop says.'
      : `Not as the drop says: ${n(broken)} fault(s).`,
  );
  return lines.filter((l, at) => l !== '' || lines[at - 1] !== '').join('\n');
}

function tell<T>(lines: string[], word: string, { count, list }: Listed<T>, text: (one: T) => string): void {
  for (const one of list.slice(0, MOST_TOLD)) lines.push(`${word.padEnd(8)} ${text(one)}`);
  if (count > MOST_TOLD)
    lines.push(`${''.padEnd(8)} … and ${n(count - MOST_TOLD)} more${list.length > MOST_TOLD ? '; --json has them' : ''}`);
}

function where({ order, file, index, partition, offset }: OrderAt): string {
  return `${order ?? '(no id)'} (${printable(file)}, index ${index}${partition === null ? '' : `; partition ${partition}, offset ${offset}`})`;
}

function value(text: string | null): string {
  return text === null ? 'null' : printable(text).slice(0, 80);
}
