/** Which publications a drop has. */
import type { Database } from '../load/database.js';
import type { Tables } from '../schema/tables.js';

export interface PublishedDrop {
  drop: string;
  name: string;
  state: string;
  orders: number | null;
  startedAt: Date | null;
  finishedAt: Date | null;
}

/** Ids of all publications of these bytes: the first digits of the sha256, and those with a number behind for each repetition. */
export async function publicationsOf(db: Database, { dropFiles, drops }: Tables, topic: string, sha256: string): Promise<string[]> {
  const id = sha256.slice(0, 16);
  const { rows } = await db.query(
    `SELECT drop_id FROM (SELECT drop_id FROM ${drops} WHERE topic = $1 UNION SELECT drop_id FROM ${dropFiles} WHERE topic = $1) d
      WHERE drop_id = $2 OR drop_id ~ ('^' || $2 || '-[0-9]+$') ORDER BY length(drop_id), drop_id`,
    [topic, id],
  );
  return rows.length === 0 ? [id] : rows.map(r => r.drop_id);
}

/** The drops of this id, or of this name; ids that only messages tell of as well. */
export async function findDrops(db: Database, { drops, dropFiles }: Tables, topic: string, idOrName: string): Promise<PublishedDrop[]> {
  const { rows } = await db.query(
    `SELECT drop_id, coalesce(d.name, '(unknown drop)') AS name, coalesce(d.state, 'unknown') AS state, d.orders,
            extract(epoch FROM d.started_at) * 1000 AS started, extract(epoch FROM d.finished_at) * 1000 AS finished
       FROM (SELECT DISTINCT drop_id FROM ${dropFiles} WHERE topic = $1 AND drop_id <> '') f FULL JOIN (SELECT * FROM ${drops} WHERE topic = $1) d USING (drop_id)
      WHERE drop_id = $2 OR d.name = $2 ORDER BY d.started_at, drop_id`,
    [topic, idOrName],
  );
  const date = (ms: string | null) => (ms === null ? null : new Date(Number(ms)));
  return rows.map(r => ({
    drop: r.drop_id,
    name: r.name,
    state: r.state,
    orders: r.orders === null ? null : Number(r.orders),
    startedAt: date(r.started),
    finishedAt: date(r.finished),
  }));
}
