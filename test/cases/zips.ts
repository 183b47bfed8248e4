/** Zips that are refused as a whole, and odd ones that are taken, one line a case. */
import * as zlib from 'node:zlib';
import { altered, directoryOf, emptyFiles, endOf, localsOf, makeZip } from '../unit/producer/zips.js';
import { goodOrder } from './case.js';

/** Limits as settings other than the usual ones. */
export type Limits = Partial<Record<'maxEntries' | 'maxFileBytes' | 'maxDropBytes' | 'maxRatio', number>>;

/** Words of the refusal, or how many orders it brings. */
export type ZipCase = readonly [why: string, zip: Buffer, outcome: RegExp | number, limits?: Limits];

const A = `{"orders":[${goodOrder(1)}]}`;
const B = `{"orders":[${goodOrder(2)},${goodOrder(3)}]}`;
/** One file deflated, one stored. */
const two = await makeZip([
  { name: '2017-12-01.json', data: A },
  { name: '2017-12-02.json', data: B, stored: true },
]);
const noisy = await makeZip([
  { name: '2017-12-01.json', data: A },
  { name: 'README.txt', data: 'x' },
]);
const [first, second] = directoryOf(two);
const [, stored] = localsOf(two);
const end = endOf(two);
const spoiled = (change: (zip: Buffer) => void): Buffer => altered(two, change);
const u16 = (at: number, n: number): Buffer => spoiled(z => z.writeUInt16LE(n, at));
const u32 = (at: number, n: number): Buffer => spoiled(z => z.writeUInt32LE(n, at));
const without = (from: number, to: number): Buffer => Buffer.concat([two.subarray(0, from), two.subarray(to)]);
const CORRUPT = /corrupt directory/;
const OUTSIDE = /lies outside the zip by the directory/;

export const ZIPS: readonly ZipCase[] = [
  ['an empty file', Buffer.alloc(0), /is empty/],
  ['one byte', Buffer.from('P'), /is not a zip/],
  ['noughts', Buffer.alloc(100_000), /is not a zip/],
  ['JSON without a zip', Buffer.from(A), /not a zip but looks like JSON/],
  ['gzip', zlib.gzipSync(A), /not a zip but packed by gzip/],
  ['a web page', Buffer.from('<!DOCTYPE html>'), /not a zip but looks like a web page/],
  ['cut off in the first file', two.subarray(0, 60), /is cut off/],
  ['cut off in the directory', two.subarray(0, first + 20), /is cut off/],
  ['cut off by its last byte', two.subarray(0, two.length - 1), /is cut off/],
  ['cut off at the front', two.subarray(40), /corrupt|not where/],
  ['a piece is missing in the middle', without(50, 60), /corrupt|not where|damaged|outside/],
  ['the directory is missing', without(first, end), CORRUPT],
  ['half of the directory is missing', without(first, second), CORRUPT],
  ['the mark of the directory is wrong', u32(first, 0), CORRUPT],
  ['one entry too few is told', u16(end + 10, 1), CORRUPT],
  ['one entry too many is told', u16(end + 10, 3), CORRUPT],
  ['65,534 entries are told', u16(end + 10, 65_534), CORRUPT],
  ['the directory is told to be longer', u32(end + 12, 10_000), CORRUPT],
  ['the directory is told to be elsewhere', u32(end + 16, 10_000), CORRUPT],
  ['one disk of several', u16(end + 4, 1), /one part of a zip of several/],
  ['a file is told to lie behind the zip', u32(first + 42, 1e9), OUTSIDE],
  ['a file is told to be longer than the zip', u32(first + 20, 1e9), OUTSIDE],
  ['a file is not where it is told to be', u32(first + 42, 3), /not where the directory says/],
  ['a file is told to be shorter', u32(first + 24, A.length - 1), /is longer than the \d+ bytes/],
  ['a file is told to be longer', u32(first + 24, A.length + 1), /has \d+ bytes where the directory tells of/],
  ['a stored file has two sizes', u32(second + 24, 1), /two sizes/],
  ['another checksum', u32(first + 16, 5), /checksum/],
  ['another checksum of a stored file', u32(second + 16, 5), /checksum/],
  ['a bit flipped in a stored file', spoiled(z => (z[stored + 60] ^= 1)), /checksum/],
  ['a bit flipped in a deflated file', spoiled(z => (z[60] ^= 4)), /is damaged|is longer|has \d+ bytes/],
  ['encrypted', u16(first + 8, 1), /is encrypted/],
  ['strongly encrypted', u16(second + 8, 0x41), /is encrypted/],
  ['bzip2', u16(first + 10, 12), /packed by bzip2, method 12/],
  ['a name that stands twice', spoiled(z => z.write('2017-12-01.json', second + 46)), /is in it twice/],
  ['a control character in a name', spoiled(z => z.write('\u0007', second + 46)), /control character in its name/],
  ['no .json file', await makeZip([{ name: 'a.txt', data: 'x' }]), /holds no \.json file/],
  ['no file at all', await makeZip([]), /holds no \.json file/],
  ['more files than allowed', two, /2 entries, more than 1/, { maxEntries: 1 }],
  ['a million files', emptyFiles(1_000_000), /1000000 entries, more than/],
  ['a file larger than allowed', two, /unpacks to \d+ bytes, more than 200/, { maxFileBytes: 200 }],
  ['a drop larger than allowed', two, /unpacks to \d+ bytes, more than 300/, { maxDropBytes: 300 }],
  ['a bomb', await makeZip([{ name: 'a.json', data: Buffer.alloc(68_000_000, 0x20) }]), /times its size, more than 200/],
  ['a zip', two, 3],
  ['a comment', await makeZip([{ name: 'a.json', data: B }], { comment: 'PK is not the end' }), 2],
  ['zip64', await makeZip([{ name: 'a.json', data: B, zip64: true }], { zip64: true }), 2],
  ['bytes before the zip', Buffer.concat([Buffer.from('#!/bin/sh\n'), two]), 3],
  ['bytes behind the zip', Buffer.concat([two, Buffer.from('\r\n')]), 3],
  ['a file that lies in it and is not in the directory', Buffer.concat([two.subarray(0, first), noisy]), 1],
  ['another checksum in the local header alone', u32(14, 5), 3],
  ['a file that is not wanted is damaged', altered(noisy, z => z.writeUInt32LE(5, directoryOf(z)[1] + 16)), 1],
  ['a file that is not wanted has no name', await unnamed(), 1],
];

/** A zip with an entry whose name is empty. */
async function unnamed(): Promise<Buffer> {
  const zip = await makeZip([
    { name: 'a.json', data: A },
    { name: 'x', data: 'x' },
  ]);
  const at = directoryOf(zip)[1];
  const without = Buffer.concat([zip.subarray(0, at + 46), zip.subarray(at + 47)]);
  without.writeUInt16LE(0, at + 28);
  without.writeUInt32LE(without.readUInt32LE(endOf(without) + 12) - 1, endOf(without) + 12);
  return without;
}
