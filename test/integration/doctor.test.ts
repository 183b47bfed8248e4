/** `doctor` on servers that are sound, and with everything broken that a test can break. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import kafkajs from 'kafkajs';
import pg from 'pg';
import { pino } from 'pino';
import { checkKafka } from '../../consumer/doctor/kafka-checks.js';
import { kafkaFacts } from '../../consumer/doctor/kafka-facts.js';
import { checkPositions, checkPostgres } from '../../consumer/doctor/postgres-checks.js';
import { type PostgresFacts, postgresFacts } from '../../consumer/doctor/postgres-facts.js';
import { leastRights } from '../../consumer/doctor/privileges.js';
import { Tables } from '../../consumer/schema/tables.js';
import { createKafka } from '../../shared/kafka.js';
import { Shop } from '../guarantees/shop.js';
import { makeDrop } from '../support/make-drop.js';
import { dropDatabase, freshName, removeServices, tempDir, testServices } from '../support/services.js';

const quietly = pino({ level: 'silent' });

test('doctor finds nothing in sound servers, tells what is broken, and exits by it', { timeout: 300_000 }, async t => {
  const dir = tempDir();
  t.after(() => removeServices(dir));
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '2' });
  const before = JSON.parse((await shop.run(0, ['doctor', '--json'])).stdout);
  assert.equal(before.ok, true);
  assert.match(JSON.stringify(before), /is not there yet; it will be made with 2 partitions/);
  assert.deepEqual(await shop.query(`SELECT FROM pg_namespace WHERE nspname = 'glossier'`), [], 'nothing was made');
  const zip = join(dir, 'drop.zip');
  await makeDrop(zip, { seed: 61, dates: ['2017-12-04'], orders: 20 });
  await shop.run(0, ['load', zip]);
  const told = (await shop.run(0, ['doctor'])).stdout;
  assert.match(told, /^ok +"shop_\w+" keeps every message for ever$/m);
  assert.match(told, /^No problem in 20 checks/m);
  const away = await shop.run(1, ['doctor', '--json'], { KAFKA_BROKERS: '127.0.0.1:1', DATABASE_URL: 'postgres://u:secret@127.0.0.1:1/d' });
  const { ok, checks } = JSON.parse(away.stdout);
  assert.equal(ok, false);
  assert.deepEqual(
    checks.map((c: { check: string; state: string }) => `${c.state} ${c.check}`),
    ['problem kafka.reach', 'problem postgres.reach'],
  );
  assert.ok(!away.stdout.includes('secret'));
  const alone = JSON.parse((await shop.run(0, ['doctor', '--json'], { KAFKA_BROKERS: '' })).stdout);
  assert.deepEqual([alone.checks[0].check, alone.checks[0].state], ['kafka.reach', 'unknown']);
});

test('each thing that can be broken in Kafka is told by its check', { timeout: 300_000 }, async t => {
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '1' });
  const { topic, server } = shop;
  const names = { topic, kafkaGroup: topic, maxOrderBytes: 900_000, partitions: 1 };
  const kafka = createKafka({ brokers: server.brokers, log: quietly });
  const found = async (brokers = server.brokers) => {
    const findings = checkKafka(await kafkaFacts(kafka, brokers, topic, topic), names);
    return findings.filter(f => f.state !== 'ok').map(f => `${f.state} ${f.check}: ${f.says}`);
  };
  await shop.run(0, ['consume', '--until-drained']); // makes the topics
  assert.deepEqual(await found(), []);
  assert.match(
    (await found([...server.brokers, '127.0.0.1:1']))[0],
    /^advice kafka\.reach: 1 broker of KAFKA_BROKERS cannot be reached: 127\.0\.0\.1:1/,
  );
  const keep = { 'retention.ms': '-1', 'retention.bytes': '-1' };
  const configure = (name: string, config: Record<string, string>) =>
    shop.kafka(admin =>
      admin.alterConfigs({
        validateOnly: false,
        resources: [{ type: 2, name, configEntries: Object.entries(config).map(([n, value]) => ({ name: n, value })) }],
      }),
    );
  for (const [config, words] of [
    [{ 'retention.ms': '86400000' }, /^problem kafka\.retention: .* retention\.ms=86400000/],
    [{ 'retention.bytes': '1000' }, /^problem kafka\.retention: .* retention\.bytes=1000/],
    [{ 'cleanup.policy': 'compact' }, /^problem kafka\.retention: .* cleanup\.policy=compact/],
    [{ 'max.message.bytes': '100000' }, /^problem kafka\.sizes: .* takes messages of 100000 bytes/],
    [{ 'min.insync.replicas': '2' }, /^problem kafka\.copies: .* wants 2 copies/],
  ] as const) {
    await configure(topic, { ...keep, ...config });
    const findings = await found();
    assert.equal(findings.length, 1, findings.join('\n'));
    assert.match(findings[0], words);
  }
  await configure(topic, keep);
  await configure(`${topic}.drops`, { 'cleanup.policy': 'delete', 'retention.ms': '86400000' });
  assert.match((await found()).join(), /^problem kafka\.drops: .* forgets which drops are published/);
  await configure(`${topic}.drops`, { 'cleanup.policy': 'compact' });
  const join_ = async (clientId: string, of: string) => {
    const member = new kafkajs.Kafka({ clientId, brokers: server.brokers, logLevel: kafkajs.logLevel.NOTHING }).consumer({
      groupId: topic,
    });
    await member.connect();
    await member.subscribe({ topic: of });
    const joined = new Promise(resolve => member.on(member.events.GROUP_JOIN, resolve));
    await member.run({ eachMessage: async () => {} });
    await joined;
    return member;
  };
  const members = [await join_('glossier', topic), await join_('glossier', topic)];
  assert.match((await found()).join(), /^advice kafka\.workers: 2 workers for 1 partition: 1 of them have nothing to do/);
  members.push(await join_('reporting', `${topic}.drops`));
  assert.match(
    (await found()).join(),
    /problem kafka\.group: Strangers are in the group .*: reporting on 127\.0\.0\.1 \(shop_\w+\.drops\)/,
  );
  await Promise.all(members.map(m => m.disconnect()));
});

test('each thing that can be broken in Postgres is told by its check, and the SQL that it prints is enough for everything', {
  timeout: 300_000,
}, async t => {
  const dir = tempDir();
  t.after(() => removeServices(dir));
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '2' });
  const { topic, url } = shop;
  const role = freshName('Who "x"');
  const quoted = `"${role.replaceAll('"', '""')}"`;
  const other = freshName('other');
  const ascii = new URL(url);
  ascii.pathname = freshName('test');
  const superuser = testServices().databaseUrl;
  await shop.query(`CREATE ROLE ${quoted} LOGIN PASSWORD 'right'`);
  await shop.query(`CREATE ROLE ${other}`);
  t.after(async () => {
    await dropDatabase(ascii.href);
    for (const r of [quoted, other]) await shop.query(`DROP OWNED BY ${r} CASCADE; DROP ROLE ${r}`, [], superuser);
  });
  const mine = new URL(url);
  [mine.username, mine.password] = [role, 'right'];
  const asked = { host: '127.0.0.1', user: role, database: mine.pathname.slice(1) };
  const found = async (at = mine.href, schema = 'public') => {
    const facts = await postgresFacts(at, new Tables(schema), topic);
    const findings = checkPostgres(facts, { topic, databaseSchema: schema, ownSchema: 'glossier' }, asked);
    return findings.filter(f => f.state !== 'ok').map(f => `${f.state} ${f.check}: ${f.says}\n${f.todo?.join('\n')}`);
  };
  const one = async (words: RegExp, at?: string, schema?: string) => {
    const findings = await found(at, schema);
    assert.equal(findings.length, 1, findings.join('\n'));
    assert.match(findings[0], words);
  };
  const wrong = new URL(mine);
  wrong.password = 'wrong';
  await one(
    /^problem postgres\.reach: .*password authentication failed.*\n[\s\S]*GRANT CONNECT, CREATE, TEMPORARY ON DATABASE/,
    wrong.href,
  );
  await one(/^problem postgres\.rights: "Who "x"\w+" lacks the right to make its schema/);

  for (const sql of leastRights({ user: role, database: asked.database, schema: 'public' })) await shop.query(sql);
  assert.deepEqual(await found(), []);
  const zip = join(dir, 'drop.zip');
  await makeDrop(zip, { seed: 62, dates: ['2017-12-04'], orders: 20 });
  const env = { DATABASE_URL: mine.href };
  await shop.run(0, ['load', zip], env);
  await shop.query('DELETE FROM user_stats');
  await shop.run(0, ['rebuild'], env);
  await shop.run(0, ['verify'], env);
  assert.deepEqual(await found(), []);

  await shop.query(`REVOKE CREATE ON DATABASE ${asked.database} FROM ${quoted}`);
  await one(/^advice postgres\.rights: .* may not make schemas, which a rebuild does/);
  await shop.query(`GRANT CREATE ON DATABASE ${asked.database} TO ${quoted}`);
  await shop.query(`ALTER TABLE orders__2017_12 OWNER TO ${other}; ALTER TABLE glossier.books OWNER TO ${other}`);
  await one(new RegExp(`^problem postgres\\.rights: .* over tables of "${other}"\n[\\s\\S]*GRANT "${other}" TO "Who ""x""`));
  await shop.query(`GRANT ${other} TO ${quoted}`);
  assert.deepEqual(await found(), []);
  await shop.query(`ALTER ROLE ${quoted} SET default_transaction_read_only = on`);
  await one(/^problem postgres\.writes/);
  await shop.query(`ALTER ROLE ${quoted} RESET default_transaction_read_only`);
  await shop.query(`ALTER ROLE ${quoted} CONNECTION LIMIT 3`);
  await one(/^problem postgres\.connections: 3 connections left/);
  await shop.query(`ALTER ROLE ${quoted} CONNECTION LIMIT -1`);
  const analyst = new pg.Client({ connectionString: url, application_name: 'a report' });
  analyst.on('error', () => {}); // it is ended
  await analyst.connect();
  await analyst.query('BEGIN; SELECT 1');
  const superuserSees = (await postgresFacts(url, new Tables('public'), topic)) as PostgresFacts;
  assert.match(superuserSees.transactions.held[0].who, /^"\w+" \(a report, process \d+, idle in transaction\)$/);
  await shop.query(superuserSees.transactions.held[0].end);
  await one(/^problem postgres\.schema: The tables are in "public", and DATABASE_SCHEMA is "else"/, undefined, 'else');
  await shop.query(`CREATE DATABASE ${ascii.pathname.slice(1)} ENCODING 'SQL_ASCII' TEMPLATE template0`, [], superuser);
  assert.match((await found(ascii.href)).join(), /problem postgres\.version: The database is encoded in SQL_ASCII/);
  await shop.query(`UPDATE glossier.migrations SET name = '0099_of_later' WHERE name = (SELECT max(name) FROM glossier.migrations)`);
  await one(/^problem postgres\.schema: A newer version has migrated the database: 0099_of_later/);
  await shop.query(`DELETE FROM glossier.migrations WHERE name = '0099_of_later'`);
  await one(/^advice postgres\.schema: The tables are older than this version/);

  const kafka = createKafka({ brokers: shop.server.brokers, log: quietly });
  const position = async () => {
    const facts = await postgresFacts(url, new Tables('public'), topic);
    return checkPositions(await kafkaFacts(kafka, shop.server.brokers, topic, topic), facts as PostgresFacts, {
      topic,
      databaseSchema: 'public',
      ownSchema: 'glossier',
    });
  };
  assert.equal((await position()).state, 'ok');
  await shop.query('UPDATE glossier.positions SET next_offset = next_offset + 1000 WHERE partition = 0');
  assert.match((await position()).says, /Partition 0 ends before what the tables hold of it/);
  await shop.query('UPDATE glossier.positions SET next_offset = next_offset - 1000 WHERE partition = 0');
  await shop.query(`UPDATE glossier.topics SET topic_id = repeat('0', 32)`);
  assert.match((await position()).says, /was deleted and made anew/);
});
