/** Where Postgres is, by libpq's meaning. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { namesPostgres, postgresAddress, withoutPassword } from '../../../shared/postgres-url.js';
import { removeServices, tempDir } from '../../support/services.js';

let home: string;
before(() => {
  home = tempDir();
  writeFileSync(
    join(home, '.pg_service.conf'),
    '# ours\n[other]\nhost=other\n\n[shop]\n host=db.example\nport=6000\ndbname=a b\npassword=se;c#r=et \nsslmode=require\n[bad]\nhost\n[deep]\nservice=shop\n',
  );
});
after(() => removeServices(home));

const parts = (url: string, env: NodeJS.ProcessEnv = {}) =>
  Object.fromEntries(Object.entries(postgresAddress(url, env, home).parts).map(([name, p]) => [name, p.value]));
const from = (url: string, env: NodeJS.ProcessEnv = {}) =>
  Object.fromEntries(Object.entries(postgresAddress(url, env, home).parts).map(([name, p]) => [name, p.from]));
const fault = (url: string, env: NodeJS.ProcessEnv = {}) => {
  try {
    postgresAddress(url, env, home);
  } catch (error) {
    return (error as Error).message;
  }
  return '';
};

test('a URL goes before the service, that before the environment, and that before the defaults', () => {
  const env = { PGSERVICE: 'shop', PGHOST: 'from-env', PGUSER: 'me', PGAPPNAME: 'nightly' };
  assert.deepEqual(parts('postgres://:7000', env), {
    host: 'db.example',
    port: '7000',
    dbname: 'a b',
    user: 'me',
    password: 'se;c#r=et',
    sslmode: 'require',
    application_name: 'nightly',
  });
  assert.deepEqual(from('postgres://:7000', env), {
    host: 'service shop',
    port: 'URL',
    dbname: 'service shop',
    user: 'PGUSER',
    password: 'service shop',
    sslmode: 'service shop',
    application_name: 'PGAPPNAME',
  });
  assert.equal(parts('postgres://?service=other', env).host, 'other');
  assert.deepEqual(parts('postgres://h'), {
    host: 'h',
    port: '5432',
    user: userInfo().username,
    dbname: userInfo().username,
    sslmode: 'prefer',
  });
});

test('a host, a port or a user may be missing, and a socket needs no TLS', () => {
  assert.deepEqual(parts('postgres://u:p@/db', { PGHOST: 'x' }), {
    host: 'x',
    port: '5432',
    user: 'u',
    password: 'p',
    dbname: 'db',
    sslmode: 'prefer',
  });
  assert.equal(parts('postgresql://u@:6543/db', { PGHOST: 'x' }).port, '6543');
  assert.equal(parts('postgres://', { PGHOST: 'x' }).host, 'x');
  assert.equal(parts('postgres://u@[::1]:5/d').host, '::1');
  const socket = postgresAddress('postgres://u@/d?host=/run/here&sslmode=require', {}, home);
  assert.equal(socket.parts.sslmode.value, 'disable');
  assert.equal(new URL(socket.url).searchParams.get('host'), '/run/here');
});

test('any name and any password pass through the URL as they are', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1, unit: 'grapheme' }),
      fc.string({ minLength: 1, unit: 'grapheme' }),
      fc.string({ minLength: 1 }),
      (user, password, dbname) => {
        fc.pre(!/^\.\.?$/.test(dbname)); // a URL has no such folder
        const { url } = postgresAddress('postgres://h', { PGUSER: user, PGPASSWORD: password, PGDATABASE: dbname }, home);
        const again = parts(url);
        assert.deepEqual([again.user, again.password, again.dbname], [user, password, dbname]);
        assert.deepEqual(parts(url), parts(postgresAddress(url, { PGHOST: 'not here' }, home).url), 'what is complete stays as it is');
      },
    ),
  );
});

test('what cannot be done as it was asked for is refused, without the password', () => {
  const secret = 'S3cr3t';
  const faults: [string, NodeJS.ProcessEnv, RegExp][] = [
    [`mysql://u:${secret}@h/d`, {}, /is not a URL/],
    [`postgres://u:${secret}@h:99999/d`, {}, /is not a URL/],
    [`postgres://u:${secret}%@h/d`, {}, /percent sign/],
    [`postgres://u:${secret}@a,b/d`, {}, /several hosts/],
    ['postgres://', { PGHOST: 'a,b', PGPASSWORD: secret }, /several hosts/],
    ['postgres://h', { PGPORT: '0' }, /"0" is not a port/],
    ['postgres://h', { PGSSLMODE: 'no-verify' }, /sslmode "no-verify" is none of disable, allow/],
    ['postgres://h?target_session_attrs=standby', {}, /"target_session_attrs" is not a parameter/],
    ['postgres://h', { PGHOSTADDR: '1.2.3.4' }, /PGHOSTADDR is not supported: use host/],
    ['postgres://h', { PGCHANNELBINDING: 'require' }, /PGCHANNELBINDING is not supported/],
    ['postgres://h?sslmode=verify-full', {}, /needs the certificate of the authority: sslrootcert=FILE/],
    ['postgres://h?sslmode=verify-ca&sslrootcert=/not/there.crt', {}, /sslrootcert \/not\/there.crt is not there/],
    ['postgres://h?sslmode=require&sslrootcert=system', {}, /too weak for sslrootcert=system/],
    ['postgres://', { PGSERVICE: 'none' }, /there is no service "none" in .*\.pg_service\.conf/],
    ['postgres://', { PGSERVICE: 'bad' }, /line 12 of the service file .* is not understood/],
    ['postgres://', { PGSERVICE: 'deep' }, /line 14 of the service file/],
    ['postgres://', { PGSERVICE: 'shop', PGSERVICEFILE: '/not/there' }, /cannot be read: ENOENT/],
  ];
  for (const [url, env, words] of faults) {
    const text = fault(url, env);
    assert.match(text, words, url);
    assert.ok(!text.includes(secret), text);
  }
});

test("the certificates of the user's own folder count, and make require verify the authority", () => {
  const own = join(home, 'with', '.postgresql');
  mkdirSync(own, { recursive: true });
  for (const file of ['root.crt', 'postgresql.crt', 'postgresql.key']) writeFileSync(join(own, file), '');
  const { parts } = postgresAddress('postgres://h?sslmode=require', {}, join(home, 'with'));
  assert.deepEqual(
    [parts.sslrootcert.value, parts.sslcert.value, parts.sslkey.value].map(f => f.startsWith(own)),
    [true, true, true],
  );
  assert.equal(postgresAddress('postgres://h?sslrootcert=system', {}, home).parts.sslmode.value, 'verify-full');
  assert.equal(postgresAddress('postgres://h?ssl=true', {}, home).parts.sslmode.value, 'require');
});

test('only a host, a service or a database names a server', () => {
  for (const name of ['PGHOST', 'PGSERVICE', 'PGDATABASE']) assert.ok(namesPostgres({ [name]: 'x' }));
  assert.ok(!namesPostgres({ PGUSER: 'x', PGPASSWORD: 'y', PGHOST: '' }));
});

test('a URL is shown without its password', () => {
  assert.equal(withoutPassword('postgres://u:p%40w@h:1/d?password=x&a=b'), 'postgres://u:***@h:1/d?password=***&a=b');
  assert.equal(withoutPassword('postgres://u@h/d'), 'postgres://u@h/d');
});
