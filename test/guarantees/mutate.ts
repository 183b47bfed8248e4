/**
 * Takes each protection out in turn and runs the test that must fail then, in a copy of the checkout.
 *
 *     node dist/test/guarantees/mutate.js [part of a guarantee's number or of a test's name …]
 *
 * Exit 0 when every change was noticed by its test; 1 otherwise. About ten minutes for all.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY, removeServices, startTestServices, TEST_ENV, tempDir } from '../support/services.js';
import { MUTATIONS, type Mutation } from './mutations.js';

const COPIED = ['shared', 'producer', 'consumer', 'cli', 'local', 'test', 'dist', 'package.json', 'tsconfig.json', 'README.md'];

const wanted = process.argv.slice(2);
const chosen = MUTATIONS.filter(
  m => wanted.length === 0 || wanted.some(w => m.guarantee === w || m.test.includes(w) || m.fails.includes(w)),
);
const dir = tempDir('mutate-');
for (const name of COPIED) cpSync(join(REPOSITORY, name), join(dir, name), { recursive: true });
for (const name of ['node_modules', '.glossier']) symlinkSync(join(REPOSITORY, name), join(dir, name));
const services = await startTestServices();
const env = { ...process.env, [TEST_ENV.databaseUrl]: services.databaseUrl, [TEST_ENV.brokers]: services.brokers.join(',') };

let unnoticed = 0;
for (const mutation of chosen) {
  const started = performance.now();
  const verdict = judge(mutation);
  if (verdict !== 'noticed') unnoticed++;
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  process.stdout.write(
    `${verdict.padEnd(10)} ${mutation.guarantee.padEnd(5)} without ${mutation.without} › ${mutation.test} (${seconds} s)\n`,
  );
}
await removeServices(services.dir);
await removeServices(dir);
process.stdout.write(`${chosen.length - unnoticed} of ${chosen.length} noticed\n`);
process.exit(unnoticed > 0 ? 1 : 0);

/** `broken`: the changed program does not compile, so it says nothing about the test. */
function judge({ file, edits, test, fails }: Mutation): 'noticed' | 'UNNOTICED' | 'broken' {
  const path = join(dir, file);
  const before = readFileSync(path, 'utf8');
  writeFileSync(
    path,
    edits.reduce((text, [from, to]) => text.replace(from, () => to), before),
  );
  try {
    const compiled = spawnSync('npx', ['tsc', '-p', '.', '--noUnusedLocals', 'false', '--noUnusedParameters', 'false'], {
      cwd: dir,
      encoding: 'utf8',
    });
    if (compiled.status !== 0) {
      process.stdout.write(compiled.stdout);
      return 'broken';
    }
    const bundled = spawnSync(process.execPath, ['dist/cli/bundle.js'], { cwd: dir, encoding: 'utf8' });
    if (bundled.status !== 0) {
      process.stdout.write(bundled.stderr);
      return 'broken';
    }
    const run = spawnSync(process.execPath, ['dist/test/support/run.js', test, `--test-name-pattern=${fails}`], {
      cwd: dir,
      env,
      encoding: 'utf8',
    });
    const failed = run.stdout.split('\n').some(line => line.startsWith('✖') && line.includes(fails));
    return failed ? 'noticed' : 'UNNOTICED';
  } finally {
    writeFileSync(path, before);
  }
}
