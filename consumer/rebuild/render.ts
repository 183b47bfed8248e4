/** Differences as a person reads them: pure. */
import { number as n, table, trimLines } from '../status/text-table.js';
import type { TableDifference } from './difference.js';

/** One line a table that differs; ids of up to five rows of each, and no other values. */
export function renderDifferences(found: readonly TableDifference[]): string {
  const differing = found.filter(isDifferent);
  if (differing.length === 0) return 'The tables hold what the topic says.';
  const out = table(['table', 'added', 'removed', 'changed', 'columns', 'for example']);
  for (const d of differing) {
    const columns = Object.entries(d.columns).map(([name, rows]) => `${name} (${n(rows)})`);
    const shown = columns.length > 4 ? [...columns.slice(0, 4), `${columns.length - 4} more`] : columns;
    out.push([d.table, n(d.added), n(d.removed), n(d.changed), shown.join(', '), d.examples.map(e => printable(e)).join(', ')]);
  }
  return trimLines(out.toString());
}

export function isDifferent(d: TableDifference): boolean {
  return d.added + d.removed + d.changed > 0;
}

/** A key may hold a file's name, which is data from outside. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd').slice(0, 60);
}
