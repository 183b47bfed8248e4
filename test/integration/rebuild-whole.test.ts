/** No table and no column of the program is forgotten by a rebuild. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { allRelations, LEFT_ALONE } from '../../consumer/rebuild/relations.js';
import { migrate } from '../../consumer/schema/migrate.js';
import { OWN_SCHEMA, Tables } from '../../consumer/schema/tables.js';
import { dropDatabase, freshDatabase, testServices } from '../support/services.js';

test('every table and every column of the program is brought to what the topic says, or is named as one that stays', async t => {
  const url = await freshDatabase(testServices().databaseUrl);
  const db = new pg.Client({ connectionString: url });
  await db.connect();
  t.after(async () => {
    await db.end();
    await dropDatabase(url, testServices().databaseUrl);
  });
  await migrate(db, 'public');
  const { rows } = await db.query(
    `SELECT table_name AS name, array_agg(column_name::text) AS columns FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name) WHERE table_type = 'BASE TABLE' AND table_schema IN ('public', '${OWN_SCHEMA}') GROUP BY 1 ORDER BY 1`,
  );
  const live = new Tables('public');
  const relations = allRelations(live, live.copy, live, [{ month: 'of all', inLive: true, inCopy: true }]);
  const written = new Map<string, Set<string>>();
  for (const { live: name, key, columns } of relations) {
    const table = name!.replace(/^.*\./, '').replace('orders__of all', 'orders');
    written.set(table, new Set([...(written.get(table) ?? []), ...key, ...columns]));
  }
  const forgotten: string[] = [];
  for (const { name, columns } of rows as { name: string; columns: string[] }[]) {
    const stays = LEFT_ALONE[name] ?? {};
    if (!('*' in stays)) forgotten.push(...columns.filter(c => !written.get(name)?.has(c) && !(c in stays)).map(c => `${name}.${c}`));
    for (const column of Object.keys(stays))
      if (column !== '*') assert.ok(columns.includes(column), `${name}.${column} is not there any more`);
  }
  assert.deepEqual(forgotten, [], 'add them to consumer/rebuild/relations.ts');
  const names = rows.map(r => r.name);
  assert.deepEqual(
    Object.keys(LEFT_ALONE).filter(name => !names.includes(name)),
    [],
  );
});
