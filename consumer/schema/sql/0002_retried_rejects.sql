-- Rejects can be tried again. month is that of the message's headers (null where it had none), as the order's month must not change with its
-- second try. tried_at is null until the first retry. settled says how the last one ended; the reject then is history. mended holds the bytes that
-- were loaded in place of those delivered, where a person mended them.
ALTER TABLE glossier.rejects
  ADD COLUMN month text,
  ADD COLUMN tried_at timestamptz,
  ADD COLUMN settled text CHECK (settled IN ('loaded', 'bypassed')),
  ADD COLUMN mended bytea;

-- what was rejected before came from publishers that take the month from the file's name
UPDATE glossier.rejects SET month = d[1] || '_' || d[2]
  FROM (SELECT id AS of, regexp_match(file, '(?:^|[^0-9])(\d{4})-(0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?![0-9])[^/]*$') AS d FROM glossier.rejects) dated
 WHERE of = id AND kind = 'order' AND drop_id <> '' AND d IS NOT NULL;
