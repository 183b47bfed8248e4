/**
 * Poolers that give each transaction another session of the server (PgBouncer with pool_mode=transaction): settings and locks of a session are lost
 * there or land on somebody else, and nothing would say so. They are refused; one that keeps a session for as long as the connection lasts is as good
 * as Postgres.
 */
import type pg from 'pg';
import { errorCode, ServiceError } from '../../shared/errors.js';

/** Between statements of one connection others may take the session: each round that finds it kept leaves less doubt. */
const ROUNDS = 3;

/** URLs behind which a pooler keeps sessions. */
const sound = new Set<string>();

/**
 * Looks whether a connection keeps its session. Without a pooler nothing is asked: the server's process is the one that was named at the start of the
 * connection, and a pooler names one of its own.
 *
 * @param pid of the server's process, as it says itself
 * @param another makes a second connection like the first; it is ended here
 * @throws ServiceError when the session is not kept
 */
export async function refusePooler(url: string, client: pg.Client, pid: number, another: () => Promise<pg.Client>): Promise<void> {
  if ((client as unknown as { processID: number }).processID === pid || sound.has(url)) return;
  const other = await another();
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const mine = await pidOf(client);
      // a session that is given away between two statements is the first that another transaction gets
      await other.query('BEGIN');
      const theirs = await pidOf(other);
      // while it holds that, a statement of ours must go elsewhere; with a pool of one it would wait, so the cheaper sign goes first
      if (mine === theirs || (await pidOf(client)) !== mine) throw refusal();
      await other.query('ROLLBACK');
    }
  } catch (error) {
    // with pool_mode=statement there are no transactions at all
    throw errorCode(error) === '08P01' ? refusal() : error;
  } finally {
    other.end().catch(() => {});
  }
  sound.add(url);
}

async function pidOf(client: pg.Client): Promise<number> {
  return Number((await client.query('SELECT pg_backend_pid() AS pid')).rows[0].pid);
}

function refusal(): ServiceError {
  return new ServiceError('a pooler before Postgres gives each transaction another session (PgBouncer with pool_mode=transaction?)', {
    hint: 'connect to Postgres itself, or set pool_mode=session for this database: locks and settings of a session must last',
  });
}
