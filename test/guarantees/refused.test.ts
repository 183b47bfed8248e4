/** Orders that Postgres itself refuses are rejected, each by itself, whatever refuses them and wherever. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RejectShop } from './retry-support.js';
import { order } from './shop.js';

const TIMEOUT = { timeout: 120_000 };
const COUNT = 300;

/** Refuses an order with the number -1: where, and when. */
const REFUSALS: Record<string, string> = {
  'a CHECK on a month table': 'ALTER TABLE orders ADD CONSTRAINT somebody CHECK (number > 0)',
  'a CHECK on the line items': 'ALTER TABLE order_line_item_mapping ADD CONSTRAINT somebody CHECK (quantity < 2)',
  'a CHECK on user_staging': 'ALTER TABLE user_staging ADD CONSTRAINT somebody CHECK (user_id < 1000)',
  'a trigger after the statement, which names no row': `
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN
      IF EXISTS (SELECT FROM added WHERE quantity > 1) THEN RAISE check_violation USING MESSAGE = 'too many'; END IF; RETURN NULL; END $f$;
    CREATE TRIGGER somebody AFTER INSERT ON order_line_item_mapping REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION refuse()`,
  'a constraint that is deferred to COMMIT': `
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN
      IF NEW.quantity > 1 THEN RAISE check_violation USING MESSAGE = 'too many'; END IF; RETURN NULL; END $f$;
    CREATE CONSTRAINT TRIGGER somebody AFTER INSERT ON order_line_item_mapping DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()`,
};

/** Every one of the above refuses it. */
function refusable(id: number): string {
  return order(id, { user: 1000 + id, more: ',"number":-1' }).replace('"quantity":1', '"quantity":2');
}

for (const [what, sql] of Object.entries(REFUSALS)) {
  test(`orders that are refused by ${what} stop no neighbour`, TIMEOUT, async t => {
    const shop = await RejectShop.open(t);
    await shop.query(sql);
    const bad = (i: number) => i % 37 === 0 || (i > 120 && i < 125);
    const orders = Array.from({ length: COUNT }, (_, i) =>
      bad(i) ? refusable(i + 1) : order(i + 1, { user: i % 9, more: ',"number":1' }),
    );
    // of two orders of one id and one line item the second is loaded where the first is refused, in a month that no other order has
    orders.push(order(1, { at: '2017-10-01T00:00:00Z', more: ',"number":1' }));
    await shop.load(orders);
    const rejects = JSON.parse((await shop.run(0, ['rejects', 'list', '--json'])).stdout) as {
      index: number;
      code: string;
      order_id: string;
    }[];
    const want = orders.flatMap((_, i) => (i < COUNT && bad(i) ? [`${i} ${i + 1} refused_by_database`] : []));
    assert.deepEqual(
      rejects.map(r => `${r.index} ${r.order_id} ${r.code}`),
      want,
    );
    assert.deepEqual(await shop.books(), { '': [0, 0, want.length], '2017_12': [COUNT - want.length, 0, 0], '2017_10': [1, 0, 0] });
    await shop.holds(orders.filter((_, i) => i === COUNT || !bad(i)));
  });
}
