/** A folder that is watched: what is published, when, and how often. */
import assert from 'node:assert/strict';
import { appendFileSync, chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pino } from 'pino';
import { openDrop } from '../../../producer/open-drop.js';
import { watchFolder } from '../../../producer/watch-folder.js';
import { nameIs, WatchedFolder } from '../../../producer/watched-folder.js';
import { DropError, ServiceError } from '../../../shared/errors.js';
import { LIMITS } from './zip-reading.js';
import { Folder, makeZip } from './zips.js';

const folder = new Folder();
const running: AbortController[] = [];
after(() => {
  for (const abort of running) abort.abort(); // of a test that failed
  folder.remove();
});

test('names of files that are being written are not looked at, and others than drops are told of', () => {
  for (const name of ['2017.zip', 'A.ZIP', 'a.json', 'a.jsonl.gz', 'a.ndjson']) assert.equal(nameIs(name), 'drop', name);
  for (const name of ['.a.zip', '.a.zip.Xy12', 'a.zip.part', 'a.zip.tmp', 'a.zip.crdownload', 'a.zip~', 'a.zip.filepart'])
    assert.equal(nameIs(name), 'ignore', name);
  for (const name of ['a.txt', 'a.zip.sha256', 'a.gz', 'folder']) assert.equal(nameIs(name), 'pass', name);
});

test('a file is ready when it has stood still, once more when it was refused, and again only when it has changed', () => {
  const watched = new WatchedFolder(2, 30);
  const look = (now: number, ...files: string[]) =>
    watched
      .look(
        files.map(f => ({ name: f[0], stamp: f })),
        now,
      )
      .map(f => `${f.stamp}${f.last ? ' last' : ''}`);
  const file = (stamp: string) => ({ name: stamp[0], stamp });
  assert.deepEqual(look(0, 'a1'), []);
  assert.deepEqual(look(1, 'a2', 'b1'), []);
  assert.deepEqual(look(2, 'a2', 'b1'), [], 'a has changed a second ago');
  assert.deepEqual(look(3, 'b1', 'a2'), ['a2', 'b1'], 'by their names');
  watched.done(file('a2'));
  assert.deepEqual(look(4, 'a2', 'b1'), ['b1'], 'what is not dealt with stays ready');
  watched.later(file('b1'));
  assert.deepEqual(look(5, 'a2', 'b1'), []);
  assert.deepEqual(look(31, 'a2', 'b1'), ['b1 last']);
  watched.done(file('b1'));
  assert.deepEqual(look(99, 'a2', 'b1'), []);
  assert.deepEqual(look(100, 'a3', 'b1'), []);
  assert.deepEqual(look(102, 'a3', 'b1'), ['a3']);
  watched.done(file('a2'));
  assert.deepEqual(look(103, 'a3'), ['a3'], 'another one was dealt with');
  look(104);
  assert.deepEqual(look(105, 'a3'), [], 'gone and back, it is a new one');
  assert.deepEqual(look(107, 'a3'), ['a3']);
});

interface Watch {
  root: string;
  published: string[];
  lines: string[];
  until: (holds: () => boolean) => Promise<void>;
  end: () => Promise<void>;
  done: Promise<void>;
}

function watch(name: string, fail?: (file: string) => Error | undefined): Watch {
  const root = join(folder.path, name);
  mkdirSync(root);
  const published: string[] = [];
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line).msg) });
  const abort = new AbortController();
  running.push(abort);
  const publish = async (file: string) => {
    const error = fail?.(file);
    if (error !== undefined) throw error;
    const { drop, entries } = await openDrop(file, LIMITS);
    published.push(`${drop.name} ${entries.length}`);
  };
  const done = watchFolder({ folder: root, limits: LIMITS, log, signal: abort.signal, publish, every: 10, still: 100, patience: 1200 });
  done.catch(() => {});
  const until = async (holds: () => boolean) => {
    for (const end = performance.now() + 10_000; !holds(); ) {
      assert.ok(performance.now() < end, `${published} ${lines}`);
      await new Promise(resolve => setTimeout(resolve, 10));
    }
  };
  const end = () => {
    abort.abort();
    return done;
  };
  return { root, published, lines, until, end, done };
}

test('each whole file is published once, a bad one is told once and stops nobody, and a changed one is published anew', async () => {
  const { root, published, lines, until, end } = watch('drops');
  const at = (name: string) => join(root, name);
  const zip = await makeZip([{ name: '2017-12-04.json', data: '{"orders":[{"id":1}]}' }]);
  writeFileSync(at('bad.zip'), 'no zip');
  writeFileSync(at('notes.txt'), 'hello');
  writeFileSync(at('.hidden.zip'), zip);
  // slowly: it stands still for longer than a moment while its directory is missing, and is taken when that is there
  writeFileSync(at('a.zip'), zip.subarray(0, 60));
  writeFileSync(at('b.zip.part'), zip);
  writeFileSync(at('c.json'), '{"orders":[{"id":1},');
  await new Promise(resolve => setTimeout(resolve, 250));
  assert.deepEqual(published, []);
  appendFileSync(at('a.zip'), zip.subarray(60));
  appendFileSync(at('c.json'), '{"id":2}]}\n');
  renameSync(at('b.zip.part'), at('b.zip'));
  await until(() => published.length === 3 && lines.length > 1);
  assert.deepEqual([...published].sort(), ['a.zip 1', 'b.zip 1', 'c.json 1']);
  assert.deepEqual(lines[0], 'passed over: no drop by its name');
  assert.match(lines[1], /^a drop is refused: bad\.zip is not a zip/);
  // a cut-off document is what it is in the end: its orders before the fault load
  writeFileSync(at('d.json'), '{"orders":[{"id":1},');
  writeFileSync(at('bad.zip'), await makeZip([{ name: 'a.json', data: '{"orders":[]}' }]));
  await until(() => published.length === 5);
  assert.deepEqual(published.slice(3), ['bad.zip 1', 'd.json 1']);
  rmSync(root, { recursive: true });
  await until(() => lines.length === 3);
  mkdirSync(root);
  writeFileSync(at('e.zip'), zip);
  await until(() => published.length === 6);
  assert.deepEqual(lines.slice(2), ['the folder cannot be read, waiting', 'the folder can be read again']);
  await end();
  assert.equal(published.length, 6, 'and none of the others again');
});

test('what is no fault of a drop ends the watch, and a folder that is not there does at once', async () => {
  const { root, done } = watch('down', () => new ServiceError('Kafka has been away for 900 s'));
  writeFileSync(join(root, 'a.json'), '{"orders":[]}');
  await assert.rejects(done, ServiceError);
  const signal = new AbortController().signal;
  const log = pino({ level: 'silent' });
  const none = watchFolder({ folder: join(folder.path, 'none'), limits: LIMITS, log, signal, publish: async () => {} });
  await assert.rejects(none, /^DropError: the folder .* cannot be read: ENOENT/);
});

test('a file that is refused is tried again when it has other rights', async () => {
  let may = false;
  const { root, published, lines, until, end } = watch('rights', () =>
    may ? undefined : new DropError('it may not be read by this user'),
  );
  const file = join(root, 'a.json');
  writeFileSync(file, '{"orders":[]}');
  await until(() => lines.length === 1);
  may = true;
  await new Promise(resolve => setTimeout(resolve, 150));
  assert.deepEqual(published, []);
  chmodSync(file, 0o600);
  await until(() => published.length === 1);
  await end();
});
