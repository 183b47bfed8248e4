/**
 * Where Postgres is, by libpq's meaning: a URL, then the service that it or PGSERVICE names, then PGHOST and its like, then libpq's
 * defaults. What comes out is one URL with everything in it, so that nothing further down looks at the environment. Pure but for the
 * files that libpq reads: pg_service.conf, the certificates in ~/.postgresql. (.pgpass is read at each connection: passwords change.)
 */
import { readFileSync, statSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { errorCode } from './errors.js';

/** The parameters of libpq that are understood, with their variables. Any other in a URL or a service is refused, as libpq does. */
const PARAMETERS: Record<string, string | null> = {
  host: 'PGHOST',
  port: 'PGPORT',
  dbname: 'PGDATABASE',
  user: 'PGUSER',
  password: 'PGPASSWORD',
  passfile: 'PGPASSFILE',
  sslmode: 'PGSSLMODE',
  sslrootcert: 'PGSSLROOTCERT',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  sslnegotiation: 'PGSSLNEGOTIATION',
  options: 'PGOPTIONS',
  application_name: 'PGAPPNAME',
  connect_timeout: 'PGCONNECT_TIMEOUT',
};
/** Taken, and of no effect here. */
const IDLE = ['client_encoding', 'fallback_application_name', 'keepalives', 'keepalives_idle', 'keepalives_interval', 'keepalives_count'];
const IDLE_TOO = ['tcp_user_timeout', 'gssencmode', 'uselibpqcompat'];
/** What would be weaker than it was asked for if it were passed over. */
const NOT_HERE = { PGHOSTADDR: 'host', PGREQUIREAUTH: '', PGCHANNELBINDING: '', PGSSLCRL: '', PGREQUIRESSL: 'PGSSLMODE=require' };
const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'];
/** Where libpq looks for a socket when no host is given: Debian's place, and that of a build of one's own. */
const SOCKET_FOLDERS = ['/var/run/postgresql', '/tmp'];

/** A part of the address, and who said it: `URL`, a variable, `service NAME`, `default`. */
export type PostgresParts = Record<string, { value: string; from: string }>;

export interface PostgresAddress {
  url: string;
  parts: PostgresParts;
}

/** True where the environment names a server. PGUSER and its like alone name none. */
export function namesPostgres(env: NodeJS.ProcessEnv): boolean {
  return ['PGHOST', 'PGSERVICE', 'PGDATABASE'].some(name => Boolean(env[name]));
}

/**
 * @param given the URL, which may lack anything: `postgres://` takes all from the environment
 * @throws Error in words that hold no password
 */
export function postgresAddress(given: string, env: NodeJS.ProcessEnv, home = homedir()): PostgresAddress {
  const parts: PostgresParts = {};
  const take = (from: string, name: string, value: string) => {
    if (value !== '' && parts[name] === undefined) parts[name] = { value, from };
  };
  const url = urlParameters(given);
  for (const [name, value] of Object.entries(url)) if (name !== 'service') take('URL', name, value);
  const service = url.service ?? (env.PGSERVICE || undefined);
  if (service !== undefined)
    for (const [name, value] of Object.entries(readService(service, env, home))) take(`service ${service}`, name, value);
  for (const [name, variable] of Object.entries(PARAMETERS)) if (variable !== null) take(variable, name, env[variable] ?? '');
  for (const [variable, instead] of Object.entries(NOT_HERE)) {
    const asked = env[variable] && !['disable', 'prefer', '0'].includes(env[variable]);
    if (asked) throw new Error(`${variable} is not supported${instead === '' ? '' : `: use ${instead}`}`);
  }
  complete(parts, take, home);
  return { url: toUrl(parts), parts };
}

/** What was not said, as libpq fills it in; and what cannot be. */
function complete(parts: PostgresParts, take: (from: string, name: string, value: string) => void, home: string): void {
  take('default', 'port', '5432');
  const port = parts.port.value;
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65535) throw new Error(`"${port}" is not a port`);
  take('default', 'host', SOCKET_FOLDERS.find(folder => exists(join(folder, `.s.PGSQL.${port}`))) ?? 'localhost');
  if (parts.host.value.includes(',')) throw new Error('several hosts are not supported: name one, or a proxy');
  take('default', 'user', parts.user === undefined ? systemUser() : '');
  take('default', 'dbname', parts.user.value);
  const own = (file: string) => join(home, '.postgresql', file);
  if (parts.host.value.startsWith('/')) parts.sslmode = { value: 'disable', from: 'a socket needs none' };
  else take('default', 'sslmode', parts.sslrootcert?.value === 'system' ? 'verify-full' : 'prefer');
  const mode = parts.sslmode.value;
  if (!SSL_MODES.includes(mode)) throw new Error(`sslmode "${mode}" is none of ${SSL_MODES.join(', ')}`);
  if (mode === 'disable') return;
  if (exists(own('root.crt'))) take('default', 'sslrootcert', own('root.crt'));
  if (exists(own('postgresql.crt'))) take('default', 'sslcert', own('postgresql.crt'));
  if (parts.sslcert !== undefined && exists(own('postgresql.key'))) take('default', 'sslkey', own('postgresql.key'));
  if (parts.sslrootcert?.value === 'system' && mode !== 'verify-full')
    throw new Error(`sslmode "${mode}" is too weak for sslrootcert=system: use verify-full`);
  if (mode.startsWith('verify') && parts.sslrootcert === undefined)
    throw new Error(
      `sslmode=${mode} needs the certificate of the authority: sslrootcert=FILE, or ${own('root.crt')}, or sslrootcert=system`,
    );
  for (const name of ['sslrootcert', 'sslcert', 'sslkey']) {
    const file = parts[name]?.value;
    if (file !== undefined && file !== 'system' && !exists(file)) throw new Error(`${name} ${file} is not there`);
  }
}

/** The parameters that a URL says: those of its query, and its parts. */
function urlParameters(given: string): Record<string, string> {
  const url = parseUrl(given);
  const found: Record<string, string> = {
    host: decode(url.hostname).replace(/^\[(.*)\]$/, '$1'),
    port: url.port,
    dbname: decode(url.pathname.slice(1)),
    user: decode(url.username),
    password: decode(url.password),
  };
  if (found.host === NO_HOST) found.host = '';
  for (const [name, value] of url.searchParams) {
    if (name === 'ssl' && value === 'true') found.sslmode = 'require';
    else if (known(name)) found[name] = value;
    else throw new Error(`"${name}" is not a parameter of Postgres that is understood here`);
  }
  return found;
}

const NO_HOST = 'no-host-is-named';
const NO_URL = 'is not a URL like postgres://user:password@host:5432/database';

/** libpq takes a user or port without a host, and URL does not. The error of URL holds what was given, and so the password: it is thrown away. */
function parseUrl(given: string): URL {
  const [, authority] = /^postgres(?:ql)?:\/\/([^/?#]*)/.exec(given) ?? [];
  if (authority === undefined) throw new Error(NO_URL);
  if (authority.slice(authority.lastIndexOf('@') + 1).includes(','))
    throw new Error('several hosts are not supported: name one, or a proxy');
  const named = given.replace(/^([a-z]+:\/\/(?:[^/?#]*@)?)(?=(?::\d*)?(?:[/?#]|$))/, `$1${NO_HOST}`);
  try {
    return new URL(named);
  } catch {
    throw new Error(NO_URL);
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error(`${NO_URL}: a percent sign is written %25`);
  }
}

function known(name: string): boolean {
  return name in PARAMETERS || name === 'service' || IDLE.includes(name) || IDLE_TOO.includes(name);
}

/** libpq's own format: the ini packages read quotes, semicolons and dots otherwise. */
function readService(name: string, env: NodeJS.ProcessEnv, home: string): Record<string, string> {
  const files = [
    env.PGSERVICEFILE || join(home, '.pg_service.conf'),
    ...(env.PGSYSCONFDIR ? [join(env.PGSYSCONFDIR, 'pg_service.conf')] : []),
  ];
  for (const file of files) {
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch (error) {
      if (file === env.PGSERVICEFILE || errorCode(error) !== 'ENOENT')
        throw new Error(`the service file ${file} cannot be read: ${errorCode(error)}`);
      continue;
    }
    const found = serviceIn(text, name, file);
    if (found !== null) return found;
  }
  throw new Error(`there is no service "${name}" in ${files.join(' or ')}`);
}

function serviceIn(text: string, name: string, file: string): Record<string, string> | null {
  let found: Record<string, string> | null = null;
  for (const [at, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    if (line.startsWith('[')) {
      if (found !== null) break;
      if (line === `[${name}]`) found = {};
    } else if (found !== null) {
      const [, key, value] = /^([^=]+)=(.*)$/.exec(line) ?? [];
      if (key === undefined || key === 'service' || !known(key))
        throw new Error(`line ${at + 1} of the service file ${file} is not understood`);
      found[key] ??= value;
    }
  }
  return found;
}

function toUrl(parts: PostgresParts): string {
  const code = encodeURIComponent;
  const socket = parts.host.value.startsWith('/');
  const host = socket ? 'localhost' : /:/.test(parts.host.value) ? `[${parts.host.value}]` : code(parts.host.value);
  const password = parts.password === undefined ? '' : `:${code(parts.password.value)}`;
  const url = new URL(`postgres://${code(parts.user.value)}${password}@${host}:${parts.port.value}/${code(parts.dbname.value)}`);
  if (socket) url.searchParams.set('host', parts.host.value);
  for (const name of Object.keys(PARAMETERS).slice(5)) {
    const value = parts[name]?.value;
    if (value !== undefined) url.searchParams.set(name, value);
  }
  return url.href;
}

function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    throw new Error('no user is named, and this process has no name: postgres://user@host/database, or PGUSER'); // a container's bare number
  }
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** A URL that may be shown: without its password. */
export function withoutPassword(url: string): string {
  return url.replace(/^([a-z]+:\/\/[^:@/?]*):[^/?]*@/i, '$1:***@').replace(/([?&]password=)[^&]*/gi, '$1***');
}
