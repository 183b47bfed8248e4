-- Users who are to be forgotten, as the drops topic records it. keeps: money for rows without personal columns, nothing for no rows. no tells those who
-- load that there are more by now. done_at is null until what had been loaded of the user before is emptied or removed, too.
CREATE TABLE glossier.forgotten_users (
  user_id bigint PRIMARY KEY,
  no bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  keeps text NOT NULL CHECK (keeps IN ('money', 'nothing')),
  reason text NOT NULL,
  requested_at timestamptz NOT NULL,
  done_at timestamptz
);
SELECT glossier.describe('glossier.forgotten_users', ARRAY[
  ['', 'Users who were forgotten: whatever brings orders of theirs leaves the personal columns empty, or the rows out. A row stays for ever.'],
  ['user_id', 'The user.'],
  ['no', 'Counts the requests.'],
  ['keeps', 'money: the rows of the orders stay, without personal columns. nothing: no row of them is left.'],
  ['reason', 'Why, as it was given with the request.'],
  ['requested_at', 'When it was requested.'],
  ['done_at', 'When what had been loaded before was emptied or removed; null while that is under way.']]);

-- An order that was loaded, and of which nothing is kept: it has no row in its month table. Null for all others.
ALTER TABLE glossier.known_orders ADD COLUMN forgotten boolean;
SELECT glossier.describe('glossier.known_orders', ARRAY[
  ['forgotten', 'True for an order of a user of whom nothing is kept: it was loaded, and has no row. Null for all others.']]);

-- A reject whose bytes are gone with its user: it is listed, and cannot be tried again.
ALTER TABLE glossier.rejects ADD COLUMN forgotten boolean NOT NULL DEFAULT false;

-- A topic whose workers and positions were moved to a copy of it: nothing is loaded from it any more.
ALTER TABLE glossier.topics ADD COLUMN moved_to text;
