/** The limits of a drop: whatever lies beyond them is refused before anything is published. */
import { DropError } from '../shared/errors.js';
import type { Settings } from '../shared/settings.js';
import { shownName } from './drop-entry.js';

export type ZipLimits = Pick<Settings, 'maxEntries' | 'maxFileBytes' | 'maxDropBytes' | 'maxRatio'>;

/** Unpacked bytes below which no ratio is suspicious: a few orders with a long text shrink a thousand times. */
const RATIO_COUNTS_FROM = 64 * 1024 * 1024;

/** @throws DropError where a file, or all together, have too many bytes */
export function checkTotals(entries: { name: string; bytes: number }[], limits: ZipLimits, name: string): void {
  let unpacked = 0;
  for (const e of entries) {
    if (e.bytes > limits.maxFileBytes) throw tooLarge(`${name}: ${shownName(e.name)}`, e.bytes, limits.maxFileBytes);
    unpacked += e.bytes;
  }
  if (unpacked > limits.maxDropBytes) {
    throw new DropError(`${name} unpacks to ${unpacked} bytes, more than ${limits.maxDropBytes}`, {
      hint: 'raise MAX_DROP_BYTES if that is right',
    });
  }
}

/** @throws DropError where so few packed bytes give so many */
export function checkRatio(unpacked: number, packed: number, { maxRatio }: ZipLimits, name: string): void {
  if (unpacked <= RATIO_COUNTS_FROM || unpacked <= packed * maxRatio) return;
  throw new DropError(`${name} unpacks to ${Math.ceil(unpacked / Math.max(packed, 1))} times its size, more than ${maxRatio}`, {
    hint: 'raise MAX_RATIO if that is right',
  });
}

/** A file that is too large. */
export function tooLarge(name: string, bytes: number, maxFileBytes: number): DropError {
  return new DropError(`${name} unpacks to ${bytes} bytes, more than ${maxFileBytes}`, { hint: 'raise MAX_FILE_BYTES if that is right' });
}
