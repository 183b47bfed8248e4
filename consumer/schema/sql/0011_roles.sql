-- What a loader would need ownership for is done by functions of the owner, so that who loads may fill the tables and make a month, and no more.

-- Rights on a month as they are on orders. A policy on orders does not hold for who reads a month by its name: then nobody is let read one.
CREATE FUNCTION glossier.copy_grants(orders regclass, month regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  said text;
BEGIN
  FOR said IN
    SELECT format('GRANT %s ON %s TO %s%s', g.what, month, CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
                  CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
      FROM pg_class c CROSS JOIN LATERAL (
        SELECT a.grantee, a.privilege_type AS what, a.is_grantable FROM aclexplode(c.relacl) a
         UNION ALL
        SELECT a.grantee, format('%s (%I)', a.privilege_type, t.attname), a.is_grantable
          FROM pg_attribute t CROSS JOIN LATERAL aclexplode(t.attacl) a WHERE t.attrelid = c.oid AND t.attnum > 0 AND NOT t.attisdropped) g
     WHERE c.oid = orders AND g.grantee <> c.relowner AND (NOT c.relrowsecurity OR g.what LIKE 'INSERT%')
  LOOP
    EXECUTE said;
  END LOOP;
END $$;
COMMENT ON FUNCTION glossier.copy_grants IS 'Grants on a month table what is granted on orders.';

-- The analysts' schema of these tables: a database may hold several deployments.
DO $do$
BEGIN
  EXECUTE format('CREATE FUNCTION glossier.analysts_schema() RETURNS text LANGUAGE sql IMMUTABLE AS %L', 'SELECT ' || quote_literal(current_schema()) || '::text');
END $do$;
COMMENT ON FUNCTION glossier.analysts_schema IS 'The schema of the analysts'' tables.';

-- SECURITY DEFINER: it runs as its owner, who owns orders. So its argument is checked, names are looked up in pg_catalog alone (temporary tables last, which
-- anybody may make), and whoever is to call it is named by a GRANT. A month that is there is left alone.
CREATE FUNCTION glossier.make_month(month text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  orders CONSTANT text := format('%I.orders', glossier.analysts_schema());
  made CONSTANT text := format('%I.%I', glossier.analysts_schema(), 'orders__' || month);
BEGIN
  IF month IS NULL OR month !~ '^\d{4}_(0[1-9]|1[0-2])$' THEN
    RAISE EXCEPTION 'a month is YYYY_MM' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  -- not to_regclass, which may still say what was so before the caller waited for another who made it
  IF EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = glossier.analysts_schema() AND c.relname = 'orders__' || month)
  THEN RETURN; END IF;
  EXECUTE format('CREATE TABLE %s (PRIMARY KEY (id)) INHERITS (%s)', made, orders);
  PERFORM glossier.describe_month(made::regclass);
  PERFORM glossier.copy_grants(orders::regclass, made::regclass);
END $$;
COMMENT ON FUNCTION glossier.make_month IS 'Makes the table of a month, YYYY_MM, with the comments and the rights of orders.';
REVOKE ALL ON FUNCTION glossier.make_month, glossier.copy_grants FROM PUBLIC;
