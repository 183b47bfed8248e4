/**
 * Where a zip's central directory is and how many entries it claims, from the record at the zip's end.
 *
 * Read by ourselves before unzipper is let near: unzipper 0.12.5 looks for the record in the last 80 bytes alone, takes the first
 * that looks like one, believes the number of entries (a million of them take it 15 s and 1 GB), and knows nothing of bytes before
 * the zip.
 */
import type { FileHandle } from 'node:fs/promises';
import { DropError } from '../shared/errors.js';

export interface DirectoryEnd {
  /** Place of this record in the file. */
  at: number;
  /** The record itself, its comment, and whatever stands behind. */
  record: Buffer;
  /** Bytes before the zip itself; all offsets in the zip count from here. */
  prefix: number;
  entries: number;
  /** Place and size of the central directory in the file. */
  directoryAt: number;
  directoryBytes: number;
}

const END = 0x06054b50;
const END_BYTES = 22;
const END64 = 0x06064b50;
const END64_BYTES = 56;
const LOCATOR64 = 0x07064b50;
const LOCATOR64_BYTES = 20;
const LONGEST_COMMENT = 0xffff;

/**
 * @param size of the file in bytes
 * @param name of the drop, for messages
 * @throws DropError where there is no such record, or it does not fit the file
 */
export async function readDirectoryEnd(file: FileHandle, size: number, name: string): Promise<DirectoryEnd> {
  const tail = await read(file, Math.max(0, size - END_BYTES - LONGEST_COMMENT), Math.min(size, END_BYTES + LONGEST_COMMENT));
  const inTail = findEnd(tail);
  if (inTail < 0) throw notAZip(await read(file, 0, Math.min(size, 4)), name);
  const at = size - tail.length + inTail;
  const record = tail.subarray(inTail);
  const corrupt = () => new DropError(`${name} has a corrupt directory`, { hint: HINT });

  let entries = record.readUInt16LE(10);
  let bytes = record.readUInt32LE(12);
  let offset = record.readUInt32LE(16);
  let disk = record.readUInt16LE(4);
  let end = at;
  const found = await readEnd64(file, at, name); // may be there although nothing in the zip is so large
  if (found !== null) {
    const agrees = (small: number, full: number, large: number) => small === full || small === large;
    if (!agrees(entries, 0xffff, found.entries) || !agrees(bytes, 0xffffffff, found.bytes) || !agrees(offset, 0xffffffff, found.offset))
      throw corrupt();
    ({ at: end, entries, bytes, offset } = found);
    if (disk === 0xffff) disk = 0;
  }
  if (disk !== 0) throw new DropError(`${name} is one part of a zip of several`, { hint: 'join the parts first' });
  const prefix = end - bytes - offset;
  if (!Number.isSafeInteger(prefix) || prefix < 0 || entries * 46 > bytes) throw corrupt();
  return { at, record, prefix, entries, directoryAt: prefix + offset, directoryBytes: bytes };
}

const HINT = 'fetch it again, or ask for a new one';

/** The last record whose comment reaches just to the end; failing that the last one that fits. */
function findEnd(tail: Buffer): number {
  let fits = -1;
  for (let i = tail.length - END_BYTES; i >= 0; i--) {
    if (tail[i] !== 0x50 || tail.readUInt32LE(i) !== END) continue;
    const end = i + END_BYTES + tail.readUInt16LE(i + 20);
    if (end === tail.length) return i;
    if (end < tail.length && fits < 0) fits = i;
  }
  return fits;
}

/** The zip64 record, found through its locator before the ordinary record; null where there is none. */
async function readEnd64(
  file: FileHandle,
  endAt: number,
  name: string,
): Promise<{ at: number; entries: number; bytes: number; offset: number } | null> {
  if (endAt < LOCATOR64_BYTES + END64_BYTES) return null;
  const locator = await read(file, endAt - LOCATOR64_BYTES, LOCATOR64_BYTES);
  if (locator.readUInt32LE(0) !== LOCATOR64) return null;
  // with bytes before the zip the locator's offset is wrong, and the record stands right before the locator
  for (const at of [Number(locator.readBigUInt64LE(8)), endAt - LOCATOR64_BYTES - END64_BYTES]) {
    if (!Number.isSafeInteger(at) || at + END64_BYTES > endAt) continue;
    const record = await read(file, at, END64_BYTES);
    if (record.readUInt32LE(0) !== END64) continue;
    // version 6.2 of the format is the first that can encrypt the directory, and is needed for nothing else
    if (record.readUInt16LE(14) >= 62)
      throw new DropError(`${name} has an encrypted directory`, { hint: 'ask for a drop without a password' });
    return {
      at,
      entries: Number(record.readBigUInt64LE(32)),
      bytes: Number(record.readBigUInt64LE(40)),
      offset: Number(record.readBigUInt64LE(48)),
    };
  }
  return null;
}

function notAZip(start: Buffer, name: string): DropError {
  if (start.length === 4 && start.readUInt32LE(0) === 0x04034b50) {
    return new DropError(`${name} is cut off: its directory, at the end, is missing`, { hint: HINT });
  }
  if (start.length === 4 && start.readUInt32LE(0) === 0x08074b50)
    return new DropError(`${name} is one part of a zip of several`, { hint: 'join the parts first' });
  const what =
    start[0] === 0x1f && start[1] === 0x8b
      ? ' but packed by gzip'
      : /^\s*[{[]/.test(start.toString('latin1'))
        ? ' but looks like JSON'
        : start[0] === 0x3c
          ? ' but looks like a web page'
          : '';
  return new DropError(`${name} is not a zip${what}`, {
    hint: 'a drop is a zip of YYYY-MM-DD.json files; such a file, or a .jsonl file, by itself must have that name',
  });
}

/** @throws DropError when the file has become shorter */
export async function read(file: FileHandle, at: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(bytes);
  let done = 0;
  while (done < bytes) {
    const { bytesRead } = await file.read(buffer, done, bytes - done, at + done);
    if (bytesRead === 0)
      throw new DropError('the drop became shorter while it was read', {
        hint: 'wait until it has been copied to its end',
      });
    done += bytesRead;
  }
  return buffer;
}
