/** TLS, mutual TLS and SASL to a broker of this test's own, right and wrong. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startKafka } from '../../local/local.js';
import { freePort } from '../../local/process.js';
import { AUTHORITY, BROKER, BROKER_KEY, CLIENT, CLIENT_KEY, EXPIRED, EXPIRED_KEY } from '../support/broker-certificates.js';
import { OTHER_AUTHORITY } from '../support/certificates.js';
import { type CliEnv, describe, runCli } from '../support/cli.js';
import { freshDatabase, freshName, LIB_DIR, removeServices, tempDir, testServices } from '../support/services.js';

const TIMEOUT = { timeout: 240_000 };
/** Seconds in which what a person must mend is told. */
const SOON = 10;
const password = `p"w\\${freshName('')}`;
/** Listeners by name: what they ask for. */
const LISTENERS = { TLS: 'SSL', MUTUAL: 'SSL', EXPIRED: 'SSL', BOTH: 'SASL_SSL', SASL: 'SASL_PLAINTEXT' } as const;
type Listener = keyof typeof LISTENERS;

let dir: string;
let drop: string;
const ports = {} as Record<Listener, number>;
const file = (name: string) => join(dir, name);

before(async () => {
  dir = tempDir();
  const write = (name: string, text: string) => writeFileSync(file(name), text);
  for (const [name, text] of Object.entries({ authority: AUTHORITY, other: OTHER_AUTHORITY, client: CLIENT, 'client-key': CLIENT_KEY }))
    write(`${name}.pem`, text);
  write('broker.pem', BROKER_KEY + BROKER);
  write('expired.pem', EXPIRED_KEY + EXPIRED);
  drop = file('2017-12-04.json');
  write('2017-12-04.json', '{"orders":[{"id":1,"processed_at":"2017-12-04T10:00:00Z","total_price":"1.00","line_items":[{"id":1}]}]}');
  for (const name of Object.keys(LISTENERS) as Listener[]) ports[name] = await freePort();
  const plain = await freePort();
  const named = Object.entries(ports);
  const keys = (name: string, store: string) => `listener.name.${name}.ssl.keystore.type=PEM
listener.name.${name}.ssl.keystore.location=${file(store)}
listener.name.${name}.ssl.truststore.type=PEM
listener.name.${name}.ssl.truststore.location=${file('authority.pem')}
`;
  const quoted = JSON.stringify(password).replaceAll('\\', '\\\\');
  const module = (mechanism: string, login: string) =>
    ['both', 'sasl']
      .map(l => `listener.name.${l}.${mechanism}.sasl.jaas.config=org.apache.kafka.common.security.${login} required`)
      .map(l =>
        mechanism === 'plain'
          ? `${l} user_alice=${quoted};`
          : mechanism === 'oauthbearer'
            ? `${l} unsecuredLoginStringClaim_sub="broker";`
            : `${l};`,
      )
      .join('\n');
  const { port } = await startKafka({
    dir,
    libDir: LIB_DIR,
    port: plain,
    properties:
      controller => `listeners=PLAINTEXT://127.0.0.1:${plain},CONTROLLER://127.0.0.1:${controller},${named.map(([n, p]) => `${n}://127.0.0.1:${p}`).join()}
advertised.listeners=PLAINTEXT://127.0.0.1:${plain},${named.map(([n, p]) => `${n}://localhost:${p}`).join()}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,${Object.entries(LISTENERS)
        .map(([n, p]) => `${n}:${p}`)
        .join()}
${keys('tls', 'broker.pem')}${keys('mutual', 'broker.pem')}${keys('expired', 'expired.pem')}${keys('both', 'broker.pem')}listener.name.mutual.ssl.client.auth=required
listener.name.both.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER
listener.name.sasl.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER
${module('plain', 'plain.PlainLoginModule')}
${module('scram-sha-256', 'scram.ScramLoginModule')}
${module('scram-sha-512', 'scram.ScramLoginModule')}
${module('oauthbearer', 'oauthbearer.OAuthBearerLoginModule')}
`,
  });
  // Kafka's own tool: kafkajs cannot make such users
  const tool = ['-cp', join(LIB_DIR, '*'), 'kafka.admin.ConfigCommand', '--bootstrap-server', `127.0.0.1:${port}`];
  for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-512']) {
    const user = ['--alter', '--entity-type', 'users', '--entity-name', 'alice', '--add-config', `${mechanism}=[password=${password}]`];
    execFileSync('java', [...tool, ...user], { stdio: ['ignore', 'ignore', 'pipe'] });
  }
});
after(() => removeServices(dir));

const trusted = () => ({ KAFKA_SSL_CA: file('authority.pem') });
const alice = (mechanism: string, more: CliEnv = {}) => ({
  KAFKA_SASL_MECHANISM: mechanism,
  KAFKA_SASL_USERNAME: 'alice',
  KAFKA_SASL_PASSWORD: password,
  ...more,
});

function produce(listener: Listener, env: CliEnv, host = 'localhost') {
  const all = {
    KAFKA_BROKERS: `${host}:${ports[listener]}`,
    KAFKA_SECURITY_PROTOCOL: LISTENERS[listener],
    ORDERS_TOPIC: freshName('secure'),
    ...env,
  };
  return runCli(['produce', drop], all, { timeout: 60_000 });
}

test('a drop is published over TLS, mutual TLS and SASL by each mechanism', TIMEOUT, async () => {
  const mutual = { ...trusted(), KAFKA_SSL_CERT: file('client.pem'), KAFKA_SSL_KEY: file('client-key.pem') };
  writeFileSync(file('password'), `${password}\n`);
  const part = (claims: object) => Buffer.from(JSON.stringify(claims)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  writeFileSync(file('token'), `${part({ alg: 'none' })}.${part({ sub: 'alice', iat: now, exp: now + 3600 })}.\n`);
  const oauth = { KAFKA_SASL_MECHANISM: 'OAUTHBEARER', KAFKA_TOKEN_COMMAND: `cat '${file('token')}'` };
  for (const [listener, env] of [
    ['TLS', trusted()],
    ['MUTUAL', mutual],
    ['SASL', alice('PLAIN')],
    ['SASL', alice('SCRAM-SHA-256')],
    ['BOTH', { ...trusted(), ...alice('PLAIN') }],
    ['BOTH', { ...trusted(), ...alice('SCRAM-SHA-512', { KAFKA_SASL_PASSWORD: undefined, KAFKA_SASL_PASSWORD_FILE: file('password') }) }],
    ['BOTH', { ...trusted(), ...oauth }],
  ] as [Listener, CliEnv][]) {
    const result = await produce(listener, env);
    assert.equal(result.code, 0, `${listener} ${env.KAFKA_SASL_MECHANISM ?? ''}: ${describe(result)}`);
    assert.match(result.stderr, /^Published 1 orders/);
  }
});

test('load and a worker speak to Kafka as they are told to, in every process and connection', TIMEOUT, async () => {
  const env = {
    KAFKA_BROKERS: `localhost:${ports.BOTH}`,
    KAFKA_SECURITY_PROTOCOL: 'SASL_SSL',
    ...trusted(),
    ...alice('SCRAM-SHA-512'),
    ORDERS_TOPIC: freshName('secure'),
    DATABASE_URL: await freshDatabase(testServices().databaseUrl),
  };
  const loaded = await runCli(['load', drop], env, { timeout: 90_000 });
  assert.equal(loaded.code, 0, describe(loaded));
  for (const args of [['consume', '--until-drained'], ['rebuild', '--dry-run'], ['status'], ['why', 'order', '1']]) {
    const result = await runCli(args, env, { timeout: 60_000 });
    assert.equal(result.code, 0, `${args[0]}: ${describe(result)}`);
  }
});

test('what is wrong with certificates and proofs is told in one line, soon', TIMEOUT, async () => {
  const wrong = alice('PLAIN', { KAFKA_SASL_PASSWORD: 'another one' });
  for (const [what, listener, env, says, host] of [
    ['another authority', 'TLS', { KAFKA_SSL_CA: file('other.pem') }, /certificate/],
    ['no authority', 'TLS', {}, /certificate/],
    ['another host', 'TLS', trusted(), /127\.0\.0\.1.*not in the cert|altnames/i, '127.0.0.1'],
    ['expired', 'EXPIRED', trusted(), /expired/],
    ['no certificate of the client', 'MUTUAL', trusted(), /certificate/],
    ['a password that is wrong, PLAIN', 'BOTH', { ...trusted(), ...wrong }, /[Aa]uthentication failed/],
    [
      'a password that is wrong, SCRAM',
      'SASL',
      { ...wrong, KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512' },
      /[Aa]uthentication failed|credentials/,
    ],
    ['no token', 'SASL', { KAFKA_SASL_MECHANISM: 'OAUTHBEARER', KAFKA_TOKEN_COMMAND: 'exit 7' }, /KAFKA_TOKEN_COMMAND ended with 7/],
  ] as [string, Listener, CliEnv, RegExp, string?][]) {
    const result = await produce(listener, env, host);
    assert.equal(result.code, 1, `${what}: ${describe(result)}`);
    const lines = result.stderr.trim().split('\n');
    assert.equal(lines.length, 1, `${what}: ${describe(result)}`);
    assert.match(lines[0], says, what);
    assert.ok(!result.stderr.includes(password) && !result.stderr.includes('another one'), what);
    assert.ok(result.seconds < SOON, `${what}: ${describe(result)}`);
  }
});

test('settings that do not belong together are refused before anything is asked', async () => {
  const env = { KAFKA_BROKERS: 'localhost:1', KAFKA_SECURITY_PROTOCOL: 'SASL_SSL' };
  for (const [more, says] of [
    [{}, /KAFKA_SASL_MECHANISM is not set/],
    [{ KAFKA_SASL_MECHANISM: 'PLAIN' }, /KAFKA_SASL_USERNAME is not set/],
    [{ KAFKA_SASL_MECHANISM: 'OAUTHBEARER' }, /KAFKA_TOKEN_COMMAND is not set/],
    [{ KAFKA_SASL_MECHANISM: 'GSSAPI' }, /is not one of PLAIN, SCRAM-SHA-256/],
    [{ KAFKA_SECURITY_PROTOCOL: 'SSL', KAFKA_SSL_CERT: file('client.pem') }, /KAFKA_SSL_CERT and KAFKA_SSL_KEY go together/],
    [{ KAFKA_SECURITY_PROTOCOL: 'SSL', KAFKA_SSL_CA: file('nothing.pem') }, /cannot be read \(ENOENT\)/],
    [{ KAFKA_SECURITY_PROTOCOL: 'PLAINTEXT', KAFKA_SSL_CA: file('authority.pem') }, /without TLS/],
    [{ KAFKA_SECURITY_PROTOCOL: 'SSL', KAFKA_SASL_USERNAME: 'alice' }, /without SASL/],
  ] as [CliEnv, RegExp][]) {
    const result = await runCli(['produce', drop], { ...env, ...more });
    assert.equal(result.code, 2, describe(result));
    assert.match(result.stderr, says);
  }
});
