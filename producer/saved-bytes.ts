/** Bytes that come from elsewhere (a server, standard input) in a temporary file, with their sha256 and within a limit. */
import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import * as path from 'node:path';
import { DropError, errorCode, oneLine } from '../shared/errors.js';
import { temporaryFolder } from '../shared/temporary.js';

export class SavedBytes {
  /** Of the file. */
  readonly path: string;
  bytes = 0;
  #hash: Hash = createHash('sha256');

  private constructor(
    /** What it is, as a message begins with it. */
    readonly what: string,
    readonly maxBytes: number,
    readonly folder: { path: string; remove(): Promise<void> },
    readonly file: FileHandle,
  ) {
    this.path = path.join(folder.path, 'drop');
  }

  /** @throws DropError where there is no place for temporary files */
  static async begin(what: string, maxBytes: number): Promise<SavedBytes> {
    try {
      const folder = await temporaryFolder('glossier-drop-');
      const file = await open(path.join(folder.path, 'drop'), 'w');
      return new SavedBytes(what, maxBytes, folder, file);
    } catch (error) {
      throw notSaved(what, error);
    }
  }

  /** @throws DropError beyond the limit, or where the disk is full */
  async append(chunk: Buffer): Promise<void> {
    if (this.bytes + chunk.length > this.maxBytes) throw tooManyBytes(this.what, this.maxBytes);
    this.#hash.update(chunk);
    try {
      for (let done = 0; done < chunk.length; ) {
        done += (await this.file.write(chunk, done, chunk.length - done, this.bytes + done)).bytesWritten;
      }
    } catch (error) {
      throw notSaved(this.what, error);
    }
    this.bytes += chunk.length;
  }

  /** Forgets what has come so far. */
  async restart(): Promise<void> {
    await this.file.truncate(0);
    this.bytes = 0;
    this.#hash = createHash('sha256');
  }

  /** @returns the sha256 of all, 64 hex digits */
  async finish(): Promise<string> {
    await this.file.close();
    return this.#hash.digest('hex');
  }

  /** Removes the file. */
  async dispose(): Promise<void> {
    await this.file.close().catch(() => {});
    await this.folder.remove();
  }
}

export function tooManyBytes(what: string, maxBytes: number): DropError {
  return new DropError(`${what} has more than ${maxBytes} bytes`, { hint: 'raise MAX_DROP_BYTES if that is right' });
}

function notSaved(what: string, error: unknown): DropError {
  const full = errorCode(error) === 'ENOSPC' || errorCode(error) === 'EDQUOT';
  return new DropError(`${what} cannot be saved in the folder for temporary files: ${oneLine(error)}`, {
    hint: full ? 'make room there, or set TMPDIR to another one' : 'set TMPDIR to a folder that can be written to',
    cause: error,
  });
}
