/** A drop, whatever it is, fetched and with its files known. */

import type { DropEntry } from './drop-entry.js';
import type { ZipLimits } from './drop-limits.js';
import { type FetchedDrop, type FetchOptions, fetchDrop } from './fetch-drop.js';
import { fileEntries } from './file-entries.js';
import { asDropEntries } from './inflate-entry.js';
import { readZipEntries } from './zip-entries.js';

export interface OpenDrop {
  /** To be disposed of by the caller. */
  drop: FetchedDrop;
  entries: DropEntry[];
}

/**
 * @param source a path or an http(s) URL of a zip or of a file of orders, a path of a folder of such files, or `-` for `input`
 * @throws DropError when it cannot be had, or is refused by its directory or a limit; InterruptedError on the signal
 */
export async function openDrop(
  source: string,
  limits: ZipLimits,
  options: Pick<FetchOptions, 'signal' | 'input' | 'sha256' | 'log'> = {},
): Promise<OpenDrop> {
  const drop = await fetchDrop(source, { ...options, maxBytes: limits.maxDropBytes });
  try {
    const entries =
      drop.files === null
        ? asDropEntries(drop.path, await readZipEntries(drop.path, drop.name, limits))
        : await fileEntries(drop.files, drop.name, limits);
    return { drop, entries };
  } catch (error) {
    await drop.dispose();
    throw error;
  }
}
