/** What a user who does not own the tables lacks to load into them. */
import type { Database } from '../load/database.js';
import { grantSql, loaderGrants } from '../schema/roles.js';
import { quote, type Tables } from '../schema/tables.js';

export interface LoaderFacts {
  /** To whom the tables belong; null where there are none. */
  owner: string | null;
  /** May this user do as the owner may? */
  owns: boolean;
  /** Of a user who may not: what he lacks, in words with the SQL that grants it. Nothing while the tables are those of an earlier version. */
  lacks: { words: string; sql: string }[];
  /** Can the function that makes month tables make them? Its owner must own `orders`, and may have lost that. Null where either is not there. */
  monthsAreMade: boolean | null;
}

/** By the catalogue alone, which everybody may read. */
export async function loaderFacts(db: Database, tables: Tables): Promise<LoaderFacts> {
  const owners = await db.query(
    `SELECT pg_get_userbyid(c.relowner) AS owner, pg_has_role(c.relowner, 'USAGE') AS owns, current_user AS me
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2`,
    [tables.home, bare(tables.migrations)],
  );
  if (owners.rows.length === 0) return { owner: null, owns: true, lacks: [], monthsAreMade: null };
  const [{ owner, owns, me }] = owners.rows;
  const maker = await db.query(
    `SELECT has_function_privilege(p.oid, 'EXECUTE') AS may,
            pg_has_role(p.proowner, o.relowner, 'USAGE') AND has_schema_privilege(p.proowner, o.relnamespace, 'CREATE') AS able
       FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
       LEFT JOIN (pg_class o JOIN pg_namespace a ON a.oid = o.relnamespace) ON a.nspname = $3 AND o.relname = $4
      WHERE n.nspname = $1 AND p.proname = $2`,
    [tables.home, bare(tables.makeMonth), tables.analysts, bare(tables.orders)],
  );
  const facts = { owner, owns: owns === 't', monthsAreMade: maker.rows[0]?.able == null ? null : maker.rows[0].able === 't' };
  if (facts.owns || maker.rows.length === 0) return { ...facts, lacks: [] };
  const lacks: LoaderFacts['lacks'] = [];
  for (const schema of await unusable(db, [tables.home, tables.analysts]))
    lacks.push({
      words: `USAGE on the schema "${schema}"`,
      sql: `GRANT USAGE ON SCHEMA ${schema === tables.home ? schema : tables.schema} TO ${quote(me)};`,
    });
  if (maker.rows[0].may !== 't')
    lacks.push({
      words: `EXECUTE on ${tables.makeMonth}`,
      sql: `GRANT EXECUTE ON FUNCTION ${tables.makeMonth}(text) TO ${quote(me)};`,
    });
  for (const { on, rights } of await missingOnTables(db, tables))
    lacks.push({ words: `${rights.join(', ')} on ${on}`, sql: grantSql({ on, rights: rights as never }, me) });
  return { ...facts, lacks };
}

async function unusable(db: Database, schemas: string[]): Promise<string[]> {
  const { rows } = await db.query(
    "SELECT nspname FROM pg_namespace WHERE nspname = ANY ($1::text[]) AND NOT has_schema_privilege(oid, 'USAGE') ORDER BY 1",
    [schemas],
  );
  return rows.map(r => r.nspname);
}

/** Rights that are missing, by table, a month's too: what is granted on `orders` later does not reach the months that are there. */
async function missingOnTables(db: Database, tables: Tables): Promise<{ on: string; rights: string[] }[]> {
  const wanted = loaderGrants(tables).flatMap(({ on, rights }) => rights.map(right => ({ on, right })));
  const { rows } = await db.query(
    `WITH wanted AS (SELECT c.oid, w.at, w."right", w.n FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS w (schema, name, "right", at, n)
         JOIN pg_namespace s ON s.nspname = w.schema JOIN pg_class c ON c.relnamespace = s.oid AND c.relname = w.name),
       all_wanted AS (SELECT oid, at, "right", n FROM wanted UNION ALL
         SELECT c.oid, format('%I.%I', s.nspname, c.relname), w."right", w.n FROM wanted w JOIN pg_inherits i ON i.inhparent = w.oid
           JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace s ON s.oid = c.relnamespace)
     SELECT at, string_agg("right", ' ' ORDER BY n) AS rights FROM all_wanted WHERE NOT has_table_privilege(oid, "right") GROUP BY at ORDER BY min(n), at`,
    [
      wanted.map(w => (w.on.startsWith(`${tables.schema}.`) ? tables.analysts : tables.home)),
      wanted.map(w => bare(w.on)),
      wanted.map(w => w.right),
      wanted.map(w => w.on),
    ],
  );
  return rows.map(r => ({ on: r.at, rights: r.rights.split(' ') }));
}

/** The name without its schema. */
function bare(at: string): string {
  return at.slice(at.lastIndexOf('.') + 1);
}
