/**
 * Line items that several orders claim. Which of two partitions is loaded first is settled by nothing but the moment, so a replay may give
 * such a line item to another order than the present tables do: of one drop, and of two where a worker was behind in one partition. The
 * present one keeps it where its message has it, and both came in one drop or the batches say that it was loaded first.
 */
import type { OrderMessage } from '../intake/batch.js';
import type { Database } from '../load/database.js';
import { orderRules } from '../load/forgotten-users.js';
import { copyStatement, LINE_ITEM_COLUMNS, quote, type Tables } from '../schema/tables.js';
import { batchRows } from '../transform/batch-rows.js';
import { CopyText } from '../transform/copy-text.js';
import type { OrderRules } from '../transform/forgotten.js';
import { LONG } from './difference.js';

interface Claim {
  item: string;
  /** The order that has it in the present tables. */
  order: string;
  partition: number;
  offset: number;
}

const CLAIMS = quote('claims');
/**
 * Of two batches that are loaded at once the one that began later may have been the first to write a line item. A transaction lasts a second, but for one
 * that waits: with 2 s, one that a silent network had held for 3 s made a sound database differ. 60 s is what a transaction may idle.
 */
const OVERLAP = '60 seconds';

export class Contested {
  /** Claims that the order's message does not bear out. */
  readonly #refused = new Set<string>();

  /** @param read gives the messages at these places that are still there */
  constructor(
    readonly live: Tables,
    readonly maxDepth: number,
    readonly read: (places: readonly Claim[]) => Promise<OrderMessage[]>,
  ) {}

  /** Gives contested line items of the copy to the orders that have them now, and corrects the copy's books. */
  async settle(db: Database): Promise<void> {
    if (!(await someLost(db, this.live.copy))) return;
    const claims = (await this.#find(db)).filter(c => !this.#refused.has(`${c.item}/${c.order}`));
    if (claims.length === 0) return;
    const rows = new CopyText();
    const rules = await orderRules(db, this.live, this.maxDepth);
    const messages = new Map((await this.read(claims)).map(m => [`${m.partition}/${m.offset}`, m]));
    for (const claim of claims) {
      const message = messages.get(`${claim.partition}/${claim.offset}`);
      const row = message === undefined ? null : lineItemRow(message, claim.item, rules);
      if (row === null) this.#refused.add(`${claim.item}/${claim.order}`);
      else {
        rows.reserve(row.length + 1);
        rows.raw(row, 0, row.length);
        rows.endRow();
      }
    }
    if (rows.rows > 0) await give(db, this.live.copy, rows);
  }

  /** An order can have lost a line item only where it has fewer in the copy than line_item_total says. */
  async #find(db: Database): Promise<Claim[]> {
    const { copy } = this.live;
    const loadedAt = (message: string) => `(SELECT b.loaded_at FROM ${this.live.batches} b
      WHERE b.topic = f.topic AND b.partition = ${message}.partition AND b.from_offset <= ${message}.record_offset ORDER BY b.from_offset DESC LIMIT 1)`;
    const { rows } = await db.query(
      `SELECT l.line_item_id, l.order_id, k.partition, k.record_offset FROM ${this.live.lineItems} l JOIN ${copy.lineItems} c USING (line_item_id)
         JOIN ${copy.knownOrders} k ON k.order_id = l.order_id JOIN ${copy.knownOrders} w ON w.order_id = c.order_id
         JOIN ${copy.dropFiles} f ON f.file_no = k.file_no JOIN ${copy.dropFiles} g ON g.file_no = w.file_no
         JOIN ${copy.orders} o ON o.id = l.order_id
         LEFT JOIN (SELECT order_id, count(*) AS n FROM ${copy.lineItems} GROUP BY order_id) h ON h.order_id = l.order_id
        WHERE l.order_id <> c.order_id AND o.line_item_total > coalesce(h.n, 0)
          AND (f.drop_id = g.drop_id OR ${loadedAt('k')} <= ${loadedAt('w')} + interval '${OVERLAP}') ORDER BY k.partition, k.record_offset`,
      undefined,
      LONG,
    );
    return rows.map(r => ({
      item: r.line_item_id,
      order: r.order_id,
      partition: Number(r.partition),
      offset: Number(r.record_offset),
    }));
  }
}

/** Whether the copy has fewer line items than its orders had: 0.04 s against 0.4 s of the search itself, for 131,830 orders. */
async function someLost(db: Database, { orders, lineItems }: Tables): Promise<boolean> {
  const { rows } = await db.query(
    `SELECT (SELECT coalesce(sum(line_item_total), 0) FROM ${orders}) > (SELECT count(*) FROM ${lineItems}) AS lost`,
    undefined,
    LONG,
  );
  return rows[0].lost === 't';
}

/** The row of a line item as its order's message gives it, in COPY's text format; null where the message has none. */
function lineItemRow(message: OrderMessage, item: string, rules: OrderRules): Buffer | null {
  const { partition, offset } = message;
  const segments = [{ partition, from: offset, to: offset + 1, messages: 1 }];
  const batch = { messages: [message], segments, bytes: 0, reason: 'orders' as const, generation: 0 };
  const text = Buffer.concat(batchRows(batch, () => 0, null, new Map(), rules).rows.lineItems.chunks());
  for (let from = 0; from < text.length; ) {
    const end = text.indexOf(0x0a, from); // a newline within a value is escaped
    const row = text.subarray(from, end);
    if (row.subarray(0, row.indexOf(0x09)).toString() === item) return row;
    from = end + 1;
  }
  return null;
}

async function give(db: Database, { lineItems, knownOrders, books }: Tables, rows: CopyText): Promise<void> {
  await db.query('BEGIN');
  try {
    await db.query(`CREATE TEMP TABLE ${CLAIMS} (LIKE ${lineItems}) ON COMMIT DROP`);
    await db.copy(copyStatement(CLAIMS, LINE_ITEM_COLUMNS), rows.chunks());
    await db.query(
      `WITH moved AS (SELECT c.order_id AS loser, n.order_id AS winner FROM ${CLAIMS} n JOIN ${lineItems} c USING (line_item_id)),
       changes AS (
         SELECT file_no, partition, to_char(month, 'FM0000_00') AS month, sum(n) AS n
           FROM (SELECT loser AS order_id, -1 AS n FROM moved UNION ALL SELECT winner, 1 FROM moved) m JOIN ${knownOrders} USING (order_id) GROUP BY 1, 2, 3)
       UPDATE ${books} b SET line_items = b.line_items + changes.n FROM changes
        WHERE b.file_no = changes.file_no AND b.partition = changes.partition AND b.month = changes.month`,
    );
    const set = LINE_ITEM_COLUMNS.slice(1).map(c => `${quote(c)} = n.${quote(c)}`);
    await db.query(`UPDATE ${lineItems} c SET ${set.join(', ')} FROM ${CLAIMS} n WHERE c.line_item_id = n.line_item_id`);
    await db.query('COMMIT');
  } catch (error) {
    await db.rollback();
    throw error;
  }
}
