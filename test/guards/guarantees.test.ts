/** GUARANTEES.md names tests that exist, and every test of test/guarantees stands in it. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MUTATIONS } from '../guarantees/mutations.js';
import { REPOSITORY } from '../support/services.js';
import { read, sources, testNames } from './sources.js';

interface Named {
  file: string;
  name: string;
}

/** `` `file` › `name` `` wherever it stands. */
const named: Named[] = [...read('test/guarantees/GUARANTEES.md').matchAll(/`([\w./-]+\.test\.ts)` › `([^`]+)`/g)].map(m => ({
  file: m[1],
  name: m[2],
}));

test('every test that a guarantee names exists', () => {
  const lost = named.filter(({ file, name }) => {
    const path = `test/${file}`;
    return !existsSync(join(REPOSITORY, path)) || !testNames(read(path)).includes(name);
  });
  assert.deepEqual(lost, []);
});

test('every test of test/guarantees is named by a guarantee', () => {
  const have = new Set(named.map(n => `${n.file} › ${n.name}`));
  const unnamed = sources('test/guarantees')
    .flatMap(({ path, text }) => testNames(text).map(name => `${path.slice('test/'.length)} › ${name}`))
    .filter(n => !have.has(n));
  assert.deepEqual(unnamed, []);
});

test('every guarantee has a number, in order, and names a test', () => {
  const lines = read('test/guarantees/GUARANTEES.md')
    .split('\n')
    .filter(l => /^\| \d/.test(l));
  assert.ok(lines.length > 0);
  const numbers = lines.map(l => /^\| (\d+)\.(\d+) \|/.exec(l)!.slice(1).map(Number));
  for (let i = 1; i < numbers.length; i++) {
    const [[a, b], [c, d]] = [numbers[i - 1], numbers[i]];
    assert.ok((c === a && d === b + 1) || (c === a + 1 && d === 1), `${c}.${d} follows ${a}.${b}`);
  }
  assert.deepEqual(
    lines.filter(l => !/`[\w./-]+\.test\.ts` › `/.test(l)),
    [],
  );
});

test('every mutation fits the source, and names a guarantee and its test', () => {
  const guarantees = read('test/guarantees/GUARANTEES.md');
  const unfit = MUTATIONS.flatMap(({ guarantee, file, edits, test: testFile, fails, without }) => {
    const text = read(file);
    const line = guarantees.split('\n').find(l => l.startsWith(`| ${guarantee} |`)) ?? '';
    const path = `${testFile}.test.ts`;
    const fitting = testNames(read(`test/${path}`)).filter(name => name.includes(fails));
    return [
      ...edits.filter(([from]) => text.split(from).length !== 2).map(([from]) => `${file}: ${from}`),
      ...(fitting.some(name => line.includes(`\`${path}\` › \`${name}\``)) ? [] : [`${guarantee} ${without}: ${path} › ${fails}`]),
    ];
  });
  assert.deepEqual(unfit, []);
});
