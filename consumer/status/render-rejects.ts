/** Rejects as a person reads them: how many for which reason, then the first of them one by one. Pure. */
import { grouped } from '../../shared/number-text.js';
import { printable } from '../../shared/printable.js';
import type { RejectRow } from './rejects.js';
import { cut, table, trimLines } from './text-table.js';

/** Rejects that are shown one by one; --json has all. */
const MOST_LISTED = 50;

/** @param width columns of the terminal; long names and reasons are cut to fit */
/** @param some a filter was given: none of that is not none at all */
export function renderRejects(rows: RejectRow[], width: number, some = false): string {
  if (rows.length === 0) return some ? 'Nothing of that is rejected.' : 'Nothing is rejected.';
  const groups = table(['count', 'reason', 'at', 'drops', 'for example']);
  for (const g of groupRejects(rows)) {
    groups.push([
      grouped(g.count),
      g.code,
      cut(printable(g.path), 32) || '-',
      grouped(g.drops),
      `${g.first.id}: ${cut(printable(g.first.reason), Math.max(24, width - 72))}`,
    ]);
  }
  const out = table(['id', 'kind', 'file', 'index', 'order', 'tries', 'reason']);
  for (const r of rows.slice(0, MOST_LISTED)) {
    const settled = r.settled === null ? '' : `${r.settled}; before: `;
    out.push([
      String(r.id),
      r.kind,
      cut(printable(r.file) || '-', 24),
      r.index === null ? '-' : String(r.index),
      r.order_id ?? '-',
      String(r.tries),
      settled + cut(printable(r.reason), Math.max(24, width - 77 - settled.length)),
    ]);
  }
  const more = rows.length > MOST_LISTED ? `\n… and ${grouped(rows.length - MOST_LISTED)} more; --json has all` : '';
  return trimLines(`${groups.toString()}\n\n${out.toString()}${more}`);
}

export interface RejectGroup {
  code: string;
  /** With `[]` for any index. */
  path: string;
  count: number;
  /** In how many drops. */
  drops: number;
  first: RejectRow;
}

/** Rejects by code and path, the most frequent first. */
export function groupRejects(rows: readonly RejectRow[]): RejectGroup[] {
  const groups = new Map<string, RejectGroup>();
  const drops = new Map<RejectGroup, Set<string>>();
  for (const r of rows) {
    const path = r.path.replace(/\[\d+\]/g, '[]');
    const key = `${r.code} ${path}`;
    let g = groups.get(key);
    if (g === undefined) {
      g = { code: r.code, path, count: 0, drops: 0, first: r };
      groups.set(key, g);
      drops.set(g, new Set());
    }
    g.count++;
    drops.get(g)!.add(r.drop);
  }
  for (const g of groups.values()) g.drops = drops.get(g)!.size;
  return [...groups.values()].sort((a, b) => b.count - a.count || (a.code < b.code ? -1 : 1));
}
