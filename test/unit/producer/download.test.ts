/** Downloads from servers that break off, lie and change their minds. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, RequestListener } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { after, beforeEach, test } from 'node:test';
import { pino } from 'pino';
import { type FetchOptions, fetchDrop } from '../../../producer/fetch-drop.js';
import { DropError } from '../../../shared/errors.js';
import { type Sending, type Served, send, serve } from './lying-server.js';
import { Folder } from './zips.js';

const folder = new Folder();
process.env.TMPDIR = folder.path;
after(() => folder.remove());

const PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'].flatMap(name => [name, name.toLowerCase()]);
beforeEach(() => {
  for (const name of PROXIES) delete process.env[name];
});

const lines: string[] = [];
const log = pino({ level: 'info' }, { write: (line: string) => lines.push(line) });
const OPTIONS: FetchOptions = { maxBytes: 1e9, connectTimeout: 5000, idleTimeout: 5000, retryWait: 1, log };
const noise = (seed: number) => Buffer.from(Uint32Array.from({ length: 250_000 }, (_, n) => Math.imul(n + seed, 2654435761)).buffer);
const FIRST: Served = { bytes: noise(1), etag: '"first"' };
const SECOND: Served = { bytes: noise(2), etag: '"second"' };
const NO_PARTS = /^URL was cut off after \d+ of 1000000 bytes, and the file changed meanwhile, or the server sends no parts of it$/;
const SHA = sha256(FIRST.bytes);

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Fetches from a server that answers each request by the next of these. @returns what was had, and each request's Range */
async function fetched(answers: RequestListener[], options: Partial<FetchOptions> = {}) {
  const asked: (string | undefined)[] = [];
  const host = await serve((request, response) => {
    asked.push(request.headers.range);
    answers[Math.min(asked.length, answers.length) - 1](request, response);
  });
  try {
    const drop = await fetchDrop(`http://user:secret@${host}/a.zip?X-Amz-Signature=secret`, { ...OPTIONS, ...options });
    const found = sha256(readFileSync(drop.path));
    assert.equal(drop.sha256, found);
    await drop.dispose();
    return { sha: found, asked, said: null };
  } catch (error) {
    assert.ok(error instanceof DropError, `${(error as Error).stack}`);
    assert.doesNotMatch(`${error.message} ${error.hint}`, /secret|\n/);
    return { sha: null, asked, said: error.message.replace(`http://${host}/a.zip`, 'URL') };
  } finally {
    assert.deepEqual(
      readdirSync(tmpdir()).filter(f => f.startsWith('glossier-drop-')),
      [],
      'no temporary file is left',
    );
    assert.doesNotMatch(lines.join(), /secret/);
    lines.length = 0;
  }
}

const sends =
  (file: Served, how?: Sending): RequestListener =>
  (request, response) =>
    send(request, response, file, how);
const stalls =
  (file: Served, bytes: number): RequestListener =>
  (_, response) => {
    response.writeHead(200, { 'content-length': file.bytes.length, ...(file.etag && { etag: file.etag }) });
    response.write(file.bytes.subarray(0, bytes));
  };

/** Requests ask for parts from further and further on; what was under way when a connection ended is lost now and then. */
function assertGoesOn(asked: (string | undefined)[]): void {
  const places = asked.map(range => Number(range?.match(/^bytes=(\d+)-$/)?.[1] ?? 0));
  assert.ok(asked.length > 1 && places.at(-1)! > 0 && places.every((at, n) => n === 0 || at >= places[n - 1]), `${asked}`);
}

test('a download that breaks goes on from where it broke, by a strong ETag or a time', async () => {
  const cut = sends(FIRST, { cutAfter: 300_000 });
  const several = await fetched([cut, cut, cut, sends(FIRST)]);
  assert.equal(several.sha, SHA);
  assertGoesOn(several.asked);
  const dated: Served = { bytes: FIRST.bytes, lastModified: 'Mon, 04 Dec 2017 10:00:00 GMT' };
  assertGoesOn((await fetched([sends(dated, { cutAfter: 300_000 }), sends(dated)])).asked);
  const stalled = await fetched([stalls(FIRST, 5000), sends(FIRST)], { idleTimeout: 150 });
  assert.deepEqual([stalled.sha, stalled.asked], [SHA, [undefined, 'bytes=5000-']]);
  // as many breaks as there may be, as long as each try brings something
  const small = sends(FIRST, { cutAfter: 100_000 });
  assert.equal((await fetched([small])).sha, SHA);
});

test('where nothing can be gone on with the download begins anew', async () => {
  const weak: Served = { ...FIRST, etag: 'W/"first"' };
  // of the second of the answer, or later: another version of the same second would have the same time
  const fresh: Served = { bytes: FIRST.bytes, lastModified: new Date(Date.now() + 60_000).toUTCString() };
  for (const file of [weak, fresh, { bytes: FIRST.bytes }]) {
    const { sha, asked } = await fetched([sends(file, { cutAfter: 1000 }), sends(file)]);
    assert.deepEqual([sha, asked], [SHA, [undefined, undefined]]);
  }
  const cut = { cutAfter: 300_000, ranges: false };
  const passedOver = await fetched([sends(FIRST, cut), sends(FIRST, { ranges: false })]);
  assert.equal(passedOver.sha, SHA);
  assertGoesOn(passedOver.asked);
  const never = await fetched([sends(FIRST, cut)]);
  assert.match(never.said!, NO_PARTS);
  assert.ok(never.asked.length <= 8, `${never.asked}`);
});

test('bytes of two versions are never mixed', async () => {
  const cut = sends(FIRST, { cutAfter: 300_000 });
  const second = sha256(SECOND.bytes);
  const shorter: Served = { bytes: SECOND.bytes.subarray(0, 1000), etag: '"third"' };
  const part = (headers: Record<string, string>, status = 206): RequestListener[] => [
    cut,
    (request, response) => send({ headers: { range: request.headers.range } } as IncomingMessage, response, SECOND, { headers, status }),
    sends(SECOND),
  ];
  // If-Range finds the other version
  assert.deepEqual((await fetched([cut, sends(SECOND)])).sha, second);
  // the server passes If-Range over, and sends a part of the other version
  assert.equal((await fetched(part({}))).sha, second);
  const wrong: Record<string, string>[] = [
    { etag: FIRST.etag!, 'content-range': 'bytes 300000-999999/1000001' },
    { etag: FIRST.etag!, 'content-range': 'bytes 299999-999999/1000000' },
    { etag: FIRST.etag!, 'content-range': 'bytes 0-699999/1000000' },
    { etag: FIRST.etag!, 'content-range': 'nonsense' },
    { etag: FIRST.etag!, 'content-encoding': 'gzip' },
  ];
  for (const headers of wrong) assert.equal((await fetched(part(headers))).sha, second, JSON.stringify(headers));
  // a part that begins a byte further on, and is else what it says
  const skipped: RequestListener = (request, response) => {
    const at = Number(/\d+/.exec(request.headers.range!)![0]) + 1;
    response.writeHead(206, { etag: FIRST.etag!, 'content-length': 1_000_000 - at, 'content-range': `bytes ${at}-999999/1000000` });
    response.end(FIRST.bytes.subarray(at));
  };
  assert.equal((await fetched([cut, skipped, sends(FIRST)])).sha, SHA);
  // it is shorter now
  const gone: RequestListener = (_, response) => response.writeHead(416, { 'content-range': 'bytes */1000' }).end();
  assert.equal((await fetched([cut, gone, sends(shorter)])).sha, sha256(shorter.bytes));
  // it changes each time: an end, in one line
  let n = 0;
  const changing: RequestListener = (request, response) =>
    send(request, response, { bytes: FIRST.bytes, etag: `"${++n}"` }, { cutAfter: 300_000 + n });
  const { said, asked } = await fetched([changing]);
  assert.match(said!, NO_PARTS);
  assert.ok(asked.length <= 8, `${asked}`);
});

test('a length that is no such thing is found out, whichever way it lies', async () => {
  const long = await fetched([sends(FIRST, { headers: { 'content-length': 1_000_005 }, cutAfter: 1_000_000 }), sends(FIRST)]);
  assert.equal(long.sha, SHA, 'by the server itself, asked for the rest');
  const alwaysLong = await fetched([
    (request, response) => {
      if (request.headers.range === undefined)
        send(request, response, FIRST, { headers: { 'content-length': 1_000_005 }, cutAfter: 1_000_000 });
      else send(request, response, FIRST);
    },
  ]);
  assert.match(
    alwaysLong.said!,
    /^URL was cut off after \d+ of 1000005 bytes, and (the server told of 1000005 bytes and has 1000000|the file changed meanwhile)$/,
  );
  const short = await fetched([sends(FIRST, { headers: { 'content-length': 999_000 } })]);
  assert.equal(short.said, 'URL cannot be fetched whole: the server sends more bytes than it tells of');
  const late: RequestListener = (_, response) => {
    response.writeHead(200, { 'content-length': 1000, etag: FIRST.etag! });
    response.write(FIRST.bytes.subarray(0, 1000), () => setTimeout(() => response.end(FIRST.bytes.subarray(1000)), 5));
  };
  // bytes that come when all that were told of are there may come too late to be seen; then the drop is those that were told of
  const said = (await fetched([late])).said;
  if (said !== null) assert.equal(said, 'URL cannot be fetched whole: the server sends more bytes than it tells of');
  const none = await fetched([sends(FIRST, { headers: { 'content-length': 2e9 } })], { maxBytes: 1e9 });
  assert.equal(none.said, 'URL has more than 1000000000 bytes');
});

test('what passes is tried again a few times, what does not is told at once', async () => {
  const busy: RequestListener = (_, response) => response.writeHead(503, { 'retry-after': '0' }).end('secret');
  assert.deepEqual((await fetched([busy, busy, busy, sends(FIRST)])).sha, SHA);
  const down = await fetched([busy]);
  assert.deepEqual([down.said, down.asked.length], ['URL answered 503 Service Unavailable', 4]);
  for (const status of [401, 403, 404]) {
    const refused = await fetched([(_, response) => response.writeHead(status, 'secret').end()]);
    assert.deepEqual([refused.asked.length, refused.said!.startsWith(`URL answered ${status} `)], [1, true]);
  }
  const odd = await fetched([(_, response) => response.writeHead(206, { 'content-length': 1 }).end('x')]);
  assert.equal(odd.said, 'URL answered 206 to a request for all of it');
  const silent = await fetched([() => {}], { connectTimeout: 60 });
  assert.deepEqual([silent.said, silent.asked.length], ['URL did not answer within 0.06 s', 4]);
  const stalled = await fetched([stalls({ ...FIRST, etag: undefined }, 1000)], { idleTimeout: 60 });
  assert.match(stalled.said!, /^URL sent nothing for 0.06 s, and the server gives no ETag or time to go on by$/);
  const beginning = await fetched([stalls(FIRST, 0)], { idleTimeout: 60 });
  assert.deepEqual([beginning.said, beginning.asked.length], ['URL sent nothing for 0.06 s', 4]);
});

test('redirects are followed to an end, and the password stays with its own server', async () => {
  let seen: (string | undefined)[] = [];
  const elsewhere = await serve((request, response) => {
    seen.push(request.headers.authorization);
    if (request.url === '/back') response.writeHead(302, { location: `http://${home}/file` }).end();
    else send(request, response, FIRST);
  });
  const home: string = await serve((request, response) => {
    seen.push(request.headers.authorization);
    const to = (location: string, status = 302) => response.writeHead(status, { location }).end();
    if (request.url === '/here') to('/file', 308);
    else if (request.url === '/there') to(`http://${elsewhere}/file?sig=secret`);
    else if (request.url === '/round') to(`http://${elsewhere}/back`);
    else if (request.url === '/circle') to('/circle2');
    else if (request.url === '/circle2') to('/circle');
    else if (request.url?.startsWith('/far')) to(`${request.url}x`);
    else if (request.url === '/ftp') to('ftp://example.org/secret');
    else if (request.url === '/gone') to(`http://${elsewhere.replace(/\d+$/, '1')}/secret?sig=secret`);
    else send(request, response, FIRST);
  });
  const word = `Basic ${Buffer.from('user:secret').toString('base64')}`;
  const from = async (path: string) => {
    seen = [];
    const drop = await fetchDrop(`http://user:secret@${home}/${path}`, OPTIONS);
    await drop.dispose();
    assert.deepEqual([drop.sha256, drop.name], [SHA, path]);
    return seen;
  };
  assert.deepEqual(await from('here'), [word, word]);
  assert.deepEqual(await from('there'), [word, undefined]);
  assert.deepEqual(await from('round'), [word, undefined, undefined]);
  const refusal = (path: string) =>
    fetchDrop(`http://user:secret@${home}/${path}`, OPTIONS).then(
      () => assert.fail('it was taken'),
      (error: Error) => {
        assert.doesNotMatch(error.message, /secret/);
        return error.message.replace(`http://${home}/`, '');
      },
    );
  assert.equal(await refusal('circle'), 'circle is redirected in a circle');
  assert.equal(await refusal('far'), 'far is redirected more than 10 times');
  assert.equal(await refusal('ftp'), 'ftp is redirected to nowhere');
  assert.match(await refusal('gone'), /^gone cannot be fetched: /);
});

test('a proxy of the environment is asked, unless NO_PROXY names the server', async () => {
  const asked: string[] = [];
  let refusing = false;
  const file = await serve((request, response) => send(request, response, FIRST));
  const proxy = await serve(
    (request, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers['proxy-authorization']}`);
      if (refusing) response.writeHead(407).end();
      else send(request, response, FIRST);
    },
    server =>
      server.on('connect', (request, socket) => {
        asked.push(`CONNECT ${request.url}`);
        if (refusing) socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
        else {
          const to = connect(Number(request.url!.split(':')[1]), '127.0.0.1');
          socket.write('HTTP/1.1 200 OK\r\n\r\n');
          socket.pipe(to).pipe(socket);
          for (const s of [socket, to]) s.on('error', () => {});
        }
      }),
  );
  process.env.HTTP_PROXY = `http://me:secret@${proxy}`;
  const drop = await fetchDrop('http://drops.invalid/a.zip?sig=secret', OPTIONS);
  await drop.dispose();
  assert.equal(drop.sha256, SHA);
  assert.deepEqual(asked.splice(0), [`GET http://drops.invalid/a.zip?sig=secret Basic ${Buffer.from('me:secret').toString('base64')}`]);
  const message = (url: string) =>
    fetchDrop(url, OPTIONS).then(
      () => assert.fail('it was taken'),
      (error: DropError) => `${error.message} — ${error.hint}`,
    );
  refusing = true;
  const refused =
    /^http:\/\/drops\.invalid\/a\.zip (answered 407 .*|cannot be fetched: the proxy answered 407) — put user and password into HTTP_PROXY/;
  assert.match(await message('http://drops.invalid/a.zip'), refused);
  process.env.HTTPS_PROXY = `http://${proxy}`;
  assert.match(
    await message('https://drops.invalid/a.zip?sig=secret'),
    /^https:\/\/drops\.invalid\/a\.zip cannot be fetched: the proxy answered 407 — put user and password into HTTP_PROXY/,
  );
  assert.equal(asked.at(-1), 'CONNECT drops.invalid:443');
  asked.length = 0;
  process.env.NO_PROXY = 'example.org,127.0.0.1';
  await (await fetchDrop(`http://${file}/a.zip`, OPTIONS)).dispose();
  assert.deepEqual(asked, []);
  process.env.HTTP_PROXY = 'http://me:secret@[nonsense';
  assert.equal(await message(`http://${file}/a.zip`), 'the address of the proxy cannot be understood — check HTTP_PROXY and HTTPS_PROXY');
});
