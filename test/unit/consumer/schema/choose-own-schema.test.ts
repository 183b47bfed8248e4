import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownSchemaOf } from '../../../../consumer/schema/choose-own-schema.js';

test("each analysts' schema has a schema of the program of its own, whose name is one", () => {
  assert.equal(ownSchemaOf('eu'), 'glossier_eu');
  const odd = ['EU', 'eU', 'e u', 'e"u', '店', '', 'x_rebuild', 'a'.repeat(63), `${'a'.repeat(62)}b`];
  const names = odd.map(ownSchemaOf);
  assert.equal(new Set([...names, 'glossier_eu', 'glossier']).size, odd.length + 2);
  for (const name of names) assert.match(name, /^glossier_[a-z0-9_]{0,32}$/);
  for (const name of names) assert.doesNotMatch(name, /_rebuild(_shape)?$/);
});
