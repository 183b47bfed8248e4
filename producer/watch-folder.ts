/** Publishes each drop that lands in a folder, until the signal. */
import { open, readdir, stat } from 'node:fs/promises';
import * as path from 'node:path';
import { DropError, oneLine } from '../shared/errors.js';
import type { Logger } from '../shared/log.js';
import { pause } from '../shared/outage.js';
import { isGzip, isWantedFile } from './drop-entry.js';
import type { ZipLimits } from './drop-limits.js';
import { isZip } from './local-drop.js';
import { nameIs, type ReadyFile, type SeenFile, WatchedFolder } from './watched-folder.js';
import { readZipEntries } from './zip-entries.js';

export interface WatchOptions {
  folder: string;
  limits: ZipLimits;
  log: Logger;
  signal: AbortSignal;
  /**
   * Publishes one file; what is published already costs a look at it.
   *
   * @throws DropError where it is refused; anything else ends the watch
   */
  publish(file: string): Promise<void>;
  /** Milliseconds between two looks, that a file must not have changed, and that one that looks cut off is given. */
  every?: number;
  still?: number;
  patience?: number;
}

/**
 * Looks by itself every second: the file system's own notices (fs.watch) do not come from other machines, so of NFS and SMB they are
 * missing, and of a folder that is mounted anew for good.
 *
 * Nothing is kept of what was published: the drops topic knows it by its sha256. So a start reads every file in the folder once.
 *
 * @throws DropError where there is no such folder at the start; what `publish` throws
 */
export async function watchFolder(options: WatchOptions): Promise<void> {
  const { folder, log, signal, every = 1000, still = 2000, patience = 30_000 } = options;
  const watched = new WatchedFolder(still, patience);
  let passed = new Set<string>();
  let away = false;
  for (let first = true; !signal.aborted; first = false) {
    try {
      const { files, others } = await filesOf(folder);
      for (const name of others) if (!passed.has(name)) log.info({ name }, 'passed over: no drop by its name');
      passed = new Set(others);
      if (away) log.info({ folder }, 'the folder can be read again');
      away = false;
      for (const file of watched.look(files, performance.now())) {
        if (!signal.aborted) await publishOne(options, watched, file);
      }
    } catch (error) {
      if (!(error instanceof FolderAway)) throw error;
      if (first) throw new DropError(`the folder ${folder} cannot be read: ${error.message}`, { cause: error.cause });
      if (!away) log.warn({ folder, reason: error.message }, 'the folder cannot be read, waiting');
      away = true;
    }
    await pause(every, signal);
  }
}

async function publishOne({ folder, limits, log, publish }: WatchOptions, watched: WatchedFolder, file: ReadyFile): Promise<void> {
  const place = path.join(folder, file.name);
  try {
    if (!file.last && !(await looksWhole(place, limits))) return;
    // somebody began to write again since the look: its end may look whole in between
    if ((await stampOf(place)) !== file.stamp) return;
    await publish(place);
    watched.done(file);
  } catch (error) {
    if (!(error instanceof DropError)) throw error;
    // it was written to, or taken away, under our hands: what it is now is another one
    if ((await stampOf(place)) !== file.stamp) return;
    if (!file.last) return watched.later(file);
    watched.done(file);
    log.error({ name: file.name, hint: error.hint }, `a drop is refused: ${error.message}`);
  }
}

/** The folder as a whole cannot be read. */
class FolderAway extends Error {}

/** Files that are drops by their names, and what else there is; folders are left alone, as of these nobody knows when they are whole. */
async function filesOf(folder: string): Promise<{ files: SeenFile[]; others: string[] }> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    throw new FolderAway(oneLine(error), { cause: error });
  }
  const files: SeenFile[] = [];
  for (const name of names.filter(n => nameIs(n) === 'drop')) {
    const stamp = await stampOf(path.join(folder, name));
    if (stamp !== null) files.push({ name, stamp });
  }
  return { files, others: names.filter(n => nameIs(n) === 'pass') };
}

/** Null where there is no file. */
async function stampOf(file: string): Promise<string | null> {
  const found = await stat(file).catch(() => null);
  return found?.isFile() ? `${found.size} ${found.mtimeMs} ${found.mode}` : null;
}

/** A look at the end alone: a zip's directory, the last brace of JSON. Of gzip only all of it would tell. */
async function looksWhole(file: string, limits: ZipLimits): Promise<boolean> {
  const name = path.basename(file);
  try {
    if (isWantedFile(name) && !(await isZip(file))) return isGzip(name) || (await endsWithBrace(file));
    await readZipEntries(file, name, limits);
    return true;
  } catch {
    return false;
  }
}

async function endsWithBrace(file: string): Promise<boolean> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4096), 0, 4096, Math.max(0, size - 4096));
    return buffer.subarray(0, bytesRead).toString('latin1').trimEnd().endsWith('}');
  } finally {
    await handle.close();
  }
}
