/** Files of a drop that lie by themselves, plain or packed by gzip. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import * as zlib from 'node:zlib';
import { DropError, oneLine } from '../shared/errors.js';
import { crc32 } from './crc32.js';
import { type DropEntry, isGzip, shownName } from './drop-entry.js';
import { checkRatio, checkTotals, tooLarge, type ZipLimits } from './drop-limits.js';
import { read } from './zip-directory-end.js';

/** A file on this machine; `name` is what it is called in the drop. */
export interface LocalFile {
  path: string;
  name: string;
  /** As it lies there. */
  bytes: number;
}

const CHUNK_BYTES = 1 << 20;

/**
 * @param name of the drop, for messages
 * @throws DropError where they are beyond the limits, or one is not what its name says
 */
export async function fileEntries(files: LocalFile[], name: string, limits: ZipLimits): Promise<DropEntry[]> {
  if (files.length > limits.maxEntries) {
    throw new DropError(`${name} has ${files.length} files, more than ${limits.maxEntries}`, {
      hint: 'raise MAX_ENTRIES if that is right',
    });
  }
  const entries: FileEntry[] = [];
  for (const file of files) entries.push(new FileEntry(file, isGzip(file.name) ? await claimedBytes(file) : file.bytes, limits));
  checkTotals(
    entries.filter(e => !isGzip(e.name)),
    limits,
    name,
  );
  return entries;
}

class FileEntry implements DropEntry {
  readonly name: string;
  /** What the first reading has found, which the later ones must find too. */
  #crc32: number | null = null;

  constructor(
    readonly file: LocalFile,
    public bytes: number,
    readonly limits: ZipLimits,
  ) {
    this.name = file.name;
  }

  async *read(): AsyncGenerator<Buffer, void> {
    const { maxFileBytes } = this.limits;
    const shown = shownName(this.name);
    let bytes = 0;
    let crc = 0;
    try {
      for await (const chunk of this.#chunks()) {
        bytes += chunk.length;
        if (bytes > maxFileBytes) throw tooLarge(shown, bytes, maxFileBytes);
        checkRatio(bytes, this.file.bytes, this.limits, shown);
        crc = crc32(chunk, crc);
        yield chunk;
      }
    } catch (error) {
      if (error instanceof DropError) throw error;
      if (isGzip(this.name)) throw new DropError(`${shown} is damaged or cut off (${oneLine(error)})`, { hint: AGAIN, cause: error });
      throw new DropError(`${shown} cannot be read: ${oneLine(error)}`, { cause: error });
    }
    const changed = this.#crc32 === null ? !isGzip(this.name) && bytes !== this.bytes : crc !== this.#crc32 || bytes !== this.bytes;
    if (changed) throw new DropError(`${shown} changed while it was read`, { hint: 'wait until it has been copied to its end' });
    this.#crc32 = crc;
    this.bytes = bytes;
  }

  #chunks(): AsyncIterable<Buffer> {
    const source = createReadStream(this.file.path, { highWaterMark: CHUNK_BYTES });
    if (!isGzip(this.name)) return source;
    // an error of either ends the iteration over the last
    return pipeline(source, zlib.createGunzip({ chunkSize: CHUNK_BYTES }), () => {});
  }
}

const AGAIN = 'fetch it again, or ask for a new one';

/** The unpacked size at the end of a gzip file: of its last member, and of that the last 32 bits. For progress alone. */
async function claimedBytes({ path, name, bytes }: LocalFile): Promise<number> {
  const file = await open(path, 'r');
  try {
    const start = await read(file, 0, Math.min(2, bytes));
    if (start[0] !== 0x1f || start[1] !== 0x8b) throw new DropError(`${shownName(name)} is not packed by gzip`, { hint: AGAIN });
    return bytes < 18 ? 0 : (await read(file, bytes - 4, 4)).readUInt32LE(0);
  } finally {
    await file.close();
  }
}
