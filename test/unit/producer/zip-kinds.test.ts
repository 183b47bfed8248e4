/** Zips that are unusual, and what is made of each. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { A, B, files, refusal, two } from './zip-reading.js';
import { altered, directoryOf, endOf, localsOf, makeZip } from './zips.js';

test('data descriptors, also behind stored data, are no harm', async () => {
  const zip = await makeZip([
    { name: 'a.json', data: A, descriptor: true },
    { name: 'b.json', data: B, stored: true, descriptor: true },
  ]);
  assert.equal(zip.readUInt16LE(localsOf(zip)[0] + 6) & 8, 8, 'it has descriptors');
  assert.deepEqual(await files(zip), { 'a.json': A, 'b.json': B });
});

test('names are data: absolute paths and dots are kept as they are, and nothing is written by them', async () => {
  const names = ['../../a.json', '/etc/bb.json', 'C:/x/ccc.json', 'd\\dd.json'];
  const zip = await makeZip(names.map((name, n) => ({ name: `${'x'.repeat(name.length - 5)}.json`, data: n === 0 ? A : B })));
  const named = altered(zip, z => {
    for (const [n, at] of directoryOf(z).entries()) z.write(names[n], at + 46, 'latin1');
  });
  assert.deepEqual(Object.keys(await files(named)), names);
});

test('a name is UTF-8 where its bytes are, else each byte is a character', async () => {
  const zip = await makeZip([
    { name: 'xx.json', data: A },
    { name: 'yy.json', data: B },
  ]);
  const named = altered(zip, z => {
    const [a, b] = directoryOf(z);
    for (const at of [a, b]) z.writeUInt16LE(z.readUInt16LE(at + 8) & ~0x800, at + 8);
    z.write('ü', a + 46, 'utf8');
    z.set([0x81, 0x94], b + 46); // "üö" of code page 437
  });
  assert.deepEqual(Object.keys(await files(named)), ['ü.json', '\u0081\u0094.json']);
});

test('a zip in a zip is skipped, and folders alone are no drop', async () => {
  const inner = await two();
  assert.deepEqual(
    await files(
      await makeZip([
        { name: 'inner.zip', data: inner },
        { name: 'a.json', data: A },
      ]),
    ),
    { 'a.json': A },
  );
  assert.equal(await refusal(await makeZip([{ name: 'inner.zip', data: inner }])), 'drop.zip holds no .json file');
  assert.equal(await refusal(await makeZip([{ name: '2017-12/', data: '' }])), 'drop.zip holds no .json file');
});

test('an entry without a name is none that counts', async () => {
  const zip = await two();
  const nameless = altered(zip, z => {
    const [a] = directoryOf(z);
    z.writeUInt16LE(z.readUInt16LE(a + 30) + z.readUInt16LE(a + 28), a + 30);
    z.writeUInt16LE(0, a + 28);
  });
  assert.deepEqual(await files(nameless), { 'b.json': B });
});

test('entries that share bytes are refused', async () => {
  const zip = await two();
  const [a, b] = directoryOf(zip);
  const [atA, atB] = localsOf(zip);
  assert.equal(await refusal(altered(zip, z => z.writeUInt32LE(atA, b + 42))), 'drop.zip: b.json lies in the bytes of a.json');
  assert.equal(
    await refusal(altered(zip, z => z.writeUInt32LE(z.readUInt32LE(a + 20) + 10, a + 20))),
    'drop.zip: b.json lies in the bytes of a.json',
  );
  assert.ok(atB > atA);
});

test('every kind of encryption is refused by name', async () => {
  const zip = await makeZip([{ name: 'a.json', data: A }], { zip64: true });
  const [a] = directoryOf(await makeZip([{ name: 'a.json', data: A }]));
  const flagged = (flags: number, method: number) =>
    altered(zip, z => {
      z.writeUInt16LE(z.readUInt16LE(a + 8) | flags, a + 8);
      z.writeUInt16LE(method, a + 10);
    });
  // of old, AES (method 99), strong, and with the directory's values masked
  for (const [flags, method] of [
    [0x01, 8],
    [0x01, 99],
    [0x41, 8],
    [0x2001, 8],
  ])
    assert.equal(await refusal(flagged(flags, method)), 'drop.zip: a.json is encrypted');
  const hidden = altered(zip, z => z.writeUInt16LE(62, endOf(z) - 76 + 14));
  assert.equal(await refusal(hidden), 'drop.zip has an encrypted directory');
});

test('a part of a split zip is refused as one', async () => {
  const zip = await two();
  const last = altered(zip, z => z.writeUInt16LE(1, endOf(z) + 4));
  assert.equal(await refusal(last), 'drop.zip is one part of a zip of several');
  const first = Buffer.concat([Buffer.from('PK\u0007\b'), zip.subarray(0, 60)]);
  assert.equal(await refusal(first), 'drop.zip is one part of a zip of several');
});
