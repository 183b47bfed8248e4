/** sslmode, the password file and the service file against a Postgres of this test's own, whose TLS and rules change. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { Database } from '../../consumer/load/database.js';
import { startPostgres } from '../../local/local.js';
import { errorCode, oneLine } from '../../shared/errors.js';
import { postgresAddress } from '../../shared/postgres-url.js';
import { CLIENT, CLIENT_KEY, EXPIRED, EXPIRED_KEY, AUTHORITY as ISSUER } from '../support/broker-certificates.js';
import { AUTHORITY, OTHER_AUTHORITY, SERVER_CERTIFICATE, SERVER_KEY } from '../support/certificates.js';
import { describe, runCli } from '../support/cli.js';
import { freshName, removeServices, tempDir, testServices } from '../support/services.js';

const role = freshName('shop');
const password = `p:w\\${freshName('')}`;
let dir: string;
let admin: pg.Client;
let port: number;

before(async () => {
  dir = tempDir();
  const server = await startPostgres({ dir, fast: true });
  port = server.port;
  admin = new pg.Client({ connectionString: server.url });
  await admin.connect();
  await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD ${admin.escapeLiteral(password)}; GRANT CREATE ON DATABASE glossier TO ${role}`);
  await admin.query(`GRANT ALL ON SCHEMA public TO ${role}`);
  for (const [name, text] of Object.entries({ authority: AUTHORITY, other: OTHER_AUTHORITY }))
    writeFileSync(join(dir, `${name}.crt`), text);
});
after(async () => {
  await admin.end();
  await removeServices(dir);
});

/** A file in the data folder, of its owner alone, as the server wants a key to be. */
async function write(name: string, text: string): Promise<void> {
  const { rows } = await admin.query('SHOW data_directory');
  const file = join(rows[0].data_directory, name);
  const { uid, gid } = statSync(join(rows[0].data_directory, 'PG_VERSION'));
  writeFileSync(file, `${text.trim()}\n`, { mode: 0o600 });
  chownSync(file, uid, gid);
}

async function reload(): Promise<void> {
  await admin.query('SELECT pg_reload_conf()');
  await new Promise(resolve => setTimeout(resolve, 300)); // the server's main process reads its files when the signal has come to it
}

/** `tls`, `plain`, or the words of the refusal. */
async function connects(parameters: string, host = '127.0.0.1'): Promise<string> {
  const { url } = postgresAddress(`postgres://${role}@${host}:${port}/glossier?${parameters}`, { PGPASSWORD: password }, dir);
  try {
    const db = await Database.connect(url, 'a test');
    const { rows } = await db.query('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
    await db.end();
    return rows[0].ssl === 't' ? 'tls' : 'plain';
  } catch (error) {
    return `${errorCode(error) ?? ''} ${oneLine(error)}`;
  }
}

test('sslmode means what it means to libpq: without TLS, with it, and where a rule wants one of them', { timeout: 60_000 }, async () => {
  const of = async (...modes: string[]) => Promise.all(modes.map(mode => connects(`sslmode=${mode}`)));
  assert.deepEqual(await of('disable', 'allow', 'prefer'), ['plain', 'plain', 'plain']);
  assert.match(await connects('sslmode=require'), /by TLS \(sslmode=require\): The server does not support SSL/);

  await write('server.crt', SERVER_CERTIFICATE);
  await write('server.key', SERVER_KEY);
  await admin.query('ALTER SYSTEM SET ssl = on');
  await reload();
  assert.deepEqual(await of('disable', 'allow', 'require'), ['plain', 'plain', 'tls']);
  assert.equal(await connects('sslmode=prefer', 'localhost'), 'tls');
  const authority = `sslrootcert=${join(dir, 'authority.crt')}`;
  const other = `sslrootcert=${join(dir, 'other.crt')}`;
  assert.equal(await connects(`sslmode=verify-ca&${authority}`), 'tls');
  assert.equal(await connects(`sslmode=verify-full&${authority}`, 'localhost'), 'tls');
  assert.equal(await connects(`sslmode=require&${authority}`), 'tls');
  assert.match(await connects(`sslmode=verify-full&${authority}`), /sslmode=verify-full\): .*127\.0\.0\.1/);
  for (const mode of ['require', 'verify-ca', 'verify-full'])
    assert.match(await connects(`sslmode=${mode}&${other}`, 'localhost'), /by TLS \(sslmode=.*certificate/);
  assert.match(await connects('sslmode=verify-full&sslrootcert=system', 'localhost'), /by TLS/);

  const own = 'local all glossier trust\nhost all glossier 127.0.0.1/32 scram-sha-256';
  await write('pg_hba.conf', `${own}\nhostssl all all 127.0.0.1/32 scram-sha-256`);
  await reload();
  assert.deepEqual(await of('allow', 'prefer', 'require'), ['tls', 'tls', 'tls']);
  assert.match(await connects('sslmode=disable'), /^28000 no pg_hba\.conf entry/);
  await write('pg_hba.conf', `${own}\nhostnossl all all 127.0.0.1/32 scram-sha-256`);
  await reload();
  assert.deepEqual(await of('allow', 'prefer', 'disable'), ['plain', 'plain', 'plain']);
  assert.match(await connects('sslmode=require'), /^28000 no pg_hba\.conf entry/);
});

test('a certificate proves who connects, a wrong one does not, and a server whose own has expired is refused', {
  timeout: 60_000,
}, async () => {
  for (const [name, text] of Object.entries({
    'issuer.crt': ISSUER,
    'client.crt': CLIENT,
    'client.key': CLIENT_KEY,
    'other.key': SERVER_KEY,
    'stranger.crt': SERVER_CERTIFICATE,
  }))
    writeFileSync(join(dir, name), text, { mode: 0o600 });
  const at = (name: string) => join(dir, name);
  await write('server.crt', SERVER_CERTIFICATE);
  await write('server.key', SERVER_KEY);
  await write('clients.crt', ISSUER);
  await write('pg_ident.conf', `clients /^.*$ ${role}`);
  await write(
    'pg_hba.conf',
    'local all glossier trust\nhost all glossier 127.0.0.1/32 scram-sha-256\nhostssl all all 127.0.0.1/32 cert map=clients',
  );
  await admin.query('ALTER SYSTEM SET ssl = on');
  await admin.query("ALTER SYSTEM SET ssl_ca_file = 'clients.crt'");
  await reload();
  const server = `sslmode=verify-full&sslrootcert=${at('authority.crt')}`;
  const since = performance.now();
  assert.equal(await connects(`${server}&sslcert=${at('client.crt')}&sslkey=${at('client.key')}`, 'localhost'), 'tls');
  assert.match(await connects(server, 'localhost'), /28000 .*certificate/);
  assert.match(
    await connects(`${server}&sslcert=${at('stranger.crt')}&sslkey=${at('other.key')}`, 'localhost'),
    /certificate|unknown ca|tlsv1/i,
  );
  assert.match(await connects(`${server}&sslcert=${at('client.crt')}&sslkey=${at('other.key')}`, 'localhost'), /key/i);
  await write('server.crt', EXPIRED);
  await write('server.key', EXPIRED_KEY);
  await reload();
  assert.match(
    await connects(`sslmode=verify-full&sslrootcert=${at('issuer.crt')}`, 'localhost'),
    /by TLS \(sslmode=verify-full\): .*expired/,
  );
  assert.ok(performance.now() - since < 10_000);
  await admin.query('ALTER SYSTEM RESET ssl_ca_file');
  await write('pg_hba.conf', 'local all glossier trust\nhost all all 127.0.0.1/32 scram-sha-256');
  await reload();
});

test('a service, a password file and files of secrets name the database that a command uses', { timeout: 60_000 }, async () => {
  const file = (name: string, text: string, mode = 0o600) => {
    writeFileSync(join(dir, name), text, { mode });
    chmodSync(join(dir, name), mode);
    return join(dir, name);
  };
  const escaped = password.replace(/[\\:]/g, '\\$&');
  file('.pg_service.conf', `[shop]\nhost=127.0.0.1\nport=${port}\ndbname=glossier\nuser=${role}\n`);
  file('.pgpass', `# ours\nother:*:*:*:wrong\n127.0.0.1:${port}:glossier:${role}:${escaped}\n`);
  const brokers = testServices().brokers.join(',');
  const env = { HOME: dir, KAFKA_BROKERS: brokers, PGSERVICE: 'shop' };
  const merge = async (settings: Record<string, string>, code = 0) => {
    const result = await runCli(['merge'], settings);
    assert.equal(result.code, code, describe(result));
    assert.ok(!result.stderr.includes(password), 'no password is shown');
    return result.stderr;
  };
  await Promise.all([
    merge(env),
    merge({ HOME: dir, DATABASE_URL: 'postgres://?service=shop' }),
    merge({
      HOME: '/',
      DATABASE_URL_FILE: file('url', `postgres://${role}:${encodeURIComponent(password)}@127.0.0.1:${port}/glossier\n`),
    }),
    merge({
      HOME: '/',
      KAFKA_BROKERS: brokers,
      PGHOST: '127.0.0.1',
      PGPORT: String(port),
      PGUSER: role,
      PGPASSWORD: password,
      PGDATABASE: 'glossier',
    }),
    merge({ HOME: '/', DATABASE_URL: `postgres://${role}@127.0.0.1:${port}/glossier`, PGPASSFILE: join(dir, '.pgpass') }),
  ]);
  assert.match(
    await merge({ ...env, HOME: '/', PGSERVICEFILE: join(dir, '.pg_service.conf') }, 1),
    /asks for a password, and none is given/,
  );
  chmodSync(join(dir, '.pgpass'), 0o640);
  assert.match(await merge(env, 1), /\.pgpass is open to others: chmod 600/);
  file('.pgpass', `127.0.0.1:${port}:other:${role}:${escaped}\n`);
  assert.match(await merge(env, 1), new RegExp(`no line of .*\\.pgpass is for 127.0.0.1:${port}:glossier:${role}`));
  const both = await runCli(['settings'], { DATABASE_URL: 'postgres://h', DATABASE_URL_FILE: '/not/there', KAFKA_BROKERS: 'k:1' });
  assert.match(both.stderr, /DATABASE_URL and DATABASE_URL_FILE are both set/);
  assert.equal(both.code, 2);
});

test('settings shows each value with its source, masks every secret, and tells all faults at once', { timeout: 30_000 }, async () => {
  const env = {
    DATABASE_URL: `postgres://u:${encodeURIComponent(password)}@h/d`,
    PGSSLMODE: 'require',
    KAFKA_BROKERS: 'k:1',
    BATCH_ORDERS: '7',
  };
  const shown = await runCli(['settings', '--topic', 'mine'], env);
  assert.equal(shown.code, 0, describe(shown));
  assert.match(shown.stdout, /^DATABASE_URL +postgres:\/\/u:\*\*\*@h:5432\/d\?sslmode=require +environment$/m);
  assert.match(shown.stdout, /^BATCH_ORDERS +7 +environment$/m);
  assert.match(shown.stdout, /^ORDERS_TOPIC +mine +flag$/m);
  assert.match(shown.stdout, /^sslmode +require +PGSSLMODE$/m);
  const json = await runCli(['settings', '--json'], env);
  const { settings, postgres } = JSON.parse(json.stdout);
  assert.deepEqual(
    settings.find((s: { env: string }) => s.env === 'BATCH_ORDERS'),
    {
      setting: 'batchOrders',
      env: 'BATCH_ORDERS',
      flag: '--batch-orders',
      value: '7',
      source: 'environment',
    },
  );
  assert.deepEqual(postgres.password, { value: '***', from: 'URL' });
  for (const text of [shown.stdout, json.stdout]) assert.ok(![password, encodeURIComponent(password)].some(p => text.includes(p)));
  const faults = await runCli(['settings'], {
    ...env,
    DATABASE_URL: 'postgres://h?sslmode=loud',
    BATCH_ORDERS: '0',
    DATABASE_SCHEMA: 'a\nb',
  });
  assert.equal(faults.code, 2);
  for (const words of [/BATCH_ORDERS "0" is outside/, /sslmode "loud" is none of/, /DATABASE_SCHEMA holds a control character/])
    assert.match(faults.stderr, words);
});
