/** Which message Postgres refused, from its error: pure. */
import { errorCode } from '../../shared/errors.js';
import type { Rejection } from '../../shared/rejection.js';
import { monthOfTable } from '../schema/tables.js';
import type { BatchRows } from '../transform/batch-rows.js';

const COPY_LINE = /COPY (\S+), line (\d+)(?:, column (\S+?))?(?::|$)/m;

/**
 * COPY tells the table and the line of the row that it stopped at (`COPY orders__2017_11, line 12, column note: …`). Rows stand in the order
 * of the messages that gave them, so the line leads back to one.
 *
 * @returns the message's position in the batch, or null when the error names no row
 */
export function refusedRow(error: unknown, made: BatchRows): number | null {
  const m = COPY_LINE.exec((error as { where?: string }).where ?? '');
  if (m === null) return null;
  const [, table, line] = m;
  const month = monthOfTable(table.replaceAll('"', ''));
  let rest = Number(line);
  for (let at = 0; at < made.outcomes.length; at++) {
    const o = made.outcomes[at];
    if (o.outcome !== 'loaded') continue;
    if (month !== null) rest -= o.hasRow && o.month === month ? 1 : 0;
    else if (/order_line_item_mapping/.test(table)) rest -= o.lineItems;
    else if (/known_orders/.test(table)) rest--;
    else return null;
    if (rest <= 0) return at;
  }
  return null;
}

/** Why Postgres refused an order, from the error that it gave for this order alone. The path is the column, where it names one. */
export function refusalOf(error: unknown): Rejection {
  const { where = '', message = '' } = error as { where?: string; message?: string };
  return {
    code: 'refused_by_database',
    path: COPY_LINE.exec(where)?.[3] ?? '',
    reason: `Postgres refused it: ${message} (${errorCode(error)})`,
  };
}
