/**
 * Mutated zips: each is taken or refused in time, and what is taken is byte for byte what yauzl and Python's zipfile read from it; where they
 * disagree on whether it is a zip at all, a rule says why.
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkEntries } from '../../producer/check-entries.js';
import type { ZipLimits } from '../../producer/drop-limits.js';
import { asDropEntries } from '../../producer/inflate-entry.js';
import { readZipEntries } from '../../producer/zip-entries.js';
import { DropError } from '../../shared/errors.js';
import { Random } from '../support/make-drop-orders.js';
import { dropEntries } from '../support/oracle-zip.js';
import { makeZip } from '../unit/producer/zips.js';
import { mutateBytes } from './mutate.js';
import type { Python, ZipVerdict } from './python.js';
import { ZIP_LENIENCE, ZIP_REFUSALS } from './rules.js';

const LIMITS: ZipLimits = { maxEntries: 1000, maxFileBytes: 20e6, maxDropBytes: 50e6, maxRatio: 200 };
/** Milliseconds for one small zip; it takes a few. */
const DEADLINE = 20_000;

export interface ZipsResult {
  zips: number;
  taken: number;
  refused: number;
  problems: string[];
  /** Paths of some of the refused ones. */
  samples: string[];
}

/** Whole zips of each kind to spoil. */
async function wholeZips(): Promise<Buffer[]> {
  const files = (stored: boolean, zip64 = false) =>
    [1, 2, 3].map(n => ({
      name: `${n}/2017-12-0${n}.json`,
      data: `{"orders":[{"id":${n}},{"id":${n + 10}}]}`.padEnd(n * 60),
      stored,
      zip64,
    }));
  const noise = [
    { name: 'README.txt', data: 'not orders' },
    { name: 'folder.json/', data: '' },
    { name: '__MACOSX/._2017-12-01.json', data: '\0' },
  ];
  return [
    await makeZip(files(false)),
    await makeZip(files(true)),
    await makeZip([...files(false), ...noise], { comment: 'a comment' }),
    await makeZip(files(true, true), { zip64: true }),
    Buffer.concat([Buffer.from('#!/bin/sh\n'), await makeZip(files(false))]),
  ];
}

/** The records of a zip by their marks, with their fields as [offset, bytes]. */
const RECORDS: readonly [mark: string, fields: string][] = [
  ['PK\u0001\u0002', '0 4, 4 2, 6 2, 8 2, 10 2, 12 4, 16 4, 20 4, 24 4, 28 2, 30 2, 32 2, 34 2, 36 2, 38 4, 42 4'],
  ['PK\u0003\u0004', '0 4, 4 2, 6 2, 8 2, 10 4, 14 4, 18 4, 22 4, 26 2, 28 2'],
  ['PK\u0005\u0006', '0 4, 4 2, 6 2, 8 2, 10 2, 12 4, 16 4, 20 2'],
  ['PK\u0006\u0006', '0 4, 4 4, 12 2, 14 2, 16 4, 20 4, 24 4, 32 4, 36 4, 40 4, 48 4'],
  ['PK\u0006\u0007', '0 4, 4 4, 8 4, 16 4'],
];

/** Every field of every record, as [place, bytes]. */
function fieldsOf(zip: Buffer): [number, number][] {
  const places: [number, number][] = [];
  for (const [mark, fields] of RECORDS) {
    for (let at = zip.indexOf(mark, 0, 'latin1'); at >= 0; at = zip.indexOf(mark, at + 4, 'latin1')) {
      for (const field of fields.split(', ')) {
        const [offset, bytes] = field.split(' ').map(Number);
        places.push([at + offset, bytes]);
      }
    }
  }
  return places.filter(([at, bytes]) => at + bytes <= zip.length);
}

/** A zip with some of its fields, bytes or pieces changed. */
function mutateZip(random: Random, whole: Buffer): Buffer {
  let zip: Buffer = Buffer.from(whole);
  for (let n = random.chance(0.7) ? 1 : random.int(2, 3); n > 0; n--) {
    const fields = fieldsOf(zip);
    if (random.chance(0.3) || fields.length === 0) {
      zip = mutateBytes(random, zip);
      continue;
    }
    const [at, bytes] = random.pick(fields);
    const old = zip.readUIntLE(at, bytes);
    const most = 2 ** (8 * bytes) - 1;
    const odd = [
      0,
      1,
      old + 1,
      old - 1,
      old * 2,
      most,
      most - 1,
      (most + 1) / 2,
      zip.length,
      random.int(0, most),
      old - (old % 2),
      (old % 2048) + 2048,
    ];
    zip.writeUIntLE(Math.min(most, Math.max(0, random.pick(odd))), at, bytes);
  }
  return zip;
}

export async function fuzzZips(seed: number, count: number, folder: string, python: Python | null): Promise<ZipsResult> {
  const random = new Random(seed);
  const whole = await wholeZips();
  const result: ZipsResult = { zips: count, taken: 0, refused: 0, problems: [], samples: [] };
  for (let n = 0; n < count; n++) {
    const bytes = mutateZip(random, random.pick(whole));
    const keep = result.samples.length < 20 && n % 7 === 0;
    const path = join(folder, keep ? `zip-${seed}-${n}.zip` : 'zip.zip');
    writeFileSync(path, bytes);
    const ours = await inTime(readOurs(path));
    if ('error' in ours) {
      result.refused++;
      if (keep) result.samples.push(path);
    } else result.taken++;
    const others: [string, ZipVerdict][] = [['yauzl', await readYauzl(path)]];
    if (python !== null) others.push(['python', await python.zip(path)]);
    for (const [who, theirs] of others) {
      const why = disagreement(ours, theirs, who);
      if (why !== null) {
        const kept = join(folder, `zip-${seed}-${n}-disagreement.zip`);
        writeFileSync(kept, bytes);
        result.problems.push(`seed ${seed} zip ${n}: ${who}: ${why} (${kept})`);
      }
    }
  }
  return result;
}

/** Everything that is done with a zip before its first order is published. */
async function readOurs(path: string): Promise<ZipVerdict> {
  try {
    const entries = asDropEntries(path, await readZipEntries(path, 'drop.zip', LIMITS));
    await checkEntries(entries, LIMITS.maxDropBytes, undefined, () => {});
    const files: [string, string][] = [];
    for (const entry of entries) {
      const hash = createHash('sha256');
      for await (const chunk of entry.read()) hash.update(chunk);
      files.push([entry.name, hash.digest('hex')]);
    }
    return { files };
  } catch (error) {
    if (!(error instanceof DropError)) throw error;
    if (error.message.includes('\n') || !error.hint) throw new Error(`a refusal without a hint or of several lines: ${error.message}`);
    return { error: error.message };
  }
}

async function readYauzl(path: string): Promise<ZipVerdict> {
  try {
    const files: [string, string][] = [];
    for await (const { name, bytes } of dropEntries(path)) files.push([name, createHash('sha256').update(bytes).digest('hex')]);
    return { files };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

/** Null where both agree, or a rule says why not. */
function disagreement(ours: ZipVerdict, theirs: ZipVerdict, who: string): string | null {
  if ('error' in ours) {
    if (!ZIP_REFUSALS.some(r => r.words.test(ours.error))) return `no rule has the words of ${ours.error}`;
    return null;
  }
  if ('error' in theirs) return ZIP_LENIENCE.some(r => r.words.test(theirs.error)) ? null : `we take what it refuses: ${theirs.error}`;
  const contents = (v: { files: [string, string][] }) => v.files.map(([, sha]) => sha).join();
  return contents(ours) === contents(theirs) ? null : `other files: ${JSON.stringify([ours.files, theirs.files]).slice(0, 600)} (${who})`;
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('a zip took too long')), DEADLINE);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
