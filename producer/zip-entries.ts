/**
 * The files of a drop, by the zip's central directory: read first and checked against the limits before a byte is unpacked.
 *
 * unzipper parses the directory; what it believes without looking (signatures, encryption, methods, names, sizes, limits) is checked
 * here. Only what the directory lists counts: entries that merely lie in the file are never seen.
 */
import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { type CentralDirectory, Open } from 'unzipper';
import { DropError, oneLine } from '../shared/errors.js';
import { isWanted, shownName } from './drop-entry.js';
import { checkRatio, checkTotals, type ZipLimits } from './drop-limits.js';
import { type DirectoryEnd, readDirectoryEnd } from './zip-directory-end.js';

/** One wanted file of a zip, as the directory has it. */
export interface ZipEntry {
  name: string;
  /** Unpacked bytes. */
  bytes: number;
  packedBytes: number;
  crc32: number;
  /** 0 = stored, 8 = deflated. */
  method: 0 | 8;
  /** Place of its local header in the file. */
  at: number;
}

/** Bytes of a directory at the most: 10,000 entries take about 1 MB. */
const MAX_DIRECTORY_BYTES = 64 << 20;

/** Names of the methods that are met with, for messages. */
const METHODS: Record<number, string> = {
  1: 'shrink',
  6: 'implode',
  9: 'deflate64',
  12: 'bzip2',
  14: 'LZMA',
  93: 'zstd',
  95: 'xz',
  98: 'PPMd',
};

const HINT = 'fetch it again, or ask for a new one';

/**
 * @param path of the zip
 * @param name of the drop, for messages
 * @returns the files with orders, in the directory's order; at least one
 * @throws DropError
 */
export async function readZipEntries(path: string, name: string, limits: ZipLimits): Promise<ZipEntry[]> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const end = await readDirectoryEnd(file, size, name);
    if (end.entries > limits.maxEntries) {
      throw new DropError(`${name} has ${end.entries} entries, more than ${limits.maxEntries}`, {
        hint: 'raise MAX_ENTRIES if that is right',
      });
    }
    if (end.directoryBytes > MAX_DIRECTORY_BYTES)
      throw new DropError(`${name} has a directory of ${end.directoryBytes} bytes`, { hint: HINT });
    const directory = await parseDirectory(path, size, end, name);
    const entries = wantedEntries(directory, end, name);
    checkTotals(entries, limits, name);
    const sum = (pick: (e: ZipEntry) => number) => entries.reduce((bytes, e) => bytes + pick(e), 0);
    checkRatio(
      sum(e => e.bytes),
      sum(e => e.packedBytes),
      limits,
      name,
    );
    return entries;
  } finally {
    await file.close();
  }
}

/** Lets unzipper parse the directory: by exactly the end record that we found, and with offsets moved by what stands before the zip. */
async function parseDirectory(path: string, size: number, end: DirectoryEnd, name: string): Promise<CentralDirectory> {
  const streams: Readable[] = [];
  const source = {
    size: async () => size - end.prefix,
    stream: (offset: number) => {
      const start = end.prefix + offset;
      // its reader fails now and then where nothing follows what it asks for, so something follows
      const stream = start === end.at ? Readable.from([end.record, Buffer.alloc(64)]) : createReadStream(path, { start });
      streams.push(stream);
      return stream;
    },
  };
  // its types leave the options out
  const custom = Open.custom as (source: object, options: { tailSize: number }) => Promise<CentralDirectory>;
  try {
    return await custom(source, { tailSize: size - end.at });
  } catch (error) {
    throw new DropError(`${name} has a corrupt directory (${oneLine(error)})`, { hint: HINT, cause: error });
  } finally {
    for (const stream of streams) stream.destroy(); // unzipper leaves them open
  }
}

function wantedEntries(directory: CentralDirectory, end: DirectoryEnd, name: string): ZipEntry[] {
  const entries: ZipEntry[] = [];
  const seen = new Set<string>();
  let bytes = 0;
  for (const e of directory.files) {
    bytes += 46 + e.fileNameLength + e.extraFieldLength + e.fileCommentLength;
    if (e.signature !== 0x02014b50) throw new DropError(`${name} has a corrupt directory`, { hint: HINT });
    // names without the UTF-8 flag are often UTF-8 all the same; where they are not, bytes must at least stay distinct
    const raw = Buffer.from(e.pathBuffer); // unzipper has '' where there is no name
    const file = raw.toString(isUtf8(raw) ? 'utf8' : 'latin1');
    if (!isWanted(file)) continue;
    const refuse = (what: string, hint = HINT) => new DropError(`${name}: ${shownName(file)} ${what}`, { hint });
    if (/[\0-\x1f]/.test(file)) throw refuse('has a control character in its name');
    if (seen.has(file)) throw refuse('is in it twice');
    seen.add(file);
    if (e.flags & 0x2041) throw refuse('is encrypted', 'ask for a drop without a password');
    if (e.compressionMethod !== 0 && e.compressionMethod !== 8) {
      const method = METHODS[e.compressionMethod];
      const by = `${method === undefined ? '' : `${method}, `}method ${e.compressionMethod}`;
      throw refuse(`is packed by ${by}`, 'pack it by deflate, the usual method of zip');
    }
    const at = end.prefix + e.offsetToLocalFileHeader;
    const sizes = [e.uncompressedSize, e.compressedSize, at];
    if (!sizes.every(n => Number.isSafeInteger(n) && n >= 0) || at + 30 + e.compressedSize > end.directoryAt) {
      throw refuse('lies outside the zip by the directory');
    }
    if (e.compressionMethod === 0 && e.compressedSize !== e.uncompressedSize) throw refuse('has two sizes in the directory');
    entries.push({
      name: file,
      bytes: e.uncompressedSize,
      packedBytes: e.compressedSize,
      crc32: e.crc32 >>> 0,
      method: e.compressionMethod,
      at,
    });
  }
  if (directory.files.length !== end.entries || bytes !== end.directoryBytes) {
    throw new DropError(`${name} has a corrupt directory`, { hint: HINT });
  }
  const places = [...entries].sort((x, y) => x.at - y.at);
  for (let n = 1; n < places.length; n++) {
    const [before, e] = [places[n - 1], places[n]];
    if (before.at + 30 + before.packedBytes <= e.at) continue;
    throw new DropError(`${name}: ${shownName(e.name)} lies in the bytes of ${shownName(before.name)}`, { hint: HINT });
  }
  if (entries.length === 0) {
    throw new DropError(`${name} holds no .json file`, { hint: 'a drop is a zip of YYYY-MM-DD.json files' });
  }
  return entries;
}
