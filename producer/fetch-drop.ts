/** A drop by path or http(s) URL -> a local file whose bytes are known by their sha256. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, open, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { DropError, errorCode, oneLine, throwIfAborted } from '../shared/errors.js';
import { isGzip, isWantedFile } from './drop-entry.js';
import type { LocalFile } from './file-entries.js';

export interface FetchedDrop {
  /** The local file, or the folder. */
  path: string;
  /** The files of a drop that is no zip: one, or those of a folder; null for a zip. */
  files: LocalFile[] | null;
  /** The last part of the path or URL that it came by. */
  name: string;
  /** 64 hex digits; of a folder that of what `sha256sum` prints for its files in their order (folderFiles). */
  sha256: string;
  bytes: number;
  /** Removes what was downloaded; a file that was given by its path stays. */
  dispose(): Promise<void>;
}

export interface FetchOptions {
  /** Bytes of a download at the most. */
  maxBytes: number;
  signal?: AbortSignal;
  /** Milliseconds until the server's answer begins. */
  connectTimeout?: number;
  /** Milliseconds without a byte. */
  idleTimeout?: number;
}

/** @throws DropError saying what is wrong with the source, without a URL's credentials or query; InterruptedError on the signal */
export async function fetchDrop(source: string, options: FetchOptions): Promise<FetchedDrop> {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(source)?.[1].toLowerCase();
  if (scheme === 'http' || scheme === 'https') return download(source, options);
  if (scheme !== undefined) throw new DropError(`a drop cannot be fetched by ${scheme}:`, { hint: 'give a path or an http(s) URL' });
  return fromPath(source, options);
}

async function fromPath(source: string, { signal }: FetchOptions): Promise<FetchedDrop> {
  const name = path.basename(source);
  try {
    const found = await stat(source);
    if (found.isDirectory()) return await fromFolder(source, signal);
    if (!found.isFile()) throw new DropError(`${source} is not a regular file`, { hint: 'save it to a file first' });
    if (found.size === 0) throw new DropError(`${source} is empty`, { hint: 'has it been copied to its end?' });
    const { sha256, bytes } = await hashFile(source, signal);
    return { path: source, files: await asFiles(source, name, bytes), name, sha256, bytes, dispose: async () => {} };
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw new DropError(`there is no file ${source}`, {
        cause: error,
        hint: 'a drop is the path or URL of a zip or of a file of orders, or a folder',
      });
    if (code === 'EACCES' || code === 'EPERM') throw new DropError(`${source} may not be read by this user`, { cause: error });
    if (code !== undefined) throw new DropError(`${source} cannot be read: ${oneLine(error)}`, { cause: error });
    throw error;
  }
}

/** Every file with orders below a folder, in the order of their names. */
async function fromFolder(source: string, signal: AbortSignal | undefined): Promise<FetchedDrop> {
  const files = await folderFiles(source);
  if (files.length === 0) {
    throw new DropError(`${source} holds no .json file`, {
      hint: 'a folder may hold .json, .jsonl and .ndjson files, also as .gz; give zips themselves',
    });
  }
  const hash = createHash('sha256');
  let bytes = 0;
  for (const file of files) {
    const one = await hashFile(file.path, signal);
    hash.update(`${one.sha256}  ${file.name}\n`);
    file.bytes = one.bytes;
    bytes += one.bytes;
  }
  return { path: source, files, name: path.basename(path.resolve(source)), sha256: hash.digest('hex'), bytes, dispose: async () => {} };
}

async function folderFiles(folder: string): Promise<LocalFile[]> {
  const files: LocalFile[] = [];
  for (const name of await readdir(folder, { recursive: true })) {
    const relative = name.split(path.sep).join('/');
    const place = path.join(folder, name);
    if (isWantedFile(relative) && (await stat(place)).isFile()) files.push({ path: place, name: relative, bytes: 0 });
  }
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function hashFile(file: string, signal: AbortSignal | undefined): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
    throwIfAborted(signal, `reading ${path.basename(file)}`);
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { sha256: hash.digest('hex'), bytes };
}

/** The one file of a drop that is no zip by its name, nor by its first bytes; else null. */
async function asFiles(file: string, name: string, bytes: number): Promise<LocalFile[] | null> {
  if (!isWantedFile(name)) return null;
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    const isZip = bytesRead === 4 && buffer.readUInt32LE(0) === 0x04034b50;
    return isZip ? null : [{ path: file, name, bytes }];
  } finally {
    await handle.close();
  }
}

async function download(source: string, options: FetchOptions): Promise<FetchedDrop> {
  const { signal, maxBytes, connectTimeout = 30_000, idleTimeout = 30_000 } = options;
  if (!URL.canParse(source)) throw new DropError('the URL of the drop cannot be understood', { hint: 'give a path or an http(s) URL' });
  const url = new URL(source);
  const shown = `${url.protocol}//${url.host}${url.pathname}`;
  let name = nameOf(url);
  const headers: Record<string, string> = { 'accept-encoding': 'identity' };
  if (url.username !== '' || url.password !== '') {
    // fetch refuses URLs with credentials
    headers.authorization = `Basic ${Buffer.from(`${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`).toString('base64')}`;
    url.username = url.password = '';
  }
  const folder = await mkdtemp(path.join(tmpdir(), 'glossier-drop-'));
  const dispose = () => rm(folder, { recursive: true, force: true });
  const watchdog = new Watchdog(signal);
  try {
    throwIfAborted(signal, `fetching ${shown}`);
    watchdog.expect(connectTimeout, `did not answer within ${connectTimeout / 1000} s`);
    const response = await fetch(url, { headers, signal: watchdog.signal });
    if (!response.ok || response.body === null) throw new DropError(`${shown} answered ${response.status} ${response.statusText}`.trim());
    const length = response.headers.get('content-length');
    // where the server packs on the way in spite of us, the length is not that of what we get
    const expected = length !== null && response.headers.get('content-encoding') === null ? Number(length) : null;
    if (expected !== null && expected > maxBytes) throw tooLarge(shown, maxBytes);
    const saved = path.join(folder, 'drop');
    const file = await open(saved, 'w');
    const hash = createHash('sha256');
    let bytes = 0;
    try {
      watchdog.expect(idleTimeout, `sent nothing for ${idleTimeout / 1000} s`);
      for await (const chunk of response.body) {
        watchdog.expect(idleTimeout, `sent nothing for ${idleTimeout / 1000} s`);
        bytes += chunk.length;
        if (bytes > maxBytes) throw tooLarge(shown, maxBytes);
        hash.update(chunk);
        await file.writeFile(chunk);
      }
    } finally {
      await file.close();
    }
    if (expected !== null && bytes !== expected)
      throw new DropError(`${shown} was cut off after ${bytes} of ${expected} bytes`, { hint: 'try again' });
    if (bytes === 0) throw new DropError(`${shown} is empty`);
    // packed on the way, and so unpacked by now
    if (isGzip(name) && response.headers.get('content-encoding')?.includes('gzip')) name = name.slice(0, -'.gz'.length);
    return { path: saved, files: await asFiles(saved, name, bytes), name, sha256: hash.digest('hex'), bytes, dispose };
  } catch (error) {
    await dispose();
    throwIfAborted(signal, `fetching ${shown}`);
    if (watchdog.complaint !== null) throw new DropError(`${shown} ${watchdog.complaint}`, { hint: 'try again', cause: error });
    if (error instanceof DropError) throw error;
    throw new DropError(`${shown} cannot be fetched: ${why(error)}`, { cause: error });
  } finally {
    watchdog.stop();
  }
}

function tooLarge(shown: string, maxBytes: number): DropError {
  return new DropError(`${shown} has more than ${maxBytes} bytes`, { hint: 'raise MAX_DROP_BYTES if that is right' });
}

/** The last part of the URL's path; `drop.zip` where it has none. */
function nameOf(url: URL): string {
  const last = url.pathname
    .split('/')
    .filter(part => part !== '')
    .at(-1);
  if (last === undefined) return 'drop.zip';
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

/** fetch says only `fetch failed`; the reason is its cause. */
function why(error: unknown): string {
  const cause = (error as { cause?: unknown }).cause;
  return oneLine(cause ?? error);
}

/** Aborts a fetch that is late, and remembers why; passes on the caller's own abort. */
class Watchdog {
  complaint: string | null = null;
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #abort = () => this.#controller.abort();
  #timer: NodeJS.Timeout | undefined;

  constructor(outer: AbortSignal | undefined) {
    this.#outer = outer;
    outer?.addEventListener('abort', this.#abort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Allows so many milliseconds from now. */
  expect(milliseconds: number, complaint: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.complaint = complaint;
      this.#abort();
    }, milliseconds);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener('abort', this.#abort);
  }
}
