/** A drop by http(s): one version of the file from its first byte to its last, however often the connection breaks. */
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import * as zlib from 'node:zlib';
import { DropError, GlossierError, oneLine, throwIfAborted } from '../shared/errors.js';
import { pause } from '../shared/outage.js';
import { isGzip } from './drop-entry.js';
import type { FetchedDrop, FetchOptions } from './fetch-drop.js';
import { type Answer, Broken, HttpClient, hintOf } from './http-client.js';
import { asFiles } from './local-drop.js';
import { type Continuation, continuationOf, type Version, versionOf } from './ranges.js';
import { SavedBytes, tooManyBytes } from './saved-bytes.js';
import { Watchdog } from './watchdog.js';

/** Tries in a row that bring no new byte. */
const TRIES = 4;
/** How often all of it may be asked for anew. */
const MOST_RESTARTS = 2;

/** @throws DropError in words without the URL's credentials and query; InterruptedError on the signal */
export async function download(source: string, options: FetchOptions): Promise<FetchedDrop> {
  const hint = 'give a path or an http(s) URL';
  if (!URL.canParse(source)) throw new DropError('the URL of the drop cannot be understood', { hint });
  const url = new URL(source);
  url.hash = '';
  const authorization = takeCredentials(url);
  const shown = `${url.protocol}//${url.host}${url.pathname}`;
  throwIfAborted(options.signal, `fetching ${shown}`);
  const client = new HttpClient();
  const saved = await SavedBytes.begin(shown, options.maxBytes);
  const fetching = new Download(url, shown, authorization, options, client, saved);
  let unpacked: SavedBytes | null = null;
  try {
    const { encoding } = await fetching.run();
    let sha256 = await saved.finish();
    if (encoding !== null) {
      unpacked = await unpack(saved, encoding, options);
      sha256 = await unpacked.finish();
      await saved.dispose();
    }
    const { path, bytes } = unpacked ?? saved;
    let name = nameOf(url);
    // packed on the way, and so unpacked by now
    if (isGzip(name) && encoding !== null) name = name.slice(0, -'.gz'.length);
    if (bytes === 0) throw new DropError(`${shown} is empty`);
    return { path, files: await asFiles(path, name, bytes), name, sha256, bytes, dispose: () => (unpacked ?? saved).dispose() };
  } catch (error) {
    await saved.dispose();
    await unpacked?.dispose();
    throwIfAborted(options.signal, `fetching ${shown}`);
    if (error instanceof GlossierError) throw error;
    throw new DropError(`${shown} cannot be fetched: ${oneLine(error)}`, { hint: hintOf(error), cause: error });
  } finally {
    await client.close();
  }
}

class Download {
  /** Of the bytes that are saved; null before the first. */
  #version: Version | null = null;
  #restarts = 0;
  /** How the last connection broke, if one has. */
  #broke: string | null = null;

  constructor(
    readonly url: URL,
    readonly shown: string,
    readonly authorization: string | null,
    readonly options: FetchOptions,
    readonly client: HttpClient,
    readonly saved: SavedBytes,
  ) {}

  /** Fetches until all of one version is saved. */
  async run(): Promise<Version> {
    const { shown, saved, options } = this;
    const { signal, log, retryWait = 1000 } = options;
    let most = 0;
    for (let failures = 0; ; ) {
      const watchdog = new Watchdog(signal);
      let wait = retryWait;
      try {
        if (await this.#once(watchdog)) return this.#version!;
      } catch (thrown) {
        throwIfAborted(signal, `fetching ${shown}`);
        const error = watchdog.complaint === null ? thrown : new Broken(watchdog.complaint, 0, thrown);
        if (!(error instanceof Broken)) throw error;
        if (saved.bytes > most) failures = 0;
        most = Math.max(most, saved.bytes);
        failures++;
        this.#broke = error.message;
        if (failures === TRIES)
          throw new DropError(`${shown} ${error.message}`, { hint: `tried ${TRIES} times; try again later`, cause: error });
        log?.warn({ url: shown, reason: error.message, bytes: saved.bytes }, 'a download broke off, trying again');
        wait = Math.max(retryWait * 2 ** (failures - 1), error.waitAtLeast);
      } finally {
        watchdog.stop();
      }
      await pause(wait, signal);
    }
  }

  /** @returns whether all is there; false where more is to be asked for */
  async #once(watchdog: Watchdog): Promise<boolean> {
    try {
      if (this.saved.bytes > 0 && this.#version!.validator === null) await this.#forget(new Anew(UNTOLD));
      return await this.#ask(watchdog);
    } catch (error) {
      if (!(error instanceof Anew)) throw error;
      await this.#forget(error);
      return false;
    }
  }

  async #ask(watchdog: Watchdog): Promise<boolean> {
    const { url, shown, saved, client, authorization, options } = this;
    const { connectTimeout = 30_000 } = options;
    const from = saved.bytes;
    const headers: Record<string, string> = { 'accept-encoding': 'identity' };
    if (from > 0) Object.assign(headers, { range: `bytes=${from}-`, 'if-range': this.#version!.validator });
    client.excess = false;
    const onHop = () => watchdog.expect(connectTimeout, `did not answer within ${connectTimeout / 1000} s`);
    const answer = await client.get(url, shown, headers, { authorization, signal: watchdog.signal, onHop });
    try {
      if (from === 0 && answer.status !== 200) throw new DropError(`${shown} answered ${answer.status} to a request for all of it`);
      const next: Continuation = from === 0 ? { kind: 'whole' } : continuationOf(answer.status, answer.headers, this.#version!, from);
      if (next.kind === 'complete') return true;
      if (next.kind === 'anew') throw new Anew(next.why);
      if (next.kind === 'part') {
        this.#version!.total = next.total;
        await this.#take(answer, next.end, watchdog);
        return next.end === next.total;
      }
      if (from > 0) await this.#forget(new Anew('the file changed meanwhile, or the server sends no parts of it'));
      const version = versionOf(answer.headers);
      if (version.encoding !== null && !(version.encoding in UNPACKERS))
        throw new DropError(`${shown} is packed on the way by ${oneLine(version.encoding)}`, { hint: 'ask for it as it is' });
      if ((version.total ?? 0) > options.maxBytes) throw tooManyBytes(shown, options.maxBytes);
      this.#version = version;
      await this.#take(answer, version.total, watchdog);
      return true;
    } finally {
      answer.close();
    }
  }

  /** Saves a body. @param end how many bytes are then saved, where that was told */
  async #take({ body }: Answer, end: number | null, watchdog: Watchdog): Promise<void> {
    const { saved, client, options } = this;
    const { idleTimeout = 30_000 } = options;
    const expectMore = () => watchdog.expect(idleTimeout, `sent nothing for ${idleTimeout / 1000} s`);
    expectMore();
    try {
      for await (const chunk of body) {
        expectMore();
        if (end !== null && saved.bytes + chunk.length > end) throw new Anew(SENT_MORE);
        await saved.append(chunk);
      }
    } catch (error) {
      if (!(error instanceof Broken)) throw error;
      throw this.#cutOff(end, error);
    }
    if (end !== null && saved.bytes < end) throw this.#cutOff(end);
    if (end === null) return;
    // what it sends beyond the length that it told of comes right behind
    await pause(20, options.signal);
    if (client.excess) throw new Anew(SENT_MORE);
  }

  #cutOff(end: number | null, cause?: unknown): Broken {
    const of = this.#version?.total ?? end;
    return new Broken(`was cut off after ${this.saved.bytes}${of === null ? '' : ` of ${of}`} bytes`, 0, cause);
  }

  /** Lets go of what was saved. @throws DropError when that has been so often */
  async #forget({ message }: Anew): Promise<void> {
    this.#restarts++;
    if (this.#restarts > MOST_RESTARTS) {
      const what = this.#broke === null ? 'cannot be fetched whole:' : `${this.#broke}, and`;
      throw new DropError(`${this.shown} ${what} ${message}`, { hint: `begun anew ${MOST_RESTARTS} times; try again later` });
    }
    await this.saved.restart();
    this.#version = null;
  }
}

/** What is saved belongs to no version of the file that could still be had. */
class Anew extends Error {}

const UNTOLD = 'the server gives no ETag or time to go on by';
const SENT_MORE = 'the server sends more bytes than it tells of';

type Unpacker = () => NodeJS.ReadWriteStream;
const UNPACKERS: Record<string, Unpacker> = {
  gzip: zlib.createGunzip,
  'x-gzip': zlib.createGunzip,
  deflate: zlib.createInflate,
  br: zlib.createBrotliDecompress,
};

/** The file as it is, where the server has packed it on the way in spite of us. */
async function unpack(packed: SavedBytes, encoding: string, { signal }: FetchOptions): Promise<SavedBytes> {
  const saved = await SavedBytes.begin(packed.what, packed.maxBytes);
  try {
    for await (const chunk of pipeline(createReadStream(packed.path), UNPACKERS[encoding](), () => {})) {
      throwIfAborted(signal, `unpacking ${packed.what}`);
      await saved.append(chunk as Buffer);
    }
    return saved;
  } catch (error) {
    await saved.dispose();
    if (error instanceof GlossierError) throw error;
    throw new DropError(`${packed.what} is damaged: it was packed by ${encoding} on the way (${oneLine(error)})`, {
      hint: 'try again',
      cause: error,
    });
  }
}

/** Takes user and password out of a URL. @returns the header that they make, or null */
function takeCredentials(url: URL): string | null {
  const { username, password } = url;
  if (username === '' && password === '') return null;
  url.username = url.password = '';
  return `Basic ${Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64')}`;
}

/** The last part of the URL's path; `drop.zip` where it has none. */
function nameOf(url: URL): string {
  const parts = url.pathname.split('/').filter(part => part !== '');
  return parts.length === 0 ? 'drop.zip' : decoded(parts[parts.length - 1]);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
