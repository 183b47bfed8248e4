import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type FetchOptions, fetchDrop } from '../../../producer/fetch-drop.js';
import { DropError, InterruptedError } from '../../../shared/errors.js';
import { serve } from './lying-server.js';
import { Folder } from './zips.js';

const folder = new Folder();
process.env.TMPDIR = folder.path; // other tests download as well
for (const name of ['HTTP_PROXY', 'http_proxy']) delete process.env[name];
after(() => folder.remove());

const OPTIONS: FetchOptions = { maxBytes: 1e9, connectTimeout: 5000, idleTimeout: 5000, retryWait: 1 };
const BYTES = Buffer.alloc(3_000_000, 'drop');
const SHA = createHash('sha256').update(BYTES).digest('hex');

async function refusal(source: string, options: Partial<FetchOptions> = {}): Promise<string> {
  const before = leftOvers();
  try {
    await fetchDrop(source, { ...OPTIONS, ...options });
  } catch (error) {
    assert.ok(error instanceof DropError, `${error}`);
    assert.deepEqual(leftOvers(), before, 'nothing is left in the temporary folder');
    return error.message;
  }
  assert.fail('it was taken');
}

const leftOvers = () => readdirSync(tmpdir()).filter(f => f.startsWith('glossier-drop-'));

test('a path is the file itself', async () => {
  const path = folder.save(BYTES, 'a drop.zip');
  const drop = await fetchDrop(path, OPTIONS);
  assert.deepEqual([drop.path, drop.name, drop.sha256, drop.bytes], [path, 'a drop.zip', SHA, BYTES.length]);
  await drop.dispose();
  assert.ok(existsSync(path));
});

test('a path that cannot be a drop is refused in words', async () => {
  assert.match(await refusal(join(folder.path, 'none.zip')), /^there is no file /);
  assert.match(await refusal(join(folder.save(BYTES, 'f'), 'x.zip')), /^there is no file /);
  mkdirSync(join(folder.path, 'dir.zip'));
  assert.match(await refusal(join(folder.path, 'dir.zip')), /holds no \.json file$/);
  assert.match(await refusal(folder.save(Buffer.alloc(0), 'empty.zip')), /is empty$/);
  assert.match(await refusal('/dev/null'), /is not a regular file$/);
  assert.match(await refusal('\0'), /./);
  assert.match(await refusal('ftp://example.org/x.zip'), /cannot be fetched by ftp:/);
});

test('a URL is fetched to a file that goes away', async () => {
  let asked = '';
  const host = await serve((request, response) => {
    asked = `${request.url} ${request.headers.authorization}`;
    response.setHeader('content-length', BYTES.length);
    response.end(BYTES);
  });
  const drop = await fetchDrop(`http://us%40er:p%3Aw@${host}/drops/2017%20a.zip?sig=abc`, OPTIONS);
  assert.equal(asked, `/drops/2017%20a.zip?sig=abc Basic ${Buffer.from('us@er:p:w').toString('base64')}`);
  assert.deepEqual([drop.name, drop.sha256, drop.bytes], ['2017 a.zip', SHA, BYTES.length]);
  assert.ok(readFileSync(drop.path).equals(BYTES));
  await drop.dispose();
  assert.ok(!existsSync(drop.path));
});

test('redirects are followed, a missing length and a packed answer are no harm', async () => {
  const host = await serve((request, response) => {
    if (request.url === '/') {
      response.writeHead(302, { location: '/real.zip' }).end();
    } else if (request.url === '/gzip.zip') {
      const packed = gzipSync(BYTES);
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': packed.length }).end(packed);
    } else {
      response.write(BYTES.subarray(0, 1000));
      response.end(BYTES.subarray(1000));
    }
  });
  for (const path of ['/', '/gzip.zip', '/chunked.zip']) {
    const drop = await fetchDrop(`http://${host}${path}`, OPTIONS);
    assert.equal(drop.sha256, SHA, path);
    assert.equal(drop.name, basename(path) || 'drop.zip');
    await drop.dispose();
  }
});

test('what goes wrong on the way is one line without credentials or query', async () => {
  const host = await serve((request, response) => {
    if (request.url?.startsWith('/none')) response.writeHead(404).end();
    else if (request.url?.startsWith('/short')) {
      response.writeHead(200, { 'content-length': BYTES.length });
      response.write(BYTES.subarray(0, 1000), () => response.destroy());
    } else if (request.url?.startsWith('/empty')) response.end();
    else if (request.url?.startsWith('/stall')) {
      response.writeHead(200, { 'content-length': BYTES.length });
      response.write(BYTES.subarray(0, 1000));
    } else if (request.url?.startsWith('/large')) response.end(BYTES);
  });
  const at = (path: string) => `http://user:secret@${host}/${path}.zip?token=secret`;
  const shown = (path: string) => `http://${host}/${path}.zip`;
  assert.equal(await refusal(at('none')), `${shown('none')} answered 404 Not Found`);
  assert.match(await refusal(at('short')), /short\.zip was cut off after \d+ of 3000000 bytes, and the server gives no ETag/);
  assert.equal(await refusal(at('empty')), `${shown('empty')} is empty`);
  assert.equal(
    await refusal(at('stall'), { idleTimeout: 200 }),
    `${shown('stall')} sent nothing for 0.2 s, and the server gives no ETag or time to go on by`,
  );
  assert.equal(await refusal(at('silent'), { connectTimeout: 200 }), `${shown('silent')} did not answer within 0.2 s`);
  assert.equal(await refusal(at('large'), { maxBytes: 1e6 }), `${shown('large')} has more than 1000000 bytes`);
  for (const path of ['none', 'short', 'empty']) assert.doesNotMatch(await refusal(at(path)), /secret/);
  assert.match(await refusal('http://127.0.0.1:1/x.zip'), /^http:\/\/127\.0\.0\.1:1\/x\.zip cannot be fetched: /);
  assert.match(await refusal('http://u:secret@[bad/x.zip'), /^the URL of the drop cannot be understood$/);
});

test('the signal ends it', async () => {
  const host = await serve((_, response) => {
    response.write('x');
  });
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 100);
  await assert.rejects(fetchDrop(`http://${host}/a.zip`, { ...OPTIONS, signal: abort.signal }), InterruptedError);
  const path = folder.save(BYTES, 'b.zip');
  await assert.rejects(fetchDrop(path, { ...OPTIONS, signal: AbortSignal.abort() }), InterruptedError);
});
