/** Which zips are taken, which files of them count, and the limits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as zlib from 'node:zlib';
import { checkEntries } from '../../../producer/check-entries.js';
import { isWanted } from '../../../producer/drop-entry.js';
import { asDropEntries } from '../../../producer/inflate-entry.js';
import { readZipEntries } from '../../../producer/zip-entries.js';
import { A, B, files, folder, LIMITS, refusal, two } from './zip-reading.js';
import { altered, directoryOf, emptyFiles, endOf, localsOf, makeZip } from './zips.js';

test('reads deflated, stored, zip64 and commented zips, in the order of the directory', async () => {
  for (const options of [{}, { comment: 'x'.repeat(60_000) }, { zip64: true }, { zip64: true, comment: 'PK is not the end' }]) {
    const zip = await makeZip(
      [
        { name: '2017-12-04.json', data: A },
        { name: 'sub/2017-12-03.json', data: B, stored: true },
        { name: 'z64.json', data: A, zip64: true },
        { name: 'empty.json', data: '' },
      ],
      options,
    );
    const found = await files(zip);
    assert.deepEqual(found, { '2017-12-04.json': A, 'sub/2017-12-03.json': B, 'z64.json': A, 'empty.json': '' });
    assert.deepEqual(Object.keys(found)[1], 'sub/2017-12-03.json');
    // as a self-extracting archive has it
    assert.deepEqual(await files(Buffer.concat([Buffer.alloc(5000, '#!/bin/sh\n'), zip])), found);
  }
});

test('bytes behind the zip do no harm', async () => {
  assert.deepEqual(await files(Buffer.concat([await two(), Buffer.from('\r\n')])), { 'a.json': A, 'b.json': B });
});

test('a large file is unpacked in pieces', async () => {
  const large = `{"orders":[${Array.from({ length: 200_000 }, (_, n) => `{"id":${n * 7919}}`)}]}`;
  for (const stored of [false, true]) {
    const zip = await makeZip([
      { name: 'a.json', data: large.repeat(2), stored },
      { name: 'b.json', data: B },
    ]);
    const found = await files(zip);
    assert.ok(found['a.json'] === large.repeat(2));
    assert.equal(found['b.json'], B);
    assert.match(await refusal(altered(zip, z => z.writeUInt32LE(5_000_000, directoryOf(z)[0] + 24))), /a\.json (is longer|has two sizes)/);
    const flip = altered(zip, z => {
      z[localsOf(z)[0] + 100_000] ^= 0x10;
    });
    assert.match(await refusal(flip), /a\.json (is damaged|is longer|has \d+ bytes)/);
  }
});

test('takes names that end in .json, and leaves out dot files and what macOS adds', async () => {
  for (const name of ['a.json', 'x/2017-12-04.json', '.git/a.json', './a.json', 'a b/ü.json', '.json.json/a.json'.slice(6)])
    assert.ok(isWanted(name), name);
  for (const name of [
    'a.txt',
    'a.json/',
    'a.JSON',
    '__MACOSX/a.json',
    'x/__MACOSX/._a.json',
    '._a.json',
    'x/.a.json',
    '.json',
    'a.json.bak',
  ]) {
    assert.ok(!isWanted(name), name);
  }
  const zip = await makeZip([
    { name: '__MACOSX/._a.json', data: 'x' },
    { name: 'sub/', data: '' },
    { name: 'README', data: 'x' },
    { name: 'sub/a.json', data: A },
    { name: '.DS_Store', data: 'x' },
  ]);
  assert.deepEqual(await files(zip), { 'sub/a.json': A });
});

test('what has no .json file is refused', async () => {
  assert.equal(await refusal(await makeZip([{ name: 'a.txt', data: 'x' }])), 'drop.zip holds no .json file');
  assert.equal(await refusal(await makeZip([])), 'drop.zip holds no .json file');
});

test('what is not a zip is refused in words', async () => {
  assert.equal(await refusal(Buffer.from('x')), 'drop.zip is not a zip');
  assert.equal(await refusal(Buffer.alloc(100_000)), 'drop.zip is not a zip');
  assert.equal(await refusal(Buffer.from(A)), 'drop.zip is not a zip but looks like JSON');
  assert.equal(await refusal(zlib.gzipSync(A)), 'drop.zip is not a zip but packed by gzip');
  assert.equal(await refusal(Buffer.from('<!DOCTYPE html>')), 'drop.zip is not a zip but looks like a web page');
});

test('an entry that only lies in the file is never seen', async () => {
  const inner = await makeZip([{ name: 'hidden.json', data: B }]);
  const hidden = inner.subarray(0, directoryOf(inner)[0]);
  // as bytes before the zip, and as bytes between the entries and the directory
  assert.deepEqual(await files(Buffer.concat([hidden, await makeZip([{ name: 'a.json', data: A }])])), { 'a.json': A });
  const zip = await makeZip([{ name: 'a.json', data: A }]);
  const [directory] = directoryOf(zip);
  const between = Buffer.concat([zip.subarray(0, directory), hidden, zip.subarray(directory)]);
  between.writeUInt32LE(directory + hidden.length, endOf(between) + 16);
  assert.deepEqual(await files(between), { 'a.json': A });
});

test('stored data may hold the marks of a zip', async () => {
  const data = 'PK\u0007\b PK\u0001\u0002 PK\u0003\u0004 PK\u0005\u0006';
  assert.deepEqual(await files(await makeZip([{ name: 'a.json', data, stored: true }])), { 'a.json': data });
});

test('encrypted files, unknown methods and names that come twice are refused', async () => {
  const zip = await two();
  const [a, b] = directoryOf(zip);
  assert.equal(await refusal(altered(zip, z => z.writeUInt16LE(z.readUInt16LE(a + 8) | 1, a + 8))), 'drop.zip: a.json is encrypted');
  assert.equal(await refusal(altered(zip, z => z.writeUInt16LE(z.readUInt16LE(b + 8) | 0x40, b + 8))), 'drop.zip: b.json is encrypted');
  assert.equal(await refusal(altered(zip, z => z.writeUInt16LE(12, b + 10))), 'drop.zip: b.json is packed by bzip2, method 12');
  for (const [method, name] of [
    [9, 'deflate64, method 9'],
    [14, 'LZMA, method 14'],
    [93, 'zstd, method 93'],
    [77, 'method 77'],
  ] as const)
    assert.equal(await refusal(altered(zip, z => z.writeUInt16LE(method, b + 10))), `drop.zip: b.json is packed by ${name}`);
  assert.equal(await refusal(altered(zip, z => z.write('a.json', b + 46))), 'drop.zip: a.json is in it twice');
  assert.equal(await refusal(altered(zip, z => z.write('a\0json'.replace('json', '.jso'), b + 46))).catch(() => 'left out'), 'left out');
  assert.equal(
    await refusal(altered(zip, z => z.write('\u0007.json', b + 46))),
    'drop.zip: \ufffd.json has a control character in its name',
  );
  // only the files that are wanted must be readable
  const extra = await makeZip([
    { name: 'a.json', data: A },
    { name: 'x.txt', data: A },
  ]);
  assert.deepEqual(await files(altered(extra, z => z.writeUInt16LE(99, directoryOf(z)[1] + 10))), { 'a.json': A });
});

test('limits: entries, bytes of a file, bytes of the drop, ratio', async () => {
  const zip = await two();
  assert.equal(await refusal(zip, { maxEntries: 1 }), 'drop.zip has 2 entries, more than 1');
  assert.equal(
    await refusal(zip, { maxFileBytes: B.length - 1 }),
    `drop.zip: b.json unpacks to ${B.length} bytes, more than ${B.length - 1}`,
  );
  assert.equal(
    await refusal(zip, { maxDropBytes: A.length + B.length - 1 }),
    `drop.zip unpacks to ${A.length + B.length} bytes, more than ${A.length + B.length - 1}`,
  );
  const blanks = await makeZip([{ name: 'a.json', data: Buffer.alloc(70_000_000, 0x20) }]);
  assert.match(await refusal(blanks), /^drop\.zip unpacks to \d+ times its size, more than 200$/);
  assert.equal((await files(blanks, { maxRatio: 2000 }))['a.json'].length, 70_000_000);
});

test('as many entries as are allowed are read in good time', async () => {
  const start = performance.now();
  assert.equal(Object.keys(await files(emptyFiles(10_000))).length, 10_000);
  assert.ok(performance.now() - start < 20_000, 'some 2 s');
});

test('the check stops at once on the signal', async () => {
  const path = folder.save(await makeZip([{ name: 'a.json', data: A }]));
  const entries = asDropEntries(path, await readZipEntries(path, 'drop.zip', LIMITS));
  await assert.rejects(
    checkEntries(entries, 1e9, AbortSignal.abort(), () => {}),
    { name: 'InterruptedError' },
  );
});
