/** Zips for tests: whole ones by yazl, broken ones by surgery on their bytes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import yazl from 'yazl';

export interface ZipFile {
  name: string;
  data: string | Buffer;
  stored?: boolean;
  zip64?: boolean;
  /** Written as a stream is: its sizes and checksum come behind its data. */
  descriptor?: boolean;
}

export interface ZipOptions {
  comment?: string;
  zip64?: boolean;
}

/** A whole zip. */
export async function makeZip(files: ZipFile[], options: ZipOptions = {}): Promise<Buffer> {
  const zip = new yazl.ZipFile();
  for (const { name, data, stored, zip64, descriptor } of files) {
    if (name.endsWith('/')) zip.addEmptyDirectory(name);
    else if (descriptor) zip.addReadStream(Readable.from([Buffer.from(data as string)]), name, { compress: !stored });
    else zip.addBuffer(Buffer.from(data as string), name, { compress: !stored, forceZip64Format: zip64 });
  }
  zip.end({ forceZip64Format: options.zip64 ?? false, comment: options.comment ?? '' });
  return buffer(zip.outputStream);
}

/** Place of the record at the end of a zip without a comment that looks like one. */
export function endOf(zip: Buffer): number {
  return zip.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]));
}

/** Places of the directory's entries, in its order. */
export function directoryOf(zip: Buffer): number[] {
  const end = endOf(zip);
  const places: number[] = [];
  let at = zip.readUInt32LE(end + 16);
  for (let n = zip.readUInt16LE(end + 10); n > 0; n--) {
    places.push(at);
    at += 46 + zip.readUInt16LE(at + 28) + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return places;
}

/** Places of the entries' local headers, in the directory's order. */
export function localsOf(zip: Buffer): number[] {
  return directoryOf(zip).map(at => zip.readUInt32LE(at + 42));
}

/** A copy with some bytes changed. */
export function altered(zip: Buffer, change: (zip: Buffer) => void): Buffer {
  const copy = Buffer.from(zip);
  change(copy);
  return copy;
}

/** A zip of a directory alone, for entries that need no bytes: `count` empty files. Much quicker than yazl. */
export function emptyFiles(count: number): Buffer {
  const name = (n: number) => Buffer.from(`${String(n).padStart(7, '0')}.json`);
  const locals = Buffer.alloc(count * 42);
  const directory = Buffer.alloc(count * 58);
  for (let n = 0; n < count; n++) {
    const l = n * 42;
    locals.writeUInt32LE(0x04034b50, l);
    locals.writeUInt16LE(12, l + 26);
    locals.set(name(n), l + 30);
    const d = n * 58;
    directory.writeUInt32LE(0x02014b50, d);
    directory.writeUInt16LE(12, d + 28);
    directory.writeUInt32LE(l, d + 42);
    directory.set(name(n), d + 46);
  }
  const end64 = Buffer.alloc(56 + 20 + 22);
  end64.writeUInt32LE(0x06064b50, 0);
  end64.writeBigUInt64LE(44n, 4);
  end64.writeBigUInt64LE(BigInt(count), 24);
  end64.writeBigUInt64LE(BigInt(count), 32);
  end64.writeBigUInt64LE(BigInt(directory.length), 40);
  end64.writeBigUInt64LE(BigInt(locals.length), 48);
  end64.writeUInt32LE(0x07064b50, 56);
  end64.writeBigUInt64LE(BigInt(locals.length + directory.length), 64);
  end64.writeUInt32LE(1, 72);
  end64.writeUInt32LE(0x06054b50, 76);
  end64.writeUInt16LE(Math.min(count, 0xffff), 84);
  end64.writeUInt16LE(Math.min(count, 0xffff), 86);
  end64.writeUInt32LE(directory.length, 88);
  end64.writeUInt32LE(locals.length, 92);
  return Buffer.concat([locals, directory, end64]);
}

/** A folder for one test file's zips. */
export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), 'glossier-zips-'));
  #count = 0;

  save(bytes: Buffer, name = `${++this.#count}.zip`): string {
    const path = join(this.path, name);
    writeFileSync(path, bytes);
    return path;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
