/** Drops that come by standard input, and sums that are asked for. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { PassThrough, Readable } from 'node:stream';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type FetchOptions, fetchDrop } from '../../../producer/fetch-drop.js';
import { kindOfText } from '../../../producer/standard-input.js';
import { DropError, InterruptedError } from '../../../shared/errors.js';
import { Folder, makeZip } from './zips.js';

const folder = new Folder();
process.env.TMPDIR = folder.path;
after(() => folder.remove());

const leftOvers = () => readdirSync(tmpdir()).filter(f => f.startsWith('glossier-drop-'));
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

async function taken(bytes: Buffer, options: Partial<FetchOptions> = {}): Promise<string> {
  const pieces = [bytes.subarray(0, 3), bytes.subarray(3)].filter(p => p.length > 0);
  const drop = await fetchDrop('-', { maxBytes: 1e9, input: Readable.from(pieces), ...options });
  assert.deepEqual([drop.sha256, drop.bytes, readFileSync(drop.path).equals(bytes)], [sha256(bytes), bytes.length, true]);
  assert.equal(drop.files?.[0].name ?? 'stdin.zip', drop.name);
  await drop.dispose();
  assert.ok(!existsSync(drop.path));
  assert.deepEqual(leftOvers(), []);
  return drop.name;
}

test('what comes by standard input is known by its content', async () => {
  const orders = '{"orders":[{"id":1}]}';
  const lines = '{"id":1}\n{"id":2}\n';
  assert.equal(await taken(await makeZip([{ name: 'a.json', data: orders }])), 'stdin.zip');
  assert.equal(await taken(Buffer.from(orders)), 'stdin.json');
  assert.equal(await taken(Buffer.from(`\ufeff\n${orders}`)), 'stdin.json');
  assert.equal(await taken(Buffer.from(lines)), 'stdin.jsonl');
  assert.equal(await taken(gzipSync(orders)), 'stdin.json.gz');
  assert.equal(await taken(gzipSync(lines)), 'stdin.jsonl.gz');
  assert.equal(await taken(Buffer.from('<html>')), 'stdin.zip', 'and is refused as no zip');
  assert.equal(await taken(gzipSync(lines).subarray(0, 20)), 'stdin.jsonl.gz', 'and is refused as cut off');
});

test('a text is an order a line where its first line is an order by itself', () => {
  const kind = (text: string) => kindOfText(Buffer.from(text));
  for (const text of ['{"id":1}', '\r\n {"id":1}\r\n{"id":2}', '{"id":1,cut}\n{"id":2}']) assert.equal(kind(text), 'jsonl', text);
  for (const text of [
    '{\n"orders":[{}]}',
    '{"orders":[]}\n',
    '{"a":{"b":1},"orders":[]}',
    '{"orders":[cut}',
    '[1]',
    '{}',
    '',
    '{"a":\n{}\n}',
  ])
    assert.equal(kind(text), 'json', text);
  const long = `{"a":"${'x'.repeat(2e6)}","orders":[{}]}`;
  assert.equal(kindOfText(Buffer.from(long).subarray(0, 1 << 20)), 'json');
  assert.equal(kindOfText(Buffer.from(`{"a":{}}${' '.repeat(1 << 20)}`).subarray(0, 1 << 20)), 'json', 'its first line does not end');
});

test('a standard input that is empty, endless or interrupted leaves nothing behind', async () => {
  await assert.rejects(taken(Buffer.alloc(0)), /^DropError: standard input is empty$/);
  await assert.rejects(taken(Buffer.alloc(2000), { maxBytes: 1000 }), /^DropError: standard input has more than 1000 bytes$/);
  const abort = new AbortController();
  const input = new PassThrough();
  input.write('PK');
  setTimeout(() => abort.abort(), 50);
  await assert.rejects(fetchDrop('-', { maxBytes: 1e9, input, signal: abort.signal }), InterruptedError);
  const broken = new Readable({
    read() {
      this.destroy(new Error('EISDIR'));
    },
  });
  await assert.rejects(fetchDrop('-', { maxBytes: 1e9, input: broken }), /^DropError: standard input cannot be read: EISDIR$/);
  await assert.rejects(fetchDrop('-', { maxBytes: 1e9 }), /there is no file -$/);
  assert.deepEqual(leftOvers(), []);
});

test('a drop with another sha256 than it must have is refused', async () => {
  const bytes = Buffer.from('{"orders":[]}');
  const right = sha256(bytes);
  const path = folder.save(bytes, 'a.json');
  for (const sum of [right, right.toUpperCase()]) {
    assert.equal(await taken(bytes, { sha256: sum }), 'stdin.json');
    await fetchDrop(path, { maxBytes: 1e9, sha256: sum });
  }
  const wrong = sha256(Buffer.from('b'));
  await assert.rejects(taken(bytes, { sha256: wrong }), (error: DropError) => {
    assert.ok(error instanceof DropError);
    assert.equal(error.message, `stdin.json has the sha256 ${right}, and not ${wrong}`);
    return true;
  });
  await assert.rejects(fetchDrop(path, { maxBytes: 1e9, sha256: wrong }), DropError);
  assert.ok(existsSync(path), 'a file of the user stays');
  assert.deepEqual(leftOvers(), []);
});
