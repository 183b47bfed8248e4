/** Differences as a person reads them: pure. */
import { grouped as n } from '../../shared/number-text.js';
import { printable } from '../../shared/printable.js';
import { table, trimLines } from '../status/text-table.js';
import { isDifferent, type TableDifference } from './difference.js';

/**
 * One line a table that differs; ids of up to five rows of each, and no other values.
 *
 * @param width columns of the terminal: of the ids there are as many as fit
 */
export function renderDifferences(found: readonly TableDifference[], width = 200): string {
  const differing = found.filter(isDifferent);
  if (differing.length === 0) return 'The tables hold what the topic says.';
  for (let most = 5; ; most--) {
    const text = render(differing, most);
    if (most === 1 || text.split('\n').every(line => line.length <= width)) return text;
  }
}

function render(differing: readonly TableDifference[], most: number): string {
  const out = table(['table', 'added', 'removed', 'changed', 'columns', 'for example']);
  for (const d of differing) {
    const columns = Object.entries(d.columns).map(([name, rows]) => `${name} (${n(rows)})`);
    const shown = columns.length > 4 ? [...columns.slice(0, 4), `${columns.length - 4} more`] : columns;
    const wrong = [...(d.structure ?? []), ...shown].join(', ');
    const examples = d.examples
      .slice(0, most)
      .map(e => printable(e).slice(0, 60))
      .join(', ');
    out.push([d.table, n(d.added), n(d.removed), n(d.changed), wrong, examples]);
  }
  return trimLines(out.toString());
}
