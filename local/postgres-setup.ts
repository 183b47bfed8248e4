/** How the local Postgres is set up: its data folder, its settings, its environment. */
import { randomBytes } from 'node:crypto';
import { chownSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ServiceError } from '../shared/errors.js';
import type { PostgresPlace } from './postgres-place.js';
import { run } from './process.js';

/** The one user, who may do everything. */
export const USER = 'glossier';

const SETTINGS: Record<string, string> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '60',
  shared_buffers: '192MB',
  maintenance_work_mem: '128MB',
  max_wal_size: '2GB',
  // Nothing replicates from here; a bulk load into a table of the same transaction then needs no WAL.
  wal_level: 'minimal',
  max_wal_senders: '0',
  // The user is called like the program's own schema, and Postgres' default begins with the schema of the user's name: an analyst's
  // CREATE VIEW would land among the program's own tables.
  search_path: 'public',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
  jit: 'off',
};
// Commits are still written to the kernel's cache (synchronous_commit stays on): a killed server must keep what it confirmed.
const FAST: Record<string, string> = { fsync: 'off', full_page_writes: 'off', autovacuum_naptime: '10s' };

/** Arguments for the server. `fast`: nothing is flushed to disk. */
export function serverSettings(fast = false): string[] {
  return Object.entries({ ...SETTINGS, ...(fast ? FAST : {}) }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/**
 * Makes the data folder; moved into place when whole.
 *
 * @param keptPassword the file that is to hold the password of USER
 * @throws ServiceError
 */
export async function makeDatabaseCluster(place: PostgresPlace, programs: string, keptPassword: string, fast = false): Promise<void> {
  const part = `${place.data}.part`;
  const passwordFile = join(place.home, 'password.part');
  rmSync(part, { recursive: true, force: true });
  const password = randomBytes(24).toString('base64url');
  writeFileSync(keptPassword, `${password}\n`, { mode: 0o600 });
  // A second copy, because the user that Postgres runs as may not read the first.
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (place.account) chownSync(passwordFile, place.account.uid, place.account.gid);
  const args = ['-D', part, `--username=${USER}`, `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C'];
  const { code, output } = await run(join(programs, 'initdb'), [...args, ...(fast ? ['--no-sync'] : [])], {
    cwd: place.home,
    account: place.account,
    env: postgresEnvironment(),
  });
  rmSync(passwordFile);
  if (code !== 0) throw new ServiceError(`Postgres could not prepare ${place.data}: ${output.trim().split('\n').at(-1)}`);
  renameSync(part, place.data);
}

/** Its messages are read here, and PG* variables of the user are about other servers. */
export function postgresEnvironment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('PG'));
  return { ...Object.fromEntries(own), LC_ALL: 'C', TZ: 'UTC' };
}
