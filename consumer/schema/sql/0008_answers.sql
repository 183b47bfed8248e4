-- What the tables mean, where people look for it: \d+ in psql, and every tool that shows comments. One that somebody else made stays.

CREATE FUNCTION glossier.describe(relation regclass, texts text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  said text[];
  kind text := CASE (SELECT relkind FROM pg_class WHERE oid = relation) WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END;
BEGIN
  FOREACH said SLICE 1 IN ARRAY texts LOOP
    IF said[1] = '' THEN
      IF obj_description(relation, 'pg_class') IS NULL THEN EXECUTE format('COMMENT ON %s %s IS %L', kind, relation, said[2]); END IF;
    ELSIF (SELECT col_description(relation, attnum) IS NULL FROM pg_attribute WHERE attrelid = relation AND attname = said[1]) THEN
      EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', relation, said[1], said[2]);
    END IF;
  END LOOP;
END $$;
COMMENT ON FUNCTION glossier.describe IS 'Comments a relation ('''') and its columns, {{column, text}, …}, where they have no comment yet.';

CREATE FUNCTION glossier.describe_month(month regclass) RETURNS void LANGUAGE sql AS $$
  SELECT glossier.describe(month, array_agg(ARRAY[a.attname::text, d.description]))
    FROM pg_inherits i JOIN pg_attribute a ON a.attrelid = i.inhparent JOIN pg_description d ON d.objoid = a.attrelid AND d.objsubid = a.attnum
   WHERE i.inhrelid = month AND d.classoid = 'pg_class'::regclass AND a.attnum > 0;
  SELECT glossier.describe(month, ARRAY[ARRAY['', 'Orders of this month, by the date in their file''s name; without one, by processed_at in UTC. One row an order.']]);
$$;
COMMENT ON FUNCTION glossier.describe_month IS 'Comments a month table and its columns as orders is commented.';

SELECT glossier.describe('orders', ARRAY[
  ['', 'All orders of all months; tableoid::regclass names the month table of a row.'],
  ['id', 'Field id. Whole number of 64 bits; one row an id in all months together, from the first message that brought it.'],
  ['email', 'Field email. Text as delivered; null where the order lacks it.'],
  ['closed_at', 'Field closed_at. The instant, whatever offset it was delivered with; null while open.'],
  ['created_at', 'Field created_at. The instant, whatever offset it was delivered with.'],
  ['updated_at', 'Field updated_at. The instant, whatever offset it was delivered with.'],
  ['number', 'Field number. Whole number.'],
  ['note', 'Field note. Text as delivered.'],
  ['token', 'Field token. Text as delivered.'],
  ['gateway', 'Field gateway. Text as delivered.'],
  ['test', 'Field test. True for an order that was a test of the shop.'],
  ['total_price', 'Field total_price, in the order''s currency. Rounded half up to four places from the text as delivered. user_stats.total_spend sums it.'],
  ['subtotal_price', 'Field subtotal_price, in the order''s currency. Rounded half up to four places.'],
  ['total_weight', 'Field total_weight. Whole number, in grams as the shop delivers it.'],
  ['total_tax', 'Field total_tax, in the order''s currency. Rounded half up to four places.'],
  ['taxes_included', 'Field taxes_included. Whether prices hold the taxes.'],
  ['currency', 'Field currency. The currency of all money of the order but total_price_usd.'],
  ['financial_status', 'Field financial_status. Text as delivered, such as paid.'],
  ['confirmed', 'Field confirmed.'],
  ['total_discounts', 'Field total_discounts, in the order''s currency. Rounded half up to four places.'],
  ['total_line_items_price', 'Field total_line_items_price, in the order''s currency. Rounded half up to four places.'],
  ['cart_token', 'Field cart_token. Text as delivered.'],
  ['name', 'Field name. The order''s name in the shop, such as #1001.'],
  ['referring_site', 'Field referring_site. Text as delivered.'],
  ['landing_site', 'Field landing_site. Text as delivered.'],
  ['cancelled_at', 'Field cancelled_at. The instant; null where it was not cancelled.'],
  ['cancel_reason', 'Field cancel_reason. Text as delivered.'],
  ['total_price_usd', 'Field total_price_usd, in US dollars. Rounded half up to four places.'],
  ['checkout_token', 'Field checkout_token. Text as delivered.'],
  ['reference', 'Field reference. Text as delivered.'],
  ['user_id', 'Field user_id. Whole number; the user whose row of user_stats counts the order; null: it belongs to no user.'],
  ['location_id', 'Field location_id. Whole number.'],
  ['source_identifier', 'Field source_identifier. Text as delivered.'],
  ['source_url', 'Field source_url. Text as delivered.'],
  ['processed_at', 'Field processed_at. The instant; the newest order of a user by (processed_at, id) gives the user''s fields.'],
  ['device_id', 'Field device_id. Whole number.'],
  ['app_id', 'Field app_id. Whole number.'],
  ['browser_ip', 'Field browser_ip. Text as delivered.'],
  ['landing_site_ref', 'Field landing_site_ref. Text as delivered.'],
  ['order_number', 'Field order_number. Whole number.'],
  ['processing_method', 'Field processing_method. Text as delivered.'],
  ['checkout_id', 'Field checkout_id. Whole number.'],
  ['source_name', 'Field source_name. Text as delivered, such as pos or web.'],
  ['fulfillment_status', 'Field fulfillment_status. Text as delivered; null while nothing is fulfilled.'],
  ['tags', 'Field tags. Text as delivered.'],
  ['order_status_url', 'Field order_status_url. Text as delivered.'],
  ['total_discount', 'Field total_discount, in the order''s currency. Rounded half up to four places.'],
  ['line_item_total', 'Length of line_items as delivered. The mapping has fewer of them where another order had a line item of the same id first.'],
  ['extra', 'Fields of the order that this table has no column for, as they were delivered; null where there are none.']]);

SELECT glossier.describe('order_line_item_mapping', ARRAY[
  ['', 'Line items of all orders. One row a line item id, from the first order that was loaded with it.'],
  ['line_item_id', 'Field id of the line item. Whole number of 64 bits.'],
  ['order_id', 'The order that holds it: orders.id.'],
  ['product_id', 'Field product_id of the line item; null where it lacks it.'],
  ['variant_id', 'Field variant_id of the line item.'],
  ['quantity', 'Field quantity of the line item: pieces.'],
  ['extra', 'Fields of the line item that this table has no column for, as they were delivered; null where there are none.']]);

SELECT glossier.describe('user_stats', ARRAY[
  ['', 'One row a user: figures over all loaded orders of the user up to the last merge. What has come since waits in user_staging.'],
  ['user_id', 'Field user_id of the orders.'],
  ['customer_locale', 'Field customer_locale of the user''s newest order, by (processed_at, id); null where that lacks it.'],
  ['buyer_accepts_marketing', 'Field buyer_accepts_marketing of the user''s newest order.'],
  ['contact_email', 'Field contact_email of the user''s newest order.'],
  ['phone', 'Field phone of the user''s newest order.'],
  ['total_orders', 'Number of the user''s loaded orders.'],
  ['total_spend', 'Sum of total_price as stored, over all currencies alike.'],
  ['min_processed_at', 'processed_at of the user''s first order.'],
  ['max_processed_at', 'processed_at of the user''s last order.'],
  ['total_days', 'Whole days from min_processed_at to max_processed_at, plus 1.']]);

SELECT glossier.describe('user_staging', ARRAY[
  ['', 'What each batch has loaded of a user since the last merge into user_stats: one row a user and batch.'],
  ['user_id', 'Field user_id of the orders.'],
  ['customer_locale', 'Field customer_locale of the newest of these orders.'],
  ['buyer_accepts_marketing', 'Field buyer_accepts_marketing of the newest of these orders.'],
  ['contact_email', 'Field contact_email of the newest of these orders.'],
  ['phone', 'Field phone of the newest of these orders.'],
  ['total_orders', 'Number of these orders.'],
  ['total_spend', 'Sum of total_price of these orders.'],
  ['min_processed_at', 'processed_at of the first of these orders.'],
  ['max_processed_at', 'processed_at of the last of these orders.'],
  ['total_days', 'Whole days between these two, plus 1.'],
  ['newest_order_id', 'The newest of these orders, by (processed_at, id).']]);

SELECT glossier.describe_month(inhrelid) FROM pg_inherits WHERE inhparent = 'orders'::regclass;

-- The program's own tables that answer questions of analysts, and views where a table alone does not. None of them holds a value of an order, so
-- whoever can connect may read them.

SELECT glossier.describe('glossier.drops', ARRAY[
  ['', 'What the drops topic says of each publication of a drop.'],
  ['topic', 'Topic of its orders.'],
  ['drop_id', 'First 16 digits of the sha256 of its bytes, with -2, -3 … behind it for further publications of them.'],
  ['name', 'Last part of the path or URL that it came by.'],
  ['sha256', 'Of the zip or file; of a folder that of the list of its files'' sums.'],
  ['bytes', 'Size of the zip or files.'],
  ['state', 'publishing, or published: the broker has confirmed every order.'],
  ['files', 'Number of files.'],
  ['broken_files', 'Files that broke off; see glossier.rejects of kind file.'],
  ['orders', 'Orders published; null until all are.'],
  ['started_at', 'When its publication began.'],
  ['finished_at', 'When all was confirmed.'],
  ['drift_told', 'Whether the changes of the export that it brought have been told.']]);

SELECT glossier.describe('glossier.books', ARRAY[
  ['', 'What became of the orders of a file, by partition and by the month that they went to. Of each file, published = loaded + bypassed + rejected.'],
  ['file_no', 'The file: glossier.drop_files.'],
  ['partition', 'Partition of the messages.'],
  ['month', 'YYYY_MM of the month table; empty for what went nowhere.'],
  ['last_index', 'Greatest index in the file that has been counted.'],
  ['loaded', 'Orders that are in the tables by their message.'],
  ['bypassed', 'Orders whose id was in the tables already.'],
  ['rejected', 'Orders that could not be loaded; glossier.rejects has them.'],
  ['repeated', 'Messages that their publisher sent twice; they count as nothing else.'],
  ['line_items', 'Line items that came with the loaded orders.'],
  ['bytes', 'Bytes of the messages that are loaded, bypassed or rejected.'],
  ['content', 'Sum of their contents'' hashes (XXH64) modulo 2^64. Null: counted before sums were kept.'],
  ['identical', 'Of the bypassed: those with the very content of the order that was first.'],
  ['conflicting', 'Of the bypassed: those with another content; glossier.conflicts has them.']]);

SELECT glossier.describe('glossier.drop_files', ARRAY[
  ['', 'A number for each file of each drop.'],
  ['file_no', 'By which glossier.books and glossier.known_orders name the file.'],
  ['topic', 'Topic of its orders.'],
  ['drop_id', 'The drop; empty for messages of no drop.'],
  ['file', 'Name as the zip''s directory or the folder has it.']]);

SELECT glossier.describe('glossier.known_orders', ARRAY[
  ['', 'Every order that is in a month table, with the message that brought it.'],
  ['order_id', 'orders.id.'],
  ['month', 'The month table, as a number: 201712.'],
  ['file_no', 'The file that it came in: glossier.drop_files.'],
  ['order_index', 'Its position in the file''s orders, from 0; null for messages of no drop.'],
  ['partition', 'Partition of its message.'],
  ['record_offset', 'Offset of its message.'],
  ['content', 'Hash of its message''s bytes (XXH64, as a signed number). Null: loaded before hashes were kept; a rebuild fills it in.']]);

SELECT glossier.describe('glossier.published_files', ARRAY[
  ['', 'What was published of each file of a drop, as its producer added it up.'],
  ['topic', 'Topic of the orders.'],
  ['drop_id', 'The drop.'],
  ['file', 'The file.'],
  ['orders', 'Orders published.'],
  ['bytes', 'Bytes of these orders.'],
  ['line_items', 'Length of their line_items, together.'],
  ['total_price', 'Sum of their total_price, each rounded half up to four places.'],
  ['content', 'Sum of their contents'' hashes (XXH64) modulo 2^64.']]);

CREATE VIEW glossier.drop_books AS
  SELECT d.topic, d.drop_id, d.name, d.state, d.orders AS published, coalesce(b.loaded, 0) AS loaded, coalesce(b.bypassed, 0) AS bypassed,
         coalesce(b.identical, 0) AS identical, coalesce(b.conflicting, 0) AS conflicting, coalesce(b.rejected, 0) AS rejected,
         d.orders - coalesce(b.loaded + b.bypassed + b.rejected, 0) AS waiting,
         d.state = 'published' AND d.orders <= coalesce(b.loaded + b.bypassed + b.rejected, 0) AS complete,
         coalesce(b.line_items, 0) AS line_items, p.total_price AS published_total_price, d.started_at, d.finished_at
    FROM glossier.drops d
    LEFT JOIN (SELECT topic, drop_id, sum(loaded)::bigint AS loaded, sum(bypassed)::bigint AS bypassed, sum(rejected)::bigint AS rejected,
                      sum(identical)::bigint AS identical, sum(conflicting)::bigint AS conflicting, sum(line_items)::bigint AS line_items
                 FROM glossier.books JOIN glossier.drop_files USING (file_no) GROUP BY 1, 2) b USING (topic, drop_id)
    LEFT JOIN (SELECT topic, drop_id, sum(total_price) AS total_price FROM glossier.published_files GROUP BY 1, 2) p USING (topic, drop_id);
SELECT glossier.describe('glossier.drop_books', ARRAY[
  ['', 'What became of each drop: published = loaded + bypassed + rejected + waiting.'],
  ['topic', 'Topic of its orders.'],
  ['drop_id', 'The drop: glossier.drops.'],
  ['name', 'Last part of the path or URL that it came by.'],
  ['state', 'publishing or published.'],
  ['published', 'Orders published; null until all are.'],
  ['loaded', 'Orders that are in the tables by this drop.'],
  ['bypassed', 'Orders whose id was in the tables already.'],
  ['identical', 'Of the bypassed: those with the very content of the order that was first.'],
  ['conflicting', 'Of the bypassed: those with another content. The rest was first loaded before contents were kept.'],
  ['rejected', 'Orders that could not be loaded.'],
  ['waiting', 'Orders published and not in the books yet; null until all are published.'],
  ['complete', 'All of it is published and accounted for.'],
  ['line_items', 'Line items that came with its loaded orders.'],
  ['published_total_price', 'Sum of total_price of all its orders, as its producer added it up; null where it did not.'],
  ['started_at', 'When its publication began.'],
  ['finished_at', 'When all of it was published.']]);

CREATE VIEW glossier.freshness AS
  SELECT topic,
         coalesce(min(started_at) FILTER (WHERE NOT complete), max(finished_at)) AS complete_until,
         count(*) FILTER (WHERE NOT complete) AS open_drops,
         coalesce(sum(waiting) FILTER (WHERE NOT complete), 0)::bigint AS waiting,
         (SELECT max(loaded_at) FROM glossier.batches b WHERE b.topic = d.topic) AS last_loaded_at,
         (SELECT max(merged_at) FROM glossier.merges) AS last_merged_at
    FROM glossier.drop_books d GROUP BY topic;
SELECT glossier.describe('glossier.freshness', ARRAY[
  ['', 'Up to when the tables have everything, by topic. A worker learns of a new publication within five seconds.'],
  ['topic', 'Topic of the orders.'],
  ['complete_until', 'Everything that was published until then is in the tables, or rejected: the start of the first drop that is not complete, else the end of the last publication.'],
  ['open_drops', 'Drops that are not complete.'],
  ['waiting', 'Orders of theirs that are published and not in the books yet, as far as that is known.'],
  ['last_loaded_at', 'When the last batch was committed.'],
  ['last_merged_at', 'When user_stats was last brought up to date; what was loaded since is in user_staging.']]);

CREATE VIEW glossier.rejects_by_reason AS
  SELECT r.topic, r.drop_id, d.name, r.kind, r.code, regexp_replace(r.path, '\[\d+\]', '[]', 'g') AS path, count(*) AS rejects, min(r.id) AS first_id,
         min(r.rejected_at) AS first_rejected_at, max(r.rejected_at) AS last_rejected_at
    FROM glossier.rejects r LEFT JOIN glossier.drops d USING (topic, drop_id) WHERE r.settled IS NULL
   GROUP BY 1, 2, 3, 4, 5, 6;
SELECT glossier.describe('glossier.rejects_by_reason', ARRAY[
  ['', 'What is rejected now, by drop and reason; what a retry has loaded or bypassed is left out.'],
  ['topic', 'Topic of the orders.'],
  ['drop_id', 'The drop; empty for messages of no drop.'],
  ['name', 'Name of the drop.'],
  ['kind', 'order, or file: a broken file, or an order that was too large to be published.'],
  ['code', 'The reason, for programs.'],
  ['path', 'What failed, such as line_items[].quantity; empty for the whole.'],
  ['rejects', 'How many.'],
  ['first_id', 'Number of the first: glossier rejects show.'],
  ['first_rejected_at', 'When the first was rejected.'],
  ['last_rejected_at', 'When the last was rejected.']]);

CREATE VIEW glossier.conflicts AS
  SELECT c.order_id, f.topic, f.drop_id, d.name, f.file, c.order_index, c.partition, c.record_offset, c.content,
         g.drop_id AS first_drop_id, e.name AS first_name, g.file AS first_file, c.first_index, c.first_partition, c.first_offset, c.first_content, c.bypassed_at
    FROM glossier.conflicting_orders c JOIN glossier.drop_files f ON f.file_no = c.file_no JOIN glossier.drop_files g ON g.file_no = c.first_file_no
    LEFT JOIN glossier.drops d ON d.topic = f.topic AND d.drop_id = f.drop_id LEFT JOIN glossier.drops e ON e.topic = g.topic AND e.drop_id = g.drop_id;
SELECT glossier.describe('glossier.conflicts', ARRAY[
  ['', 'Orders that were bypassed although their content is another than that of the order of their id that was loaded first.'],
  ['order_id', 'The order.'],
  ['topic', 'Topic of the message that was bypassed.'],
  ['drop_id', 'Its drop; empty for messages of no drop.'],
  ['name', 'Name of that drop.'],
  ['file', 'Its file.'],
  ['order_index', 'Its position in that file, from 0.'],
  ['partition', 'Its partition.'],
  ['record_offset', 'Its offset.'],
  ['content', 'Hash of its bytes (XXH64, as a signed number).'],
  ['first_drop_id', 'The drop of the order that is in the tables.'],
  ['first_name', 'Name of that drop.'],
  ['first_file', 'Its file.'],
  ['first_index', 'Its position in that file.'],
  ['first_partition', 'Partition of its message.'],
  ['first_offset', 'Offset of its message.'],
  ['first_content', 'Hash of its bytes.'],
  ['bypassed_at', 'When it was bypassed.']]);

SELECT glossier.describe('glossier.conflicting_orders', ARRAY[['', 'Behind the view glossier.conflicts.']]);

GRANT USAGE ON SCHEMA glossier TO PUBLIC;
GRANT SELECT ON glossier.drops, glossier.books, glossier.drop_files, glossier.known_orders, glossier.published_files, glossier.drop_books, glossier.freshness,
  glossier.rejects_by_reason, glossier.conflicts TO PUBLIC;
