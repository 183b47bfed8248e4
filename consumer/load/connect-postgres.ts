/**
 * A connection of node-postgres by libpq's meaning of sslmode and the password file. The URL is one that shared/postgres-url.ts has completed;
 * one without sslmode (that of local mode) is connected to without TLS.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import pgUrl from 'pg-connection-string';
import { errorCode, oneLine, ServiceError } from '../../shared/errors.js';

type Tls = 'with' | 'without';

/** libpq's two that try both ways, and in which order. node-postgres knows one way a connection. */
const BOTH_WAYS: Record<string, [Tls, Tls]> = { prefer: ['with', 'without'], allow: ['without', 'with'] };

/** Which way worked last, by URL: a server without TLS would else be asked for it at every connection. */
const worked = new Map<string, Tls>();

/**
 * Connects.
 *
 * @param more what the caller sets besides the address
 * @param prepare called with each client before it connects
 * @throws node-postgres' errors; ServiceError where TLS or the password file is at fault
 */
export async function connectPostgres(url: string, more: pg.ClientConfig, prepare: (client: pg.Client) => void): Promise<pg.Client> {
  const mode = new URL(url).searchParams.get('sslmode') ?? 'disable';
  const ways = [...(BOTH_WAYS[mode] ?? [mode === 'disable' ? ('without' as const) : ('with' as const)])];
  if (worked.get(url) === ways[1]) ways.reverse();
  for (const [n, tls] of ways.entries()) {
    const client = new pg.Client(config(url, tls, more));
    prepare(client);
    try {
      await client.connect();
      worked.set(url, tls);
      return client;
    } catch (error) {
      if (n === 0 && ways.length > 1 && isOfTheWay(error)) continue;
      throw tls === 'with' ? inWords(error, mode) : error;
    }
  }
  throw new Error('unreachable');
}

/** Is this way refused, so that the other one may work: no TLS there, a failed handshake, or a rule of pg_hba.conf. */
function isOfTheWay(error: unknown): boolean {
  return isOfTls(error) || errorCode(error) === '28000';
}

/** node-postgres gives its two refusals no code; those of Node's TLS begin so. */
function isOfTls(error: unknown): boolean {
  const code = errorCode(error);
  if (code === undefined) return /SSL connection/.test(oneLine(error));
  return /^(ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|EPROTO)/.test(code);
}

function inWords(error: unknown, mode: string): unknown {
  if (!isOfTls(error)) return error;
  return new ServiceError(`Postgres by TLS (sslmode=${mode}): ${oneLine(error)}`, { cause: error, hint: 'check sslmode and sslrootcert' });
}

function config(url: string, tls: Tls, more: pg.ClientConfig): pg.ClientConfig {
  const asked = new URL(url);
  asked.searchParams.delete('sslmode');
  if (tls === 'without') for (const name of ['sslrootcert', 'sslcert', 'sslkey', 'sslnegotiation']) asked.searchParams.delete(name);
  else {
    const mode = new URL(url).searchParams.get('sslmode')!;
    asked.searchParams.set('sslmode', mode === 'allow' ? 'prefer' : mode); // pg-connection-string lacks allow
    asked.searchParams.set('uselibpqcompat', 'true');
    if (asked.searchParams.get('sslrootcert') === 'system') asked.searchParams.delete('sslrootcert'); // Node's own authorities
  }
  const { options, application_name, ...address } = pgUrl.parseIntoClientConfig(asked.href);
  const timeout = Number(asked.searchParams.get('connect_timeout')) * 1000;
  return {
    ...more,
    ...address,
    ...(options ? { options } : {}),
    ...(timeout > 0 ? { connectionTimeoutMillis: timeout } : {}),
    application_name: application_name ? `${more.application_name} (${application_name})` : more.application_name,
    database: decodeURIComponent(asked.pathname.slice(1)), // pg-connection-string leaves %2F and its like as they are
    ssl: tls === 'without' ? false : address.ssl,
    password: address.password || (() => fromFile(asked)),
  };
}

/** The password of libpq's password file. Called when the server asks for one and none was given. */
async function fromFile(url: URL): Promise<string> {
  const file = url.searchParams.get('passfile') ?? join(homedir(), '.pgpass');
  const missing = (why: string) =>
    new ServiceError(`Postgres asks for a password, and ${why}`, {
      hint: 'DATABASE_URL, DATABASE_URL_FILE, PGPASSWORD and ~/.pgpass may give one',
    });
  const found = await stat(file).catch(() => null);
  if (found === null) throw missing('none is given');
  if (process.platform !== 'win32' && (found.mode & 0o077) !== 0) throw missing(`${file} is open to others: chmod 600 ${file}`);
  const { default: pgpass } = await import('pgpass/lib/helper.js');
  const wanted = {
    host: url.searchParams.has('host') ? 'localhost' : decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, '$1'), // libpq calls a socket so
    port: Number(url.port || 5432),
    database: decodeURIComponent(url.pathname.slice(1)),
    user: decodeURIComponent(url.username),
  };
  const password = await new Promise<string | undefined>(resolve => pgpass.getPassword(wanted, createReadStream(file), resolve));
  if (password === undefined) throw missing(`no line of ${file} is for ${wanted.host}:${wanted.port}:${wanted.database}:${wanted.user}`);
  return password;
}
