/** The SQL of the roles: names that would mean something else are refused, all others are quoted wherever they stand. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkRoles, loaderGrants, rolesSql } from '../../../../consumer/schema/roles.js';
import { Tables } from '../../../../consumer/schema/tables.js';

const roles = { owner: 'o', loader: 'l', reader: 'r' };

test('names of roles that Postgres would take for something else are refused, and three that are not three', () => {
  for (const loader of [
    '',
    'public',
    'Public',
    'none',
    'pg_read_all_data',
    'a\nDROP TABLE x;',
    'a\0',
    'a\u2028b',
    'x'.repeat(64),
    'ü'.repeat(32),
  ])
    assert.throws(() => checkRoles({ ...roles, loader }), /--loader: /, loader);
  assert.throws(() => checkRoles({ ...roles, reader: 'l' }), /three roles/);
  for (const loader of ['publics', 'current_user', 'user', 'A "b"', "o'; DROP ROLE x; --", '$do$', '$$', '\\', 'Ünïcode 店', ' '])
    checkRoles({ ...roles, loader });
  assert.throws(() => rolesSql('a\nb', new Tables('public'), roles), /database/);
});

test('in the SQL of the roles no name ends a quote, a comment or a block', () => {
  const hostile = `a'b"c\\d$do$e$do1$; DROP ROLE x; --`;
  const sql = rolesSql(hostile, new Tables(`s${hostile}`, 'glossier_x'), { owner: hostile, loader: `l${hostile}`, reader: `r${hostile}` });
  // what is left when everything quoted is taken out holds no statement of the name's
  const bare = sql.replaceAll(/--.*|"(?:[^"]|"")*"| E'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'/g, 'TEXT'); // from left to right, as Postgres reads it
  assert.doesNotMatch(bare, /DROP/);
  assert.equal(bare.match(/DO \$do2\$/g)?.length, 2);
  assert.equal(bare.match(/\$do2\$/g)?.length, 4);
});

test('a loader deletes nothing but users that were staged, and changes no order', () => {
  const t = new Tables('public');
  const may = (right: string) => loaderGrants(t).filter(g => (g.rights as readonly string[]).includes(right));
  assert.deepEqual(
    may('DELETE').map(g => g.on),
    [t.userStaging],
  );
  assert.ok(!may('UPDATE').some(g => [t.orders, t.lineItems, t.knownOrders, t.batches, t.migrations].includes(g.on)));
});
