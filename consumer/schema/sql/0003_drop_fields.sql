-- Which fields the loaded orders of a drop had, by partition: {"field": [orders that had it, kinds]}; kinds is a sum of 1 for an object,
-- 2 array, 4 string, 8 number, 16 true, 32 false, 64 null. Fields of line items are written line_items[].field. Fields that the tables
-- know have no kinds. "more" counts orders with unknown fields beyond those that are kept by name.
CREATE TABLE glossier.drop_fields (
  topic text NOT NULL,
  drop_id text NOT NULL,
  partition integer NOT NULL,
  orders bigint NOT NULL,
  more bigint NOT NULL,
  fields jsonb NOT NULL,
  PRIMARY KEY (topic, drop_id, partition)
);

-- Whether the changes of the export that a drop brought have been told.
ALTER TABLE glossier.drops ADD COLUMN drift_told boolean NOT NULL DEFAULT false;
