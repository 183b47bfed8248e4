/** Damaged and lying zips: refused before anything is published, in good time and little memory. */
import assert from 'node:assert/strict';
import { open } from 'node:fs/promises';
import { test } from 'node:test';
import * as zlib from 'node:zlib';
import fc from 'fast-check';
import { checkEntries } from '../../../producer/check-entries.js';
import { asDropEntries } from '../../../producer/inflate-entry.js';
import { readZipEntries } from '../../../producer/zip-entries.js';
import { DropError } from '../../../shared/errors.js';
import { A, B, files, folder, LIMITS, refusal, two } from './zip-reading.js';
import { altered, directoryOf, emptyFiles, endOf, localsOf, makeZip } from './zips.js';

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
  const structure = [...localsOf(zip).flatMap(at => range(at, 30)), ...range(directoryOf(zip)[0], zip.length - directoryOf(zip)[0])];
  for (const at of structure) {
    for (const mask of [0x01, 0x80, 0xff]) {
      const broken = altered(zip, z => {
        z[at] ^= mask;
      });
      try {
        const found = await files(broken);
        // a name may have changed, or a file's name so that it is not wanted; the bytes never
        for (const [name, text] of Object.entries(found)) assert.equal(text, name in whole ? whole[name as 'a.json'] : text === A ? A : B);
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
  assert.match(await refusal(altered(zip, z => z.writeUInt32LE(z.readUInt32LE(a + 20) - 3, a + 20))), /a\.json is damaged/);
  assert.equal(await refusal(altered(zip, z => z.writeUInt32LE(1e9, a + 20))), 'drop.zip: a.json lies outside the zip by the directory');
  assert.equal(await refusal(altered(zip, z => z.writeUInt32LE(1e9, a + 42))), 'drop.zip: a.json lies outside the zip by the directory');
  assert.equal(await refusal(altered(zip, z => z.writeUInt32LE(3, a + 42))), 'a.json is not where the directory says');
  assert.equal(await refusal(altered(zip, z => z.writeUInt32LE(B.length + 1, b + 24))), 'drop.zip: b.json has two sizes in the directory');
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
    assert.equal(await refusal(altered(zip, z => z.writeUInt16LE(count, end + 10))), 'drop.zip has a corrupt directory', `${count}`);
  }
  assert.match(await refusal(altered(zip, z => z.writeUInt16LE(1, end + 4))), /one part of a zip of several/);
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

test('an entry that is away from its file is refused when the file shrinks meanwhile', async () => {
  const path = folder.save(await two());
  const entries = asDropEntries(path, await readZipEntries(path, 'drop.zip', LIMITS));
  const file = await open(path, 'r+');
  await file.truncate(10);
  await assert.rejects(
    checkEntries(entries, 1e9, undefined, () => {}),
    DropError,
  );
  await file.close();
});

function range(at: number, length: number): number[] {
  return Array.from({ length }, (_, n) => at + n);
}
