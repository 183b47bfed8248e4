/** Folders for what is fetched, which go away with the process whatever ends it, but for `kill -9` and a machine that stops. */
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';

const folders = new Set<string>();

/** A new empty folder below the system's own for temporary files. */
export async function temporaryFolder(prefix: string): Promise<{ path: string; remove(): Promise<void> }> {
  if (folders.size === 0) process.once('exit', removeTemporaryFolders);
  const folder = await mkdtemp(path.join(tmpdir(), prefix));
  folders.add(folder);
  const remove = async () => {
    await rm(folder, { recursive: true, force: true });
    folders.delete(folder);
    if (folders.size === 0) process.removeListener('exit', removeTemporaryFolders);
  };
  return { path: folder, remove };
}

/** Removes those that are left, at once: for a process that is about to die of a signal, which runs no `finally`. */
export function removeTemporaryFolders(): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  folders.clear();
}
