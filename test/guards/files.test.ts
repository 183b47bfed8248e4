/** The state of the files themselves. */
import assert from 'node:assert/strict';
import { homedir } from 'node:os';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { REPOSITORY } from '../support/services.js';
import { allFiles, ROOMS, read, sources, testNames } from './sources.js';

test('no source file has more than 300 lines', () => {
  const long = sources(...ROOMS, 'test')
    .map(f => `${f.path}: ${f.text.split('\n').length - 1}`)
    .filter(l => Number(l.split(': ')[1]) > 300);
  assert.deepEqual(long, []);
});

test('the lock file names no download addresses and is whole', () => {
  const lock = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { optionalDependencies?: Record<string, string>; resolved?: string; integrity?: string }>;
  };
  const entries = Object.entries(lock.packages);
  assert.deepEqual(
    entries.filter(([, p]) => p.resolved !== undefined).map(([name]) => name),
    [],
  );
  assert.deepEqual(
    entries.filter(([name, p]) => name !== '' && p.integrity === undefined).map(([name]) => name),
    [],
  );
  // npm ci refuses a lock file that lacks one, also where it is for another kind of machine
  const missing = entries.flatMap(([name, p]) =>
    Object.keys(p.optionalDependencies ?? {}).filter(
      d => !(`node_modules/${d}` in lock.packages) && !(`${name}/node_modules/${d}` in lock.packages),
    ),
  );
  assert.deepEqual(missing, []);
});

test('no file holds a path of the machine that it was written on', () => {
  const home = homedir();
  const paths = [`${REPOSITORY.slice(0, -1)}/`, `${dirname(REPOSITORY.slice(0, -1))}/`, `${home}/`].filter(
    p => p.split('/').length > 2 && !/^\/(tmp|usr|var|opt)\/$/.test(p),
  );
  const breaches: string[] = [];
  for (const file of allFiles().filter(f => !/\.(zip|png|ico|gz)$/.test(f))) {
    const text = read(file);
    for (const path of paths) if (text.includes(path)) breaches.push(`${file}: ${path}`);
    if (/(?:^|[\s'"`(=])\/(?:Users|home)\/[a-z]/m.test(text)) breaches.push(`${file}: a home folder`);
  }
  assert.deepEqual(breaches, []);
});

test('each migration has a number of its own, without gaps', () => {
  const names = allFiles()
    .filter(f => /^consumer\/schema\/sql\/.*\.sql$/.test(f))
    .map(f => f.split('/').at(-1)!)
    .sort();
  assert.deepEqual(
    names.map(n => n.slice(0, 5)),
    names.map((_, i) => `${String(i + 1).padStart(4, '0')}_`),
  );
});

test('no two tests have one name', () => {
  const seen = new Map<string, string>();
  const twice: string[] = [];
  for (const { path, text } of sources('test').filter(f => f.path.endsWith('.test.ts'))) {
    for (const name of testNames(text)) {
      if (seen.has(name)) twice.push(`"${name}" in ${seen.get(name)} and ${path}`);
      seen.set(name, path);
    }
  }
  assert.deepEqual(twice, []);
});

test('no test is narrowed or left out', () => {
  const breaches = sources('test').flatMap(f =>
    [...f.text.matchAll(/^\s*(?:test|it|describe|suite)\.(?:only|skip|todo)\b.*/gm)].map(m => `${f.path}: ${m[0].trim()}`),
  );
  assert.deepEqual(breaches, []);
});

test('wherever the program is started it has the flags of its first line', () => {
  const [, flags] = /^#!.*? node (.+)$/m.exec(read('cli/glossier.ts'))!;
  for (const file of ['Dockerfile', 'consumer/deploy/glossier-worker@.service', 'consumer/deploy/kubernetes.yml', 'cli/publish-child.ts']) {
    const text = read(file).replaceAll(/["',]+ ?["']?/g, ' ');
    assert.ok(text.includes(flags), `${file} has not ${flags}`);
  }
});
