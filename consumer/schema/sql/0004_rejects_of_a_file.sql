-- A file may have several rejects of its own: the place where it broke, and each order in it that was too large to be published.
DROP INDEX glossier.rejects_file;
CREATE UNIQUE INDEX rejects_file ON glossier.rejects (topic, drop_id, file, code, coalesce(order_index, -1)) WHERE kind = 'file';
