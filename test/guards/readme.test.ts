/** What README.md says of settings, commands, exit codes and SQLSTATE is what the program does, both ways. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { migrations } from '../../consumer/schema/migrate.js';
import { EXIT } from '../../shared/errors.js';
import { REPOSITORY } from '../support/services.js';
import { markdown, settingRows, sqlstateRows, tableOf } from './readme-tables.js';
import { read } from './sources.js';

function help(...command: string[]): string {
  return execFileSync(process.execPath, [join(REPOSITORY, 'dist/bin/glossier.js'), ...command, '--help'], {
    encoding: 'utf8',
    env: { COLUMNS: '100' },
  });
}

/** Lines of a block of the help, without those that go on from the one before. */
function block(text: string, title: string): string[] {
  const lines = new RegExp(`^${title}.*\n((?: .*\n)*)`, 'm').exec(text)?.[1].split('\n') ?? [];
  return lines.filter(l => /^ {2}\S/.test(l)).map(l => l.trim());
}

/** Every command that can be run, with its own flags. */
function commands(...parent: string[]): [command: string, flags: string[]][] {
  return block(help(...parent), 'Commands:').flatMap(line => {
    const [, name, args] = /^(\S+)(?: \[options\])?((?: <\S+>)*)/.exec(line)!;
    if (name === 'help') return [];
    const below = commands(...parent, name);
    if (below.length > 0) return below;
    const flags = block(help(...parent, name), 'Options:')
      .map(l => /--[a-z][a-z0-9-]*/.exec(l)![0])
      .filter(f => f !== '--help');
    return [[[...parent, name].join(' ') + args, flags.sort()] as [string, string[]]];
  });
}

const inCode = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(m => m[1]);

test("README's settings are the program's", () => {
  const want = settingRows();
  assert.deepEqual(
    tableOf('settings'),
    want,
    `the table should be:\n${markdown(['environment', 'flag', 'default', 'bounds', 'means'], want)}\n`,
  );
});

test("README's SQLSTATE table is the program's", () => {
  const want = sqlstateRows();
  assert.deepEqual(tableOf('sqlstate'), want, `the table should be:\n${markdown(['code', 'reaction', 'means'], want)}\n`);
});

test('README says of each migration what older workers may do', () => {
  assert.deepEqual(
    tableOf('migrations').map(row => inCode(row[0])[0]),
    migrations(),
  );
});

test("README's commands and their flags are the program's", () => {
  const told = tableOf('commands').map(([command, flags]) => [inCode(command)[0], inCode(flags).sort()]);
  assert.deepEqual(told.sort(), commands().sort());
});

test("README's exit codes are the program's, and --help tells them as well", () => {
  const codes = Object.values(EXIT).map(String).sort();
  assert.deepEqual(
    tableOf('exit codes')
      .map(row => row[0])
      .sort(),
    codes,
  );
  const line = /^Exit codes: (.*)$/m.exec(help())![1];
  assert.deepEqual([...line.matchAll(/(?:^|; )(\d+) /g)].map(m => m[1]).sort(), codes);
});

test('links between the documents lead somewhere', () => {
  const anchor = (heading: string) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-');
  const broken: string[] = [];
  for (const file of ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'test/guarantees/GUARANTEES.md']) {
    for (const [, target] of read(file).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path, fragment] = target.split('#');
      const to = path === '' ? file : join(file, '..', path);
      if (!existsSync(join(REPOSITORY, to))) broken.push(`${file}: ${target}`);
      else if (fragment && ![...read(to).matchAll(/^#+ (.+)$/gm)].some(m => anchor(m[1]) === fragment)) broken.push(`${file}: ${target}`);
    }
  }
  assert.deepEqual(broken, []);
});

test('each dependency has its line in CONTRIBUTING.md, and no other', () => {
  const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<string, Record<string, string>>;
  const told = [...read('CONTRIBUTING.md').matchAll(/^\| `([^`]+)` \| (?:program|tests|tools) \|/gm)].map(m => m[1]);
  const have = [...Object.keys(dependencies), ...Object.keys(devDependencies)].filter(p => !p.startsWith('@types/'));
  assert.deepEqual(told.sort(), have.sort());
});
