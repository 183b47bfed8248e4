/** Drops that are no zip: a file, or a folder of files, plain or packed by gzip. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { checkEntries } from '../../../producer/check-entries.js';
import type { DropEntry } from '../../../producer/drop-entry.js';
import type { ZipLimits } from '../../../producer/drop-limits.js';
import { fetchDrop } from '../../../producer/fetch-drop.js';
import { fileEntries } from '../../../producer/file-entries.js';
import { DropError } from '../../../shared/errors.js';
import { A, B, LIMITS } from './zip-reading.js';
import { Folder, makeZip } from './zips.js';

const folder = new Folder();
after(() => folder.remove());

async function entriesOf(source: string, limits: Partial<ZipLimits> = {}): Promise<DropEntry[]> {
  const drop = await fetchDrop(source, { maxBytes: 1e9 });
  assert.ok(drop.files, 'it is no zip');
  const entries = await fileEntries(drop.files, drop.name, { ...LIMITS, ...limits });
  await checkEntries(entries, limits.maxDropBytes ?? LIMITS.maxDropBytes, undefined, () => {});
  return entries;
}

async function contents(source: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const e of await entriesOf(source)) {
    let text = '';
    for await (const chunk of e.read()) text += chunk;
    assert.equal(e.bytes, text.length);
    found[e.name] = text;
  }
  return found;
}

function save(files: Record<string, string | Buffer>): string {
  const root = join(folder.path, `d${Math.random()}`);
  for (const [name, data] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), data);
  }
  return root;
}

async function refusal(source: string, limits: Partial<ZipLimits> = {}): Promise<string> {
  try {
    await entriesOf(source, limits);
  } catch (error) {
    assert.ok(error instanceof DropError && error.hint, `${error}`);
    return error.message;
  }
  assert.fail('it was taken');
}

test('a file of orders is a drop by itself, plain or packed', async () => {
  for (const [name, data] of [
    ['2017-12-04.json', A],
    ['2017-12-04.json.gz', gzipSync(A)],
    ['2017-12-04.jsonl', A],
    ['2017-12-04.ndjson.gz', Buffer.concat([gzipSync(A.slice(0, 5)), gzipSync(A.slice(5))])],
  ] as const)
    assert.deepEqual(await contents(folder.save(Buffer.from(data), name)), { [name]: A });
});

test('a zip is one, whatever its name', async () => {
  const zip = folder.save(await makeZip([{ name: 'a.json', data: A }]), 'zip.json');
  assert.equal((await fetchDrop(zip, { maxBytes: 1e9 })).files, null);
});

test('of a folder every file of orders counts, in the order of the names; its id is that of names and contents', async () => {
  const files = { 'b.json': B, 'a/2017-12-04.jsonl': A, 'a.json.gz': gzipSync(A) };
  const root = save({ ...files, '.c.json': 'x', '__MACOSX/a.json': 'x', 'x.txt': 'x', 'y.zip': 'x' });
  symlinkSync(join(root, 'b.json'), join(root, 'c.json'));
  assert.deepEqual(Object.entries(await contents(root)), [
    ['a.json.gz', A],
    ['a/2017-12-04.jsonl', A],
    ['b.json', B],
    ['c.json', B],
  ]);
  const sha = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
  const sums = [`${sha(files['a.json.gz'])}  a.json.gz`, `${sha(A)}  a/2017-12-04.jsonl`, `${sha(B)}  b.json`, `${sha(B)}  c.json`];
  const drop = await fetchDrop(root, { maxBytes: 1e9 });
  assert.equal(drop.sha256, sha(`${sums.join('\n')}\n`));
});

test('a packed file that is damaged, cut off or no gzip is refused', async () => {
  const packed = gzipSync(`{"orders":[${'{"id":1},'.repeat(1000)}{}]}`);
  const broken = (change: (b: Buffer) => Buffer) => folder.save(change(Buffer.from(packed)), 'b.json.gz');
  assert.match(await refusal(broken(b => b.subarray(0, b.length - 4))), /^b\.json\.gz is damaged or cut off/);
  assert.match(
    await refusal(
      broken(b => {
        b[b.length - 6] ^= 1; // its checksum
        return b;
      }),
    ),
    /^b\.json\.gz is damaged or cut off/,
  );
  assert.equal(await refusal(broken(() => Buffer.from(A))), 'b.json.gz is not packed by gzip');
});

test('limits hold for files and what they unpack to', async () => {
  const root = save({ 'a.json': A, 'b.json.gz': gzipSync(Buffer.alloc(70_000_000, 0x20)) });
  assert.match(await refusal(root), /^b\.json\.gz unpacks to \d+ times its size, more than 200$/);
  assert.match(await refusal(root, { maxFileBytes: 1e6 }), /^b\.json\.gz unpacks to \d+ bytes, more than 1000000$/);
  assert.match(await refusal(root, { maxRatio: 5000, maxDropBytes: 6e7 }), /^the drop unpacks to more than 60000000 bytes$/);
  assert.match(await refusal(root, { maxEntries: 1 }), /has 2 files, more than 1$/);
  assert.match(await refusal(root, { maxFileBytes: 10 }), /a\.json unpacks to 21 bytes, more than 10$/);
});

test('a file that changes between the check and the publication ends it', async () => {
  const path = folder.save(Buffer.from(A), 'changing.json');
  const [entry] = await entriesOf(path);
  appendFileSync(path, ' ');
  await assert.rejects(async () => {
    for await (const _ of entry.read());
  }, /changing\.json changed while it was read/);
});
