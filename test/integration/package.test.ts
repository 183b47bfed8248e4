/** The packed package holds what is needed and no more, and does the main job where it is installed. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { startCli } from '../support/cli.js';
import { makeDrop } from '../support/make-drop.js';
import { dropDatabase, freshDatabase, freshName, removeServices, tempDir, testServices } from '../support/services.js';

/** What a user of the package has a use for. */
const WANTED = [
  /^dist\/bin\//,
  /^consumer\/schema\/sql\/\d{4}_\w+\.sql$/,
  /^consumer\/http\/page\//,
  /^local\/pom\.xml$/,
  /^(package\.json|README\.md|LICENSE)$/,
];

test('the packed package, installed elsewhere, loads a drop', async t => {
  const dir = tempDir();
  t.after(() => removeServices(dir));
  // without its scripts: they would build anew what other tests run
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', dir], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  ) as { filename: string; size: number; files: { path: string }[] }[];
  assert.deepEqual(
    packed.files.map(f => f.path).filter(path => !WANTED.some(w => w.test(path))),
    [],
  );
  assert.ok(packed.size < 1_500_000, `${packed.size} bytes`);
  execFileSync('tar', ['-xzf', join(dir, packed.filename), '-C', dir]);
  const installed = join(dir, 'package');

  // the packages that it asks for and no others, as npm would lay them out
  const locked = JSON.parse(readFileSync('package-lock.json', 'utf8')).packages as Record<string, { dev?: boolean }>;
  for (const [path, { dev }] of Object.entries(locked)) {
    const name = /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path)?.[1];
    if (name === undefined || dev === true) continue;
    mkdirSync(dirname(join(installed, path)), { recursive: true });
    symlinkSync(join(process.cwd(), path), join(installed, path));
  }

  const drop = join(dir, 'drop.zip');
  await makeDrop(drop, { seed: 3, dates: ['2017-12-04'], orders: 20, awkward: 0.1 });
  const url = await freshDatabase();
  t.after(() => dropDatabase(url));
  const topic = freshName('packed');
  const env = {
    DATABASE_URL: url,
    KAFKA_BROKERS: testServices().brokers.join(','),
    ORDERS_TOPIC: topic,
    KAFKA_GROUP: topic,
    ORDERS_PARTITIONS: '2',
  };
  const program = join(installed, 'dist', 'bin', 'glossier.js');
  const run = (...args: string[]) => startCli(args, env, { program, cwd: dir }).done;
  const loaded = await run('load', drop);
  assert.equal(loaded.code, 0, loaded.stderr);
  assert.match(loaded.stdout, /^Loaded 1 file\(s\) into orders__2017_12$/m);
  assert.equal((await run('verify', drop)).code, 0);
  assert.equal((await run('--version')).code, 0);
});
