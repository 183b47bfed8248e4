-- Tables whose meaning a migration has changed: they are right again when a whole rebuild has ended. The migration says so itself, by
-- SELECT glossier.await_rebuild('user_stats', 'why, in words').
CREATE TABLE glossier.rebuild_due (
  relation text NOT NULL,
  reason text NOT NULL,
  since timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (relation, reason)
);

-- Where nothing was loaded yet nothing is due.
CREATE FUNCTION glossier.await_rebuild(relation text, reason text) RETURNS void LANGUAGE sql AS $$
  INSERT INTO glossier.rebuild_due (relation, reason)
  SELECT $1, $2 WHERE EXISTS (SELECT FROM glossier.positions WHERE next_offset > 0) ON CONFLICT DO NOTHING
$$;

-- 0003 could not know the fields of what was loaded before it
SELECT glossier.await_rebuild('drop_fields', 'the fields of drops that were loaded by an earlier version were not counted')
 WHERE EXISTS (
   SELECT FROM glossier.books b JOIN glossier.drop_files f USING (file_no)
    WHERE f.drop_id <> '' AND b.loaded > 0
      AND NOT EXISTS (SELECT FROM glossier.drop_fields d WHERE d.topic = f.topic AND d.drop_id = f.drop_id AND d.partition = b.partition));
