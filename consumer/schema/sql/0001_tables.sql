-- The analysts' tables (in the first schema of the search path) and the program's own (in "glossier").

CREATE TABLE orders (
  id bigint NOT NULL,
  email text,
  closed_at timestamptz,
  created_at timestamptz,
  updated_at timestamptz,
  number bigint,
  note text,
  token text,
  gateway text,
  test boolean,
  total_price numeric(19,4),
  subtotal_price numeric(19,4),
  total_weight bigint,
  total_tax numeric(19,4),
  taxes_included boolean,
  currency text,
  financial_status text,
  confirmed boolean,
  total_discounts numeric(19,4),
  total_line_items_price numeric(19,4),
  cart_token text,
  name text,
  referring_site text,
  landing_site text,
  cancelled_at timestamptz,
  cancel_reason text,
  total_price_usd numeric(19,4),
  checkout_token text,
  reference text,
  user_id bigint,
  location_id bigint,
  source_identifier text,
  source_url text,
  processed_at timestamptz,
  device_id bigint,
  app_id bigint,
  browser_ip text,
  landing_site_ref text,
  order_number bigint,
  processing_method text,
  checkout_id bigint,
  source_name text,
  fulfillment_status text,
  tags text,
  order_status_url text,
  total_discount numeric(19,4),
  line_item_total integer,
  extra jsonb,
  -- orders stand in the month tables, which inherit from this one
  CONSTRAINT orders_stand_in_month_tables CHECK (false) NO INHERIT
);
COMMENT ON TABLE orders IS 'All orders of all months; tableoid::regclass names the month table of a row.';

CREATE TABLE order_line_item_mapping (
  line_item_id bigint PRIMARY KEY,
  order_id bigint NOT NULL,
  product_id bigint,
  variant_id bigint,
  quantity integer,
  extra jsonb
);

CREATE TABLE user_stats (
  user_id bigint PRIMARY KEY,
  customer_locale text,
  buyer_accepts_marketing boolean,
  contact_email text,
  phone text,
  total_orders bigint NOT NULL,
  total_spend numeric NOT NULL,
  min_processed_at timestamptz NOT NULL,
  max_processed_at timestamptz NOT NULL,
  total_days integer NOT NULL
);

-- One row a user and batch since the last merge.
CREATE TABLE user_staging (
  user_id bigint NOT NULL,
  customer_locale text,
  buyer_accepts_marketing boolean,
  contact_email text,
  phone text,
  total_orders bigint NOT NULL,
  total_spend numeric NOT NULL,
  min_processed_at timestamptz NOT NULL,
  max_processed_at timestamptz NOT NULL,
  total_days integer NOT NULL,
  newest_order_id bigint NOT NULL
);

-- Which order gave a user its four fields; decides between two orders of one instant. fields is the md5 of the four as one row of text, as
-- the order tables do not keep them.
CREATE TABLE glossier.user_newest (
  user_id bigint PRIMARY KEY,
  processed_at timestamptz NOT NULL,
  order_id bigint NOT NULL,
  fields text NOT NULL
);

-- The incarnation of a topic that the positions belong to.
CREATE TABLE glossier.topics (
  topic text PRIMARY KEY,
  topic_id text NOT NULL,
  drops_next_offset bigint NOT NULL DEFAULT 0,
  first_seen_at timestamptz NOT NULL DEFAULT now()
);

-- Offset of the first message that is not in the tables, by partition.
CREATE TABLE glossier.positions (
  topic text NOT NULL REFERENCES glossier.topics ON DELETE CASCADE,
  partition integer NOT NULL,
  next_offset bigint NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (topic, partition)
);

-- What the drops topic says of each drop.
CREATE TABLE glossier.drops (
  topic text NOT NULL,
  drop_id text NOT NULL,
  name text NOT NULL,
  sha256 text NOT NULL,
  bytes bigint NOT NULL,
  state text NOT NULL,
  files integer NOT NULL,
  broken_files integer NOT NULL,
  orders bigint,
  started_at timestamptz NOT NULL,
  finished_at timestamptz,
  PRIMARY KEY (topic, drop_id)
);

-- A number for each file of a drop; drop_id and file are '' for messages of no drop.
CREATE TABLE glossier.drop_files (
  file_no integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  topic text NOT NULL,
  drop_id text NOT NULL,
  file text NOT NULL,
  UNIQUE (topic, drop_id, file)
);

-- What became of the orders of a file, by partition and by the month that they went to ('' where they went nowhere).
-- last_index is the greatest index seen: publishers append in order, so a message at or below it has been counted before.
CREATE TABLE glossier.books (
  file_no integer NOT NULL,
  partition integer NOT NULL,
  month text NOT NULL,
  last_index integer NOT NULL,
  loaded bigint NOT NULL,
  bypassed bigint NOT NULL,
  rejected bigint NOT NULL,
  repeated bigint NOT NULL,
  line_items bigint NOT NULL,
  PRIMARY KEY (file_no, partition, month)
);

-- One row a partition and transaction: which offsets were loaded together, how many messages that was (control records have offsets
-- too), when, by which worker and version.
CREATE TABLE glossier.batches (
  topic text NOT NULL,
  partition integer NOT NULL,
  from_offset bigint NOT NULL,
  to_offset bigint NOT NULL,
  messages integer NOT NULL,
  loaded_at timestamptz NOT NULL DEFAULT now(),
  worker text NOT NULL,
  version text NOT NULL,
  PRIMARY KEY (topic, partition, from_offset)
);

-- Every order id that is in a month table, with the message that it came by.
CREATE TABLE glossier.known_orders (
  order_id bigint PRIMARY KEY,
  month integer NOT NULL,
  file_no integer NOT NULL,
  order_index integer,
  partition integer NOT NULL,
  record_offset bigint NOT NULL
);

CREATE TABLE glossier.rejects (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('order', 'file')),
  topic text NOT NULL,
  drop_id text NOT NULL,
  file text NOT NULL,
  order_index integer,
  partition integer,
  record_offset bigint,
  order_id bigint,
  code text NOT NULL,
  path text NOT NULL,
  reason text NOT NULL,
  value bytea,
  rejected_at timestamptz NOT NULL DEFAULT now(),
  tries integer NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX rejects_place ON glossier.rejects (topic, partition, record_offset) WHERE kind = 'order';
CREATE UNIQUE INDEX rejects_file ON glossier.rejects (topic, drop_id, file) WHERE kind = 'file';

CREATE TABLE glossier.merges (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  merged_at timestamptz NOT NULL DEFAULT now(),
  staged bigint NOT NULL,
  inserted bigint NOT NULL,
  updated bigint NOT NULL
);
