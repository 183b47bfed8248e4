/** A drop by path, http(s) URL or standard input -> a local file whose bytes are known by their sha256. */
import type { Readable } from 'node:stream';
import { DropError } from '../shared/errors.js';
import type { Logger } from '../shared/log.js';
import type { LocalFile } from './file-entries.js';
import { fromPath } from './local-drop.js';

export interface FetchedDrop {
  /** The local file, or the folder. */
  path: string;
  /** The files of a drop that is no zip: one, or those of a folder; null for a zip. */
  files: LocalFile[] | null;
  /** The last part of the path or URL that it came by; `stdin.zip` and the like of what came by standard input. */
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
  /** What `-` stands for; without it a file of that name. */
  input?: Readable;
  /** What the drop's sha256 must be: 64 hex digits. */
  sha256?: string;
  /** Told of a download that broke off and goes on. */
  log?: Logger;
  /** Milliseconds until the server's answer begins. */
  connectTimeout?: number;
  /** Milliseconds without a byte. */
  idleTimeout?: number;
  /** Milliseconds before the second try of a download; doubled for each that follows. */
  retryWait?: number;
}

/**
 * @throws DropError saying what is wrong with the source, without a URL's credentials or query, or that it has another sha256;
 * InterruptedError on the signal
 */
export async function fetchDrop(source: string, options: FetchOptions): Promise<FetchedDrop> {
  const drop = await fetchAny(source, options);
  const expected = options.sha256?.toLowerCase();
  if (expected === undefined || drop.sha256 === expected) return drop;
  await drop.dispose();
  throw new DropError(`${drop.name} has the sha256 ${drop.sha256}, and not ${expected}`, {
    hint: 'nothing of it was used; fetch it again, or ask for the right sum',
  });
}

async function fetchAny(source: string, options: FetchOptions): Promise<FetchedDrop> {
  if (source === '-' && options.input !== undefined) return (await import('./standard-input.js')).fromInput(options.input, options);
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(source)?.[1].toLowerCase();
  // only then, as its HTTP client takes 0.1 s to load
  if (scheme === 'http' || scheme === 'https') return (await import('./download.js')).download(source, options);
  if (scheme !== undefined) throw new DropError(`a drop cannot be fetched by ${scheme}:`, { hint: 'give a path or an http(s) URL' });
  return fromPath(source, options.signal);
}
