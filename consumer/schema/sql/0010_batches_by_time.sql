-- The rates of the last hour are read by time; without this all batches since the first day would be.
CREATE INDEX batches_loaded_at ON glossier.batches (topic, loaded_at);
