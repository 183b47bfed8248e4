import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../../shared/errors.js';
import { type Declaration, resolveSettings, SETTINGS, type SettingName } from '../../../shared/settings.js';

const names = Object.keys(SETTINGS) as SettingName[];

function faults(flags: Partial<Record<SettingName, string>>, env: NodeJS.ProcessEnv = {}): string {
  try {
    resolveSettings(flags, env);
  } catch (error) {
    assert.ok(error instanceof UsageError);
    assert.equal(error.exitCode, 2);
    return error.message;
  }
  return '';
}

test('flag, environment and name of each setting are its own', () => {
  const all = Object.values(SETTINGS) as Declaration[];
  assert.equal(new Set(all.map(d => d.env)).size, all.length);
  assert.equal(new Set(all.map(d => d.flag)).size, all.length);
  for (const d of all) assert.ok(/^[A-Z_]+$/.test(d.env) && /^[a-z-]+$/.test(d.flag) && d.help.length > 5, d.env);
});

test('with nothing given every default holds and lies within its bounds', () => {
  const { settings, sources } = resolveSettings({}, {});
  for (const name of names) {
    const d: Declaration = SETTINGS[name];
    assert.equal(sources[name], d.fallback === undefined ? 'none' : 'default');
    assert.equal(settings[name] === undefined, d.fallback === undefined);
  }
  assert.equal(settings.batchWait, 500);
  assert.equal(settings.outageTimeout, 900_000);
  assert.equal(settings.kafkaGroup, 'glossier');
});

test('a flag wins over the environment, the environment over the default, and an empty variable is none', () => {
  const env = { ORDERS_TOPIC: 'from_env', KAFKA_GROUP: 'env_group', LOG_LEVEL: '' };
  const { settings, sources } = resolveSettings({ topic: 'from_flag' }, env);
  assert.deepEqual([settings.topic, settings.kafkaGroup, settings.logLevel], ['from_flag', 'env_group', 'info']);
  assert.deepEqual([sources.topic, sources.kafkaGroup, sources.logLevel], ['flag', 'environment', 'default']);
});

test('amounts take their units', () => {
  const batchBytes = (text: string) => resolveSettings({ batchBytes: text }, {}).settings.batchBytes;
  assert.deepEqual(
    ['2048', '2048B', '64KB', '64kib', '1.5MB', '2 MiB'].map(batchBytes),
    [2048, 2048, 64_000, 65_536, 1_500_000, 2_097_152],
  );
  const batchWait = (text: string) => resolveSettings({ batchWait: text }, {}).settings.batchWait;
  assert.deepEqual(['0', '2', '1.5s', '250ms', '1m', '1min'].map(batchWait), [0, 2000, 1500, 250, 60_000, 60_000]);
  assert.deepEqual(resolveSettings({ kafkaBrokers: ' a:1, b:2 ,', databaseUrl: 'postgres://x' }, {}).settings.kafkaBrokers, ['a:1', 'b:2']);
});

test('every bound holds, on both sides', () => {
  for (const name of names) {
    const d: Declaration = SETTINGS[name];
    if (d.min === undefined) continue;
    const unit = { seconds: 'ms', bytes: 'B' }[d.kind as string] ?? '';
    for (const edge of [d.min, d.max!]) assert.equal(resolveSettings({ [name]: `${edge}${unit}` }, {}).settings[name], edge);
    assert.match(faults({ [name]: `${d.max! + 1}${unit}` }), new RegExp(`^--${d.flag} ".*" is outside .+…`));
    if (d.min > 0) assert.match(faults({ [name]: `${d.min - 1}${unit}` }), /is outside/);
    for (const bad of ['x', '', '-1', '1x', '1e3', 'NaN']) assert.notEqual(faults({ [name]: bad }), '', `${d.flag} ${bad}`);
  }
});

test('all faults are told at once, each with where it was looked for', () => {
  const text = faults({ partitions: '0', logLevel: 'loud' }, { BATCH_WAIT: 'soon', MAX_DEPTH: '1.5' });
  assert.match(text, /--partitions "0" is outside 1…1000/);
  assert.match(text, /--log-level "loud" is not one of fatal, error/);
  assert.match(text, /BATCH_WAIT "soon" is not a number with a unit \(like 500ms\)/);
  assert.match(text, /MAX_DEPTH "1.5" is not a whole number/);
});

test('rules between settings', () => {
  for (const topic of ['a b', '.', '..', 'ä', 'a/b', 'x'.repeat(244)]) assert.match(faults({ topic }), /ORDERS_TOPIC may hold/, topic);
  for (const schema of ['pg_x', 'PG_x', 'information_schema', 'glossier', 'Glossier', 'ü'.repeat(32)])
    assert.match(faults({ databaseSchema: schema }), /DATABASE_SCHEMA/, schema);
  for (const schema of ['Shop "x"', "a'b; DROP TABLE c; --", ' blank ', 'Ünïcode 店', '1', '%$\\'])
    assert.equal(faults({ databaseSchema: schema }), '', schema);
  for (const schema of ['a\nb', 'a\u001b[31m', 'a\0b', 'a\ufffdb', 'glossier_rebuild'])
    assert.match(faults({ databaseSchema: schema }), /DATABASE_SCHEMA/);
  for (const own of [
    'Glossier',
    'public',
    'glossier x',
    'glossier"',
    "glossier';",
    'glossier_rebuild',
    'glossier_rebuild_shape',
    'glossierä',
    `glossier_${'x'.repeat(32)}`,
  ])
    assert.match(faults({ ownSchema: own }), /OWN_SCHEMA/, own);
  assert.equal(faults({ ownSchema: 'glossier_eu2', databaseSchema: 'glossier_e' }), '');
  for (const schema of ['glossier_eu', 'glossier_eu_rebuild', 'glossier', 'Glossier_EU'])
    assert.match(faults({ ownSchema: 'glossier_eu', databaseSchema: schema }), /DATABASE_SCHEMA/, schema);
  for (const group of ['a\nb', '\u001b[2J', 'x'.repeat(256)]) assert.match(faults({ kafkaGroup: group }), /KAFKA_GROUP/);
  assert.equal(faults({ kafkaGroup: `it's "ours"; 店` }), '');
});

test('a secret is in no message', () => {
  const secret: string[] = names.filter(n => (SETTINGS[n] as Declaration).secret);
  assert.ok(secret.includes('databaseUrl'));
  assert.doesNotMatch(faults({ databaseUrl: 'postgres://u:hidden@h/d', topic: '' }), /hidden/);
});
