/** What looks odd in the money of a drop's orders. Notes for people, with ids; nothing is rejected for it. */
import { grouped } from '../../shared/number-text.js';
import type { Database } from '../load/database.js';
import type { Tables } from '../schema/tables.js';

export interface MoneyNote {
  note: 'negative_total' | 'total_is_no_sum' | 'line_items_differ' | 'several_currencies' | 'name_twice';
  /** Orders, or for currencies their number. */
  count: number;
  /** Ids of up to ten orders; of currencies the words. */
  examples: string[];
}

const WORDS: Record<MoneyNote['note'], string> = {
  negative_total: 'total_price below 0',
  total_is_no_sum: 'total_price is not subtotal_price with total_tax',
  line_items_differ: 'line items come to another sum than total_line_items_price',
  several_currencies: 'several currencies',
  name_twice: 'orders share a name',
};

/** In words, for people. */
export function noteWords({ note, count, examples }: MoneyNote): string {
  return `${grouped(count)} × ${WORDS[note]}: ${examples.slice(0, 3).join(', ')}${examples.length > 3 || count > examples.length ? ' …' : ''}`;
}

/** Milliseconds. */
const LONG = 10 * 60_000;

/**
 * Where the fields allow: an order that has shipping lines costs more than its parts; subtotal_price is told with the discounts taken off or not.
 *
 * @param orders SQL of a relation with the columns of orders
 * @param items SQL of a relation with those of their line items
 */
export async function moneyNotes(db: Database, orders: string, items: string): Promise<MoneyNote[]> {
  const tax = 'CASE WHEN taxes_included THEN 0 ELSE total_tax END';
  const { rows } = await db.query(
    `WITH o AS MATERIALIZED (SELECT id, name, currency, total_price, subtotal_price, total_tax, taxes_included, total_discounts, total_line_items_price, line_item_total, extra FROM ${orders} x),
     priced AS (
       SELECT order_id, count(*) AS n, count(*) FILTER (WHERE extra->>'price' ~ '^-?\\d{1,15}(\\.\\d{1,9})?$' AND quantity IS NOT NULL) AS with_price,
              sum(CASE WHEN extra->>'price' ~ '^-?\\d{1,15}(\\.\\d{1,9})?$' THEN (extra->>'price')::numeric * quantity END) AS price
         FROM ${items} y GROUP BY order_id),
     found AS (
       SELECT 'negative_total' AS note, id::text AS what FROM o WHERE total_price < 0
       UNION ALL SELECT 'total_is_no_sum', id::text FROM o
        WHERE total_price NOT IN (subtotal_price + ${tax}, subtotal_price + ${tax} - coalesce(total_discounts, 0))
          AND CASE WHEN jsonb_typeof(extra->'shipping_lines') = 'array' THEN jsonb_array_length(extra->'shipping_lines') ELSE 0 END = 0
       UNION ALL SELECT 'line_items_differ', id::text FROM o JOIN priced p ON p.order_id = o.id
        WHERE p.n = o.line_item_total AND p.with_price = p.n AND p.price <> o.total_line_items_price
       UNION ALL SELECT 'several_currencies', currency || ' (' || n || ')' FROM (SELECT currency, count(*) AS n, count(*) OVER () AS kinds FROM o WHERE currency IS NOT NULL GROUP BY 1) c WHERE kinds > 1
       UNION ALL SELECT 'name_twice', id::text FROM o JOIN (SELECT name FROM o WHERE name <> '' GROUP BY name HAVING count(*) > 1) t USING (name))
     SELECT note, count(*) AS n, to_json((array_agg(what ORDER BY length(what), what))[1:10])::text AS examples FROM found GROUP BY note ORDER BY note`,
    undefined,
    LONG,
  );
  return rows.map(r => ({ note: r.note, count: Number(r.n), examples: JSON.parse(r.examples) }));
}

/** The notes of a drop by the tables: of the orders that were loaded from it. */
export function dropMoneyNotes(db: Database, t: Tables, topic: string, drop: string): Promise<MoneyNote[]> {
  const text = (s: string) => `'${s.replaceAll("'", "''")}'`;
  const files = `SELECT file_no FROM ${t.dropFiles} WHERE topic = ${text(topic)} AND drop_id = ${text(drop)}`;
  const ids = `SELECT order_id FROM ${t.knownOrders} WHERE file_no IN (${files})`;
  return moneyNotes(
    db,
    `(SELECT o.* FROM ${t.orders} o WHERE o.id IN (${ids}))`,
    `(SELECT i.* FROM ${t.lineItems} i WHERE i.order_id IN (${ids}))`,
  );
}

/** Milliseconds that one status spends on drops that nobody has looked at yet; the rest waits for the next one. */
const LOOKING = 2000;

/**
 * The notes of drops, by drop; those that are whole in the tables are looked at once, and what was found is kept.
 *
 * @param complete drops that are whole in the tables, the newest last
 */
export async function readNotes(db: Database, t: Tables, topic: string, complete: readonly string[]): Promise<Map<string, MoneyNote[]>> {
  const kept = await db.query(`SELECT drop_id, notes FROM ${t.drops} WHERE topic = $1 AND notes IS NOT NULL`, [topic]);
  const notes = new Map<string, MoneyNote[]>(kept.rows.map(r => [r.drop_id, JSON.parse(r.notes)]));
  const since = Date.now();
  for (const drop of [...complete].reverse()) {
    if (notes.has(drop)) continue;
    if (Date.now() - since > LOOKING) break;
    notes.set(drop, await dropMoneyNotes(db, t, topic, drop));
    await db.query(`UPDATE ${t.drops} SET notes = $3 WHERE topic = $1 AND drop_id = $2 AND state = 'published'`, [
      topic,
      drop,
      JSON.stringify(notes.get(drop)),
    ]);
  }
  return notes;
}
