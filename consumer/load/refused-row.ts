/** Which message Postgres refused, from its error: pure. */
import { errorCode } from '../../shared/errors.js';
import type { Rejection } from '../../shared/rejection.js';
import { monthOfTable } from '../schema/tables.js';
import type { BatchRows } from '../transform/batch-rows.js';

/**
 * COPY tells the table and the line of the row that it stopped at (`COPY orders__2017_11, line 12, column note: …`). Rows stand in the order
 * of the messages that gave them, so the line leads back to one.
 *
 * @returns the message's position in the batch with the reason, or null when the error names no row
 */
export function refusedRow(error: unknown, made: BatchRows): { at: number; rejection: Rejection } | null {
  const { where = '', message = '' } = error as { where?: string; message?: string };
  const m = /COPY (\S+), line (\d+)(?:, column (\S+?))?(?::|$)/m.exec(where);
  if (m === null) return null;
  const [, table, line, column] = m;
  const month = monthOfTable(table.replaceAll('"', ''));
  let rest = Number(line);
  for (let at = 0; at < made.outcomes.length; at++) {
    const o = made.outcomes[at];
    if (o.outcome !== 'loaded') continue;
    if (month !== null) rest -= o.month === month ? 1 : 0;
    else if (/order_line_item_mapping/.test(table)) rest -= o.lineItems;
    else if (/known_orders/.test(table)) rest--;
    else return null;
    if (rest <= 0) {
      const path = column ?? '';
      return {
        at,
        rejection: {
          code: 'refused_by_database',
          path,
          reason: `Postgres refused it: ${message} (${errorCode(error)})`,
        },
      };
    }
  }
  return null;
}
