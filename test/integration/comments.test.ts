/** What the database itself tells its readers: comments, and views that they may select. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { Database } from '../../consumer/load/database.js';
import { migrate } from '../../consumer/schema/migrate.js';
import { MonthTables } from '../../consumer/schema/month-table.js';
import { Tables } from '../../consumer/schema/tables.js';
import { dropDatabase, freshDatabase, freshName } from '../support/services.js';

const FOR_READERS = 'books conflicts drop_books drop_files drops freshness known_orders published_files rejects_by_reason'.split(' ');

test("every column of the analysts' tables and of what readers may select has a comment, and one of somebody else stays", async t => {
  const url = await freshDatabase();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const db = await Database.connect(url, 'a test');
  const reader = freshName('reader');
  t.after(async () => {
    await client.query(`RESET ROLE; DROP OWNED BY ${reader}; DROP ROLE ${reader}`);
    await client.end();
    await db.end();
    await dropDatabase(url);
  });
  await client.query(`CREATE ROLE ${reader}`);
  await migrate(client, 'public');
  await new MonthTables(new Tables('public')).ensure(db, ['2017_12']);
  await client.query("COMMENT ON COLUMN orders__2017_12.note IS 'mine'; SELECT glossier.describe_month('orders__2017_12')");
  const { rows } = await client.query(
    `SELECT c.relname || coalesce('.' || a.attname, '') AS what, col_description(c.oid, coalesce(a.attnum, 0)) AS comment
       FROM pg_class c LEFT JOIN LATERAL (SELECT attname, attnum FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
                                          UNION ALL SELECT NULL, NULL) a ON true
      WHERE c.relkind IN ('r', 'v') AND (c.relnamespace = 'public'::regnamespace OR (c.relnamespace = 'glossier'::regnamespace AND c.relname = ANY($1)))`,
    [FOR_READERS],
  );
  assert.ok(rows.length > 200);
  assert.deepEqual(
    rows.filter(r => (r.what.includes('.') ? r.comment : (r.comment ?? 'of a table')) === null).map(r => r.what),
    [],
  );
  const tables = await client.query(
    "SELECT relname FROM pg_class c WHERE relnamespace IN ('public'::regnamespace, 'glossier'::regnamespace) AND relname = ANY($1) AND obj_description(oid, 'pg_class') IS NULL",
    [[...FOR_READERS, 'orders', 'orders__2017_12', 'order_line_item_mapping', 'user_stats', 'user_staging']],
  );
  assert.deepEqual(tables.rows, []);
  assert.equal(rows.find(r => r.what === 'orders__2017_12.note').comment, 'mine');
  await client.query(`SET ROLE ${reader}`);
  for (const name of FOR_READERS) await client.query(`SELECT * FROM glossier.${name}`);
  await assert.rejects(client.query('SELECT * FROM glossier.rejects'), /permission denied/);
});
