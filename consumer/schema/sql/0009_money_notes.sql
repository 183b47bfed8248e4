-- What looked odd in the money of a drop's orders when it was whole in the tables; null until somebody has looked.
ALTER TABLE glossier.drops ADD COLUMN notes jsonb;
COMMENT ON COLUMN glossier.drops.notes IS 'What looks odd in the money of the orders that it brought, once looked at by glossier status; null before.';
