import assert from 'node:assert/strict';
import { open } from 'node:fs/promises';
import { after, test } from 'node:test';
import * as zlib from 'node:zlib';
import fc from 'fast-check';
import { checkEntries, inflateEntry } from '../../../producer/inflate-entry.js';
import { isWanted, readZipEntries, type ZipLimits } from '../../../producer/zip-entries.js';
import { DropError } from '../../../shared/errors.js';
import { altered, directoryOf, emptyFiles, endOf, Folder, localsOf, makeZip } from './zips.js';

const folder = new Folder();
after(() => folder.remove());

const LIMITS: ZipLimits = { maxEntries: 10_000, maxFileBytes: 2e9, maxDropBytes: 16e9, maxRatio: 200 };
const A = '{"orders":[{"id":1}]}';
const B = '{"orders":[{"id":2},{"id":3}]}';

/** Everything that is done with a zip before the first order is published. */
async function files(zip: Buffer, limits: Partial<ZipLimits> = {}): Promise<Record<string, string>> {
  const path = folder.save(zip);
  const entries = await readZipEntries(path, 'drop.zip', { ...LIMITS, ...limits });
  await checkEntries(path, entries, undefined, () => {});
  const found: Record<string, string> = {};
  const file = await open(path);
  for (const entry of entries) {
    const chunks: Buffer[] = [];
    for await (const chunk of inflateEntry(file, entry)) chunks.push(chunk);
    found[entry.name] = Buffer.concat(chunks).toString();
  }
  await file.close();
  return found;
}

/** The refusal of a zip; everything else fails the test. */
async function refusal(zip: Buffer, limits: Partial<ZipLimits> = {}): Promise<string> {
  try {
    await files(zip, limits);
  } catch (error) {
    assert.ok(error instanceof DropError, `${error}`);
    assert.ok(error.hint, `no hint: ${error.message}`);
    assert.doesNotMatch(error.message, /\n/);
    return error.message;
  }
  assert.fail('it was taken');
}

const two = () =>
  makeZip([
    { name: 'a.json', data: A },
    { name: 'b.json', data: B, stored: true },
  ]);

test('reads deflated, stored, zip64 and commented zips, in the order of the directory', async () => {
  for (const options of [
    {},
    { comment: 'x'.repeat(60_000) },
    { zip64: true },
    { zip64: true, comment: 'PK is not the end' },
  ]) {
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
    assert.match(
      await refusal(altered(zip, z => z.writeUInt32LE(5_000_000, directoryOf(z)[0] + 24))),
      /a\.json (is longer|has two sizes)/,
    );
    const flip = altered(zip, z => {
      z[localsOf(z)[0] + 100_000] ^= 0x10;
    });
    assert.match(await refusal(flip), /a\.json (is damaged|is longer|has \d+ bytes)/);
  }
});

test('takes names that end in .json, and leaves out what macOS and editors add', async () => {
  for (const name of ['a.json', 'x/2017-12-04.json', './a.json', 'a b/ü.json', '.json.json/a.json'.slice(6)])
    assert.ok(isWanted(name), name);
  for (const name of [
    'a.txt',
    'a.json/',
    'a.JSON',
    '__MACOSX/a.json',
    'x/__MACOSX/._a.json',
    '._a.json',
    'x/.a.json',
    '.git/a.json',
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

test('cut off at any byte: refused', async () => {
  const zip = await makeZip(
    [
      { name: 'a.json', data: A },
      { name: 'b.json', data: B },
    ],
    { comment: 'c' },
  );
  for (let length = 0; length < zip.length - 1; length++) {
    const text = await refusal(zip.subarray(0, length));
    assert.match(text, length < 4 ? /is not a zip/ : /cut off|not a zip/, `${length}`);
  }
});

test('cut off at the front or in the middle: refused', async () => {
  const zip = await two();
  for (const [from, to] of [
    [0, 1],
    [0, 40],
    [50, 60],
    [0, directoryOf(zip)[0]],
    [directoryOf(zip)[0], directoryOf(zip)[0] + 10],
    [directoryOf(zip)[0], directoryOf(zip)[1]],
    [directoryOf(zip)[0], endOf(zip)],
  ]) {
    assert.match(
      await refusal(Buffer.concat([zip.subarray(0, from), zip.subarray(to)])),
      /corrupt|not where|damaged|outside/,
      `${from}-${to}`,
    );
  }
});

test('any byte of the structure changed: taken as it was, or refused, and nothing else', async () => {
  const zip = await two();
  const whole = { 'a.json': A, 'b.json': B };
  const structure = [
    ...localsOf(zip).flatMap(at => range(at, 30)),
    ...range(directoryOf(zip)[0], zip.length - directoryOf(zip)[0]),
  ];
  for (const at of structure) {
    for (const mask of [0x01, 0x80, 0xff]) {
      const broken = altered(zip, z => {
        z[at] ^= mask;
      });
      try {
        const found = await files(broken);
        // a name may have changed, or a file's name so that it is not wanted; the bytes never
        for (const [name, text] of Object.entries(found))
          assert.equal(text, name in whole ? whole[name as 'a.json'] : text === A ? A : B);
      } catch (error) {
        assert.ok(error instanceof DropError, `byte ${at} ^ ${mask}: ${error}`);
      }
    }
  }
});

test('any byte of the data changed: refused', async () => {
  const zip = await two();
  const [a, b] = localsOf(zip);
  for (const at of [...range(a + 36, b - a - 36), ...range(b + 36, B.length)]) {
    const broken = altered(zip, z => {
      z[at] ^= 0x04;
    });
    try {
      assert.deepEqual(await files(broken), { 'a.json': A, 'b.json': B }, 'a data descriptor may change');
    } catch (error) {
      assert.ok(error instanceof DropError, `${error}`);
      assert.match(error.message, /is damaged|is longer|has \d+ bytes/);
    }
  }
});

test('random garbage with the marks of a zip never does more than a DropError', async () => {
  const marks = [0x04034b50, 0x02014b50, 0x06054b50, 0x07064b50, 0x06064b50].map(n => {
    const b = Buffer.alloc(4);
    b.writeUInt32LE(n);
    return b;
  });
  const piece = fc.oneof(
    fc.constantFrom(...marks),
    fc.uint8Array({ maxLength: 30 }),
    fc.constantFrom(Buffer.alloc(20), Buffer.alloc(9, 0xff), Buffer.from([1, 0, 1, 0])),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 12 }), async pieces => {
      const end = Buffer.alloc(22);
      end.set(marks[2]);
      end.writeUInt16LE(1, 10);
      end.writeUInt32LE(60, 12);
      await assert.rejects(files(Buffer.concat([...pieces, end])), DropError);
    }),
    { numRuns: 200 },
  );
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
  assert.equal(
    await refusal(altered(zip, z => z.writeUInt16LE(z.readUInt16LE(a + 8) | 1, a + 8))),
    'drop.zip: a.json is encrypted',
  );
  assert.equal(
    await refusal(altered(zip, z => z.writeUInt16LE(z.readUInt16LE(b + 8) | 0x40, b + 8))),
    'drop.zip: b.json is encrypted',
  );
  assert.equal(
    await refusal(altered(zip, z => z.writeUInt16LE(12, b + 10))),
    'drop.zip: b.json is packed by method 12',
  );
  assert.equal(await refusal(altered(zip, z => z.write('a.json', b + 46))), 'drop.zip: a.json is in it twice');
  assert.equal(
    await refusal(altered(zip, z => z.write('a\0json'.replace('json', '.jso'), b + 46))).catch(() => 'left out'),
    'left out',
  );
  assert.equal(
    await refusal(altered(zip, z => z.write('\u0007.json', b + 46))),
    'drop.zip: ?.json has a control character in its name',
  );
  // only the files that are wanted must be readable
  const extra = await makeZip([
    { name: 'a.json', data: A },
    { name: 'x.txt', data: A },
  ]);
  assert.deepEqual(await files(altered(extra, z => z.writeUInt16LE(99, directoryOf(z)[1] + 10))), { 'a.json': A });
});

test('a directory with other sizes or another checksum than the data is refused', async () => {
  const zip = await two();
  const [a, b] = directoryOf(zip);
  assert.equal(
    await refusal(altered(zip, z => z.writeUInt32LE((z.readUInt32LE(a + 16) ^ 1) >>> 0, a + 16))),
    'a.json is damaged: its checksum (CRC-32) is wrong',
  );
  assert.equal(
    await refusal(altered(zip, z => z.writeUInt32LE((z.readUInt32LE(b + 16) ^ 1) >>> 0, b + 16))),
    'b.json is damaged: its checksum (CRC-32) is wrong',
  );
  assert.equal(
    await refusal(altered(zip, z => z.writeUInt32LE(A.length - 1, a + 24))),
    `a.json is longer than the ${A.length - 1} bytes that the directory tells of`,
  );
  assert.equal(
    await refusal(altered(zip, z => z.writeUInt32LE(A.length + 1, a + 24))),
    `a.json has ${A.length} bytes where the directory tells of ${A.length + 1}`,
  );
  assert.match(
    await refusal(altered(zip, z => z.writeUInt32LE(z.readUInt32LE(a + 20) - 3, a + 20))),
    /a\.json is damaged/,
  );
  assert.equal(
    await refusal(altered(zip, z => z.writeUInt32LE(1e9, a + 20))),
    'drop.zip: a.json lies outside the zip by the directory',
  );
  assert.equal(
    await refusal(altered(zip, z => z.writeUInt32LE(1e9, a + 42))),
    'drop.zip: a.json lies outside the zip by the directory',
  );
  assert.equal(await refusal(altered(zip, z => z.writeUInt32LE(3, a + 42))), 'a.json is not where the directory says');
  assert.equal(
    await refusal(altered(zip, z => z.writeUInt32LE(B.length + 1, b + 24))),
    'drop.zip: b.json has two sizes in the directory',
  );
  // the local header's sizes and checksum do not count: the directory's do
  assert.deepEqual(await files(altered(zip, z => z.fill(0x55, localsOf(z)[0] + 14, localsOf(z)[0] + 26))), {
    'a.json': A,
    'b.json': B,
  });
});

test('a number of entries that is not that of the directory is refused', async () => {
  const zip = await two();
  const end = endOf(zip);
  for (const count of [0, 1, 3, 500]) {
    assert.equal(
      await refusal(altered(zip, z => z.writeUInt16LE(count, end + 10))),
      'drop.zip has a corrupt directory',
      `${count}`,
    );
  }
  assert.match(await refusal(altered(zip, z => z.writeUInt16LE(1, end + 4))), /one part of a zip of several/);
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
  const blanks = await makeZip([{ name: 'a.json', data: Buffer.alloc(1_000_000, 0x20) }]);
  assert.match(await refusal(blanks), /^drop\.zip unpacks to \d+ times its size, more than 200$/);
  assert.equal((await files(blanks, { maxRatio: 2000 }))['a.json'].length, 1_000_000);
});

test('a bomb whose directory lies is stopped at the size that it claims', async () => {
  const deflated = zlib.deflateRawSync(Buffer.alloc(300_000_000, 0x20), { level: 9 });
  const zip = await makeZip([{ name: 'a.json', data: deflated, stored: true }]);
  const lie = altered(zip, z => {
    const [d] = directoryOf(z);
    z.writeUInt16LE(8, d + 10);
    z.writeUInt32LE(1000, d + 24);
  });
  const before = process.memoryUsage().rss;
  const start = performance.now();
  assert.equal(await refusal(lie), 'a.json is longer than the 1000 bytes that the directory tells of');
  const large = altered(lie, z => z.writeUInt32LE(50_000_000, directoryOf(z)[0] + 24));
  assert.equal(await refusal(large), 'a.json is longer than the 50000000 bytes that the directory tells of');
  assert.ok(performance.now() - start < 10_000);
  assert.ok(process.memoryUsage().rss - before < 100e6);
});

test('a million empty files are refused before the directory is read', async () => {
  const zip = emptyFiles(1_000_000);
  assert.equal(await refusal(zip), 'drop.zip has 1000000 entries, more than 10000');
  // one that claims few of them all the same
  zip.writeBigUInt64LE(20n, zip.length - 98 + 32);
  const start = performance.now();
  assert.match(await refusal(zip), /directory of 58000000 bytes|corrupt directory/);
  assert.ok(performance.now() - start < 5000);
});

test('as many entries as are allowed are read in good time', async () => {
  const start = performance.now();
  assert.equal(Object.keys(await files(emptyFiles(10_000))).length, 10_000);
  assert.ok(performance.now() - start < 20_000, 'some 2 s');
});

test('an entry that is away from its file is refused when the file shrinks meanwhile', async () => {
  const path = folder.save(await two());
  const entries = await readZipEntries(path, 'drop.zip', LIMITS);
  const file = await open(path, 'r+');
  await file.truncate(10);
  await assert.rejects(
    checkEntries(path, entries, undefined, () => {}),
    DropError,
  );
  await file.close();
});

test('the check stops at once on the signal', async () => {
  const path = folder.save(await makeZip([{ name: 'a.json', data: A }]));
  const entries = await readZipEntries(path, 'drop.zip', LIMITS);
  await assert.rejects(
    checkEntries(path, entries, AbortSignal.abort(), () => {}),
    { name: 'InterruptedError' },
  );
});

function range(at: number, length: number): number[] {
  return Array.from({ length }, (_, n) => at + n);
}
