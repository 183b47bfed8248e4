-- The first tables of all had no user_newest.fields. What it tells there is taken from user_stats, which the same merges wrote.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'glossier.user_newest'::regclass AND attname = 'fields' AND NOT attisdropped) THEN
    RETURN;
  END IF;
  ALTER TABLE glossier.user_newest ADD COLUMN fields text;
  UPDATE glossier.user_newest n
     SET fields = md5(ROW(u.customer_locale, u.buyer_accepts_marketing, u.contact_email, u.phone)::text)
    FROM user_stats u WHERE u.user_id = n.user_id;
  UPDATE glossier.user_newest SET fields = '' WHERE fields IS NULL;
  ALTER TABLE glossier.user_newest ALTER COLUMN fields SET NOT NULL;
END $$;
