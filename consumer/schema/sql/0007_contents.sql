-- The hash of the content that an order was loaded with: XXH64 over the bytes of its message, as a signed number. Null where it was loaded before hashes
-- were kept; a rebuild fills it in.
ALTER TABLE glossier.known_orders ADD COLUMN content bigint;

-- Of all messages of the file that were counted, whatever became of them: bytes, and the sum of their contents' hashes modulo 2^64. Null where some
-- were counted before sums were kept. Of the bypassed: how many had the content of the order that was first, and how many had another.
ALTER TABLE glossier.books
  ADD COLUMN bytes bigint,
  ADD COLUMN content numeric(20, 0),
  ADD COLUMN identical bigint,
  ADD COLUMN conflicting bigint;

-- What the drops topic says that was published of each file of a drop.
CREATE TABLE glossier.published_files (
  topic text NOT NULL,
  drop_id text NOT NULL,
  file text NOT NULL,
  orders bigint NOT NULL,
  bytes bigint NOT NULL,
  line_items bigint NOT NULL,
  total_price numeric NOT NULL,
  content numeric(20, 0) NOT NULL,
  PRIMARY KEY (topic, drop_id, file)
);

-- Orders that were bypassed although their content is another than that of the order of their id that was loaded first.
CREATE TABLE glossier.conflicting_orders (
  file_no integer NOT NULL,
  partition integer NOT NULL,
  record_offset bigint NOT NULL,
  order_index integer,
  order_id bigint NOT NULL,
  content bigint NOT NULL,
  first_file_no integer NOT NULL,
  first_partition integer NOT NULL,
  first_offset bigint NOT NULL,
  first_index integer,
  first_content bigint NOT NULL,
  bypassed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (file_no, partition, record_offset)
);
CREATE INDEX conflicting_orders_order ON glossier.conflicting_orders (order_id);
