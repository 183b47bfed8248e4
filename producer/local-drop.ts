/** A drop that lies on this machine: a file, or a folder of files. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import * as path from 'node:path';
import { DropError, errorCode, oneLine, throwIfAborted } from '../shared/errors.js';
import { isWantedFile } from './drop-entry.js';
import type { FetchedDrop } from './fetch-drop.js';
import type { LocalFile } from './file-entries.js';

/** @throws DropError where there is no such file or folder, or it cannot be read */
export async function fromPath(source: string, signal: AbortSignal | undefined): Promise<FetchedDrop> {
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
export async function asFiles(file: string, name: string, bytes: number): Promise<LocalFile[] | null> {
  return isWantedFile(name) && !(await isZip(file)) ? [{ path: file, name, bytes }] : null;
}

/** By its first bytes. */
export async function isZip(file: string): Promise<boolean> {
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return bytesRead === 4 && buffer.readUInt32LE(0) === 0x04034b50;
  } finally {
    await handle.close();
  }
}
