/** Checks of `doctor` whose trouble a test cannot make: clusters, versions, clocks, disks. The others are tried broken in integration/doctor.test.ts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderFindings } from '../../../../consumer/doctor/finding.js';
import { checkKafka } from '../../../../consumer/doctor/kafka-checks.js';
import type { KafkaFacts, TopicFacts } from '../../../../consumer/doctor/kafka-facts.js';
import { checkPositions, checkPostgres } from '../../../../consumer/doctor/postgres-checks.js';
import type { PostgresFacts } from '../../../../consumer/doctor/postgres-facts.js';
import { leastRights } from '../../../../consumer/doctor/privileges.js';

const names = {
  topic: 'orders',
  kafkaGroup: 'glossier',
  maxOrderBytes: 900_000,
  partitions: 8,
  databaseSchema: 'public',
  ownSchema: 'glossier',
};
const keep = { 'retention.ms': '-1', 'retention.bytes': '-1', 'max.message.bytes': '1048588', 'min.insync.replicas': '2' };
const topicOf = (change: Partial<TopicFacts['partitions'][0]> = {}, config = {}): TopicFacts => ({
  partitions: [0, 1].map(partition => ({ partition, leader: 1, replicas: 3, inSync: 3, ...change })),
  config: { ...keep, 'cleanup.policy': 'delete', ...config },
});
const three = ['a:1', 'b:1', 'c:1'].map(address => ({ address, error: null }));
const sizes = { 'socket.request.max.bytes': '104857600', 'replica.fetch.max.bytes': '1048588', 'fetch.max.bytes': '57671680' };
const kafka = (change: Partial<KafkaFacts> = {}): KafkaFacts => ({
  bootstrap: three,
  advertised: three,
  error: null,
  metadata: 12,
  topicId: 'x',
  orders: topicOf(),
  drops: topicOf({}, { 'cleanup.policy': 'compact' }),
  offsets: [],
  brokers: [sizes, sizes, sizes],
  group: { state: 'Stable', protocol: 'consumer', members: [] },
  ...change,
});
const rights = { there: true, usage: true, create: true };
const postgres = (change: Partial<PostgresFacts> = {}): PostgresFacts => ({
  error: null,
  version: 180_000,
  user: 'u',
  database: 'd',
  encoding: 'UTF8',
  tls: true,
  readOnly: false,
  clockAhead: 0,
  rights: { createSchemas: true, temporary: true, own: rights, analysts: rights },
  strangeOwners: [],
  loader: { owner: 'u', owns: true, lacks: [], monthsAreMade: true },
  applied: ['0001_tables'],
  known: ['0001_tables'],
  tablesElsewhere: [],
  connectionsLeft: 90,
  diskFree: 1e12,
  size: 1e9,
  transactions: { held: [{ who: 'a', seconds: 3599, end: 'e' }], hidden: 0 },
  positions: new Map([[0, 5]]),
  topicId: 'x',
  ...change,
});
const asked = { host: 'db.example', user: 'u', database: 'd' };

function states(findings: { check: string; state: string }[]): string {
  return findings
    .filter(f => f.state !== 'ok')
    .map(f => `${f.state} ${f.check}`)
    .join(', ');
}

test('a sound cluster and database give no advice', () => {
  assert.equal(states(checkKafka(kafka(), names)), '');
  assert.equal(states(checkPostgres(postgres(), names, asked)), '');
});

test('what is wrong with a cluster is told by the check that it belongs to, with what to do', () => {
  const member = { client: 'glossier', host: 'h', topics: ['orders'] };
  const group = (...members: (typeof member)[]) => ({ state: 'Stable', protocol: 'consumer', members });
  const cases: [Partial<KafkaFacts>, string][] = [
    [{ advertised: [three[0], { address: 'b:1', error: 'no such host' }] }, 'problem kafka.reach'],
    [{ error: 'The broker wants TLS' }, 'problem kafka.reach'],
    [{ bootstrap: [three[0], { address: 'old:1', error: 'refused' }] }, 'advice kafka.reach'],
    [{ metadata: 9 }, 'problem kafka.version'],
    [{ orders: topicOf({ leader: -1 }) }, 'problem kafka.topic'],
    [{ orders: { ...topicOf(), config: null } }, 'unknown kafka.retention, unknown kafka.sizes'],
    [{ orders: topicOf({}, { 'retention.bytes': '1000' }) }, 'problem kafka.retention'],
    [{ orders: topicOf({}, { 'cleanup.policy': 'compact,delete' }) }, 'problem kafka.retention'],
    [{ drops: topicOf({}, { 'cleanup.policy': 'compact,delete', 'retention.ms': '5' }) }, 'problem kafka.drops'],
    [{ drops: topicOf() }, 'advice kafka.drops'],
    [{ orders: topicOf({}, { 'max.message.bytes': '900000' }) }, 'problem kafka.sizes'],
    [{ brokers: [sizes, { ...sizes, 'socket.request.max.bytes': '1000' }] }, 'problem kafka.sizes'],
    [{ brokers: [sizes, { ...sizes, 'replica.fetch.max.bytes': '1000' }] }, 'advice kafka.sizes'],
    [{ brokers: [{ ...sizes, 'fetch.max.bytes': '1000' }] }, 'advice kafka.sizes'],
    [{ drops: topicOf({}, { 'cleanup.policy': 'compact', 'max.message.bytes': '1000' }) }, 'advice kafka.sizes'],
    [
      { orders: { ...topicOf(), config: { ...keep, 'cleanup.policy': 'delete', 'max.message.bytes': undefined as never } }, brokers: null },
      'unknown kafka.sizes',
    ],
    [{ orders: topicOf({ replicas: 1, inSync: 1 }, { 'min.insync.replicas': '1' }) }, 'problem kafka.copies'],
    [{ orders: topicOf({}, { 'min.insync.replicas': '1' }) }, 'problem kafka.copies'],
    [{ orders: topicOf({}, { 'min.insync.replicas': '4' }) }, 'problem kafka.copies'],
    [{ orders: topicOf({ inSync: 2 }) }, 'problem kafka.copies'],
    [{ drops: topicOf({ replicas: 2, inSync: 2 }, { 'cleanup.policy': 'compact' }) }, 'problem kafka.copies'],
    [{ group: group(member, member, member) }, 'advice kafka.workers'],
    [{ group: group({ ...member, client: 'reporting' }) }, 'problem kafka.group'],
    [{ group: group({ ...member, topics: ['others'] }) }, 'problem kafka.group'],
    [{ group: { ...group(member), protocol: 'connect' } }, 'problem kafka.group'],
  ];
  for (const [change, want] of cases) {
    const findings = checkKafka(kafka(change), names);
    assert.equal(states(findings), want, JSON.stringify(change));
    assert.ok(findings.every(f => f.state === 'ok' || (f.todo ?? []).length > 0));
  }
});

test('what is wrong with a database is told by the check that it belongs to, with what to do', () => {
  const loader = { owner: 'o', owns: false, lacks: [], monthsAreMade: true };
  assert.equal(states(checkPostgres(postgres({ loader, strangeOwners: ['o'] }), names, asked)), '', 'who loads into tables of another');
  const cases: [Partial<PostgresFacts>, string][] = [
    [{ version: 120_004 }, 'problem postgres.version'],
    [{ encoding: 'LATIN1' }, 'problem postgres.version'],
    [{ tls: false }, 'advice postgres.tls'],
    [{ rights: { ...postgres().rights, createSchemas: false } }, 'advice postgres.rights'],
    [{ rights: { ...postgres().rights, temporary: false } }, 'problem postgres.rights'],
    [{ rights: { ...postgres().rights, analysts: { ...rights, create: false } } }, 'problem postgres.rights'],
    [
      { rights: { ...postgres().rights, createSchemas: false, own: { there: false, usage: false, create: false } } },
      'problem postgres.rights',
    ],
    [{ strangeOwners: ['dba'] }, 'problem postgres.rights'],
    [{ loader: { ...loader, lacks: [{ words: 'SELECT on t', sql: 'GRANT SELECT ON t TO "u";' }] } }, 'problem postgres.rights'],
    [{ loader, rights: { ...postgres().rights, temporary: false } }, 'problem postgres.rights'],
    [{ loader: { ...loader, monthsAreMade: false } }, 'problem postgres.rights'],
    [{ loader, strangeOwners: ['o'], known: ['0001_tables', '0002_more'] }, 'problem postgres.schema'],
    [{ loader, applied: [] }, 'unknown postgres.schema'],
    [{ known: ['0001_tables', '0002_more'] }, 'advice postgres.schema'],
    [{ applied: ['0001_tables', '0009_new'] }, 'problem postgres.schema'],
    [{ tablesElsewhere: ['shop'] }, 'problem postgres.schema'],
    [{ readOnly: true }, 'problem postgres.writes'],
    [{ transactions: { held: [{ who: 'a', seconds: 3600, end: 'e' }], hidden: 0 } }, 'advice postgres.transactions'],
    [{ transactions: { held: [{ who: 'slot', seconds: null, end: 'e' }], hidden: 0 } }, 'advice postgres.transactions'],
    [{ connectionsLeft: 4 }, 'problem postgres.connections'],
    [{ connectionsLeft: 9 }, 'advice postgres.connections'],
    [{ diskFree: 9e8 }, 'problem postgres.disk'],
    [{ diskFree: 2e9, size: 3e9 }, 'advice postgres.disk'],
    [{ clockAhead: -6000 }, 'advice clock'],
    [{ clockAhead: 61_000 }, 'problem clock'],
  ];
  for (const [change, want] of cases) {
    const findings = checkPostgres(postgres(change), names, asked);
    assert.equal(states(findings), want, JSON.stringify(change));
    assert.ok(findings.every(f => f.state === 'ok' || (f.todo ?? []).length > 0));
  }
});

test('a topic that is not the one of the tables, or has lost messages, is told', () => {
  const offsets = [{ partition: 0, low: 0, end: 9 }];
  const found = (k: Partial<KafkaFacts>, p: Partial<PostgresFacts> = {}) => checkPositions(kafka({ offsets, ...k }), postgres(p), names);
  assert.match(found({}).says, /belong together; 4 messages to load/);
  assert.equal(found({}, { topicId: null }).state, 'ok');
  assert.equal(found({ topicId: null }).state, 'unknown');
  assert.equal(found({ topicId: 'other' }).state, 'problem');
  assert.match(found({ offsets: [{ partition: 0, low: 6, end: 9 }] }).says, /partition 0 are gone before they were loaded/);
  assert.match(found({ offsets: [{ partition: 0, low: 0, end: 4 }] }).says, /Partition 0 ends before/);
});

test('the SQL of the rights quotes every name', () => {
  const sql = leastRights({ user: 'a"b', database: 'c;d', schema: 'e f', owners: ['g"'], makeUser: true }).join('\n');
  assert.match(sql, /CREATE ROLE "a""b" LOGIN PASSWORD '…';/);
  assert.match(sql, /GRANT CONNECT, CREATE, TEMPORARY ON DATABASE "c;d" TO "a""b";/);
  assert.match(sql, /GRANT USAGE, CREATE ON SCHEMA "e f" TO "a""b";/);
  assert.match(sql, /GRANT "g""" TO "a""b";/);
});

test('findings are told one a line, what to do below, and a count at the end', () => {
  const text = renderFindings(
    [
      { check: 'a', state: 'ok', says: 'One.' },
      { check: 'b', state: 'problem', says: 'Two.', todo: ['Do this', 'and that'] },
      { check: 'c', state: 'unknown', says: 'Three.' },
    ],
    80,
  );
  assert.equal(
    text,
    'ok       One.\nproblem  Two.\n         Do this\n         and that\nunknown  Three.\n\n1 problem in 3 checks; 1 not looked at.',
  );
});

test('long findings are wrapped at blanks, and what to do is left as it is', () => {
  const says = 'The topic does not keep every message';
  assert.equal(
    renderFindings([{ check: 'a', state: 'problem', says, todo: ['kafka-configs.sh --a-very-long command'] }], 24).split('\n\n')[0],
    'problem  The topic does\n         not keep every\n         message\n         kafka-configs.sh --a-very-long command',
  );
});
