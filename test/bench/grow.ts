/**
 * Tables as they stand after years: months of orders, their line items, registry, users and books, made by SQL and not loaded, and sound:
 * `verify` holds on them. Ids lie below those of a real drop, as an order's id rises with time.
 */
import type { Database } from '../../consumer/load/database.js';
import { fieldsHash } from '../../consumer/merge/merge-users.js';
import { migrate } from '../../consumer/schema/migrate.js';
import { MonthTables } from '../../consumer/schema/month-table.js';
import { Tables } from '../../consumer/schema/tables.js';

export interface GrownSize {
  orders: number;
  months: number;
  users: number;
}

/** As many as five years of a shop that sells 5,500 orders a day. */
export const GROWN: GrownSize = { orders: 10_000_000, months: 60, users: 5_000_000 };
/** Topic that the orders say they came by; it has no messages. */
export const GROWN_TOPIC = 'grown';

const FIRST_YEAR = 2012;
const PARTITIONS = 8;
const FILES_A_MONTH = 28;
const MINUTE = 60_000;
const LIMIT = 60 * MINUTE;

/** Makes the tables where they are missing, and fills them. 10 million orders take some 6.5 GB of disk. */
export async function grow(db: Database, size: GrownSize, onStep: (text: string) => void = () => {}): Promise<void> {
  const t = new Tables('public');
  await migrate(db.client, t.analysts);
  await db.query('SET synchronous_commit = off; SET statement_timeout = 0');
  const run = (sql: string, values?: unknown[]) => db.query(sql, values, LIMIT);
  const each = Math.ceil(size.orders / size.months);
  const months = Array.from(
    { length: size.months },
    (_, m) => `${FIRST_YEAR + Math.floor(m / 12)}_${String((m % 12) + 1).padStart(2, '0')}`,
  );
  await new MonthTables(t).ensure(db, months);
  for (const [m, month] of months.entries()) {
    onStep(`${month}: ${each} orders`);
    const [from, to] = [m * each + 1, Math.min(size.orders, (m + 1) * each)];
    const files = await run(
      `INSERT INTO ${t.dropFiles} (topic, drop_id, file)
       SELECT $1, $2, $2 || '/' || to_char(d, 'FM00') || '.json' FROM generate_series(1, ${FILES_A_MONTH}) AS d RETURNING file_no`,
      [GROWN_TOPIC, month],
    );
    const fileNo = `${Math.min(...files.rows.map(r => Number(r.file_no)))} + i % ${FILES_A_MONTH}`;
    const at = `timestamptz '${month.replace('_', '-')}-01 00:00:00Z' + (i % ${FILES_A_MONTH}) * interval '1 day' + (i % 86400) * interval '1 second'`;
    const all = `generate_series(${from}::bigint, ${to}::bigint) AS i`;
    await run(`INSERT INTO ${t.month(month)} (id, email, created_at, updated_at, processed_at, number, order_number, token, gateway, test, total_price, subtotal_price,
         total_tax, total_discounts, total_weight, taxes_included, currency, financial_status, confirmed, name, user_id, source_name, browser_ip, line_item_total)
       SELECT i * 1000, 'user' || i % ${size.users} || '@example.com', ${at}, ${at}, ${at}, i, i + 1000, md5(i::text), 'shopify_payments', false, (i % 50000) / 100.0,
         (i % 40000) / 100.0, (i % 900) / 100.0, 0, i % 4000, false, 'USD', 'paid', true, '#' || i, 1 + i % ${size.users}, 'web', '10.0.0.1', 2 + (i % 2)
         FROM ${all}`);
    await run(
      `INSERT INTO ${t.lineItems} SELECT i * 10 + n, i * 1000, 1 + i % 900, 1 + i % 3000, 1 + i % 3 FROM ${all}, generate_series(1, 2 + i % 2) AS n`,
    );
    await run(`INSERT INTO ${t.knownOrders} (order_id, month, file_no, order_index, partition, record_offset)
       SELECT i * 1000, ${Number(month.replace('_', ''))}, ${fileNo}, i - ${from}, i % ${PARTITIONS}, i / ${PARTITIONS} FROM ${all}`);
  }
  onStep('books');
  const items = 'sum(2 + order_id / 1000 % 2)';
  await run(
    `INSERT INTO ${t.books} SELECT file_no, partition, to_char(month, 'FM0000_00'), max(order_index), count(*), 0, 0, 0, ${items} FROM ${t.knownOrders} GROUP BY 1, 2, 3`,
  );
  await run(`INSERT INTO ${t.topics} (topic, topic_id) VALUES ($1, 'none')`, [GROWN_TOPIC]);
  await run(
    `INSERT INTO ${t.batches} (topic, partition, from_offset, to_offset, messages, worker, version)
     SELECT $1, partition, 0, count(*), count(*), 'grown', '' FROM ${t.knownOrders} GROUP BY partition`,
    [GROWN_TOPIC],
  );
  await run(`INSERT INTO ${t.positions} (topic, partition, next_offset) SELECT topic, partition, to_offset FROM ${t.batches}`);
  onStep(`${size.users} users`);
  await run(`INSERT INTO ${t.userStats} SELECT user_id, 'en-US', true, max(email), null, count(*), sum(total_price), min(processed_at), max(processed_at),
       floor(extract(epoch FROM max(processed_at) - min(processed_at)) / 86400)::integer + 1 FROM ${t.orders} GROUP BY user_id`);
  await run(`INSERT INTO ${t.userNewest} (user_id, processed_at, order_id, fields)
     SELECT s.user_id, s.max_processed_at, o.id, ${fieldsHash('s')} FROM ${t.userStats} s
       JOIN (SELECT user_id, max(id) AS id FROM ${t.orders} GROUP BY user_id) o USING (user_id)`);
  await run('VACUUM ANALYZE');
}
