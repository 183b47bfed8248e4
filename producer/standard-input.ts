/** A drop that comes by standard input: saved whole, then looked at to know what it is, as it has no name. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline, type Readable } from 'node:stream';
import * as zlib from 'node:zlib';
import { DropError, GlossierError, oneLine, throwIfAborted } from '../shared/errors.js';
import type { FetchedDrop, FetchOptions } from './fetch-drop.js';
import { asFiles } from './local-drop.js';
import { SavedBytes } from './saved-bytes.js';

/** Bytes of a text that are looked at; an order may have 900 KB. */
const LOOK_BYTES = 1 << 20;

/** @throws DropError where it is empty, too large or cannot be read; InterruptedError on the signal */
export async function fromInput(input: Readable, { maxBytes, signal }: FetchOptions): Promise<FetchedDrop> {
  const saved = await SavedBytes.begin('standard input', maxBytes);
  const stop = () => input.destroy();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    throwIfAborted(signal, 'reading standard input');
    for await (const chunk of input) await saved.append(chunk);
    throwIfAborted(signal, 'reading standard input');
    const { path, bytes } = saved;
    const sha256 = await saved.finish();
    if (bytes === 0) throw new DropError('standard input is empty', { hint: 'did the command before the pipe fail?' });
    const name = await nameOf(path);
    return { path, files: await asFiles(path, name, bytes), name, sha256, bytes, dispose: () => saved.dispose() };
  } catch (error) {
    await saved.dispose();
    throwIfAborted(signal, 'reading standard input');
    if (error instanceof GlossierError) throw error;
    throw new DropError(`standard input cannot be read: ${oneLine(error)}`, { cause: error });
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/** `stdin.zip`, unless it is JSON, or gzip of it. */
async function nameOf(file: string): Promise<string> {
  const start = await startOf(file, LOOK_BYTES);
  if (start[0] === 0x1f && start[1] === 0x8b) return `stdin.${kindOfText(await unpackedStart(file))}.gz`;
  return /^\s*[{[]/.test(textOf(start)) ? `stdin.${kindOfText(start)}` : 'stdin.zip';
}

/**
 * Whether a text is one document `{"orders":[…]}` or an order a line, by its beginning: the first line that is not blank is an object by
 * itself, and has no `orders`.
 */
export function kindOfText(start: Buffer): 'json' | 'jsonl' {
  const text = textOf(start).trimStart();
  const end = text.indexOf('\n');
  if (end < 0 && start.length >= LOOK_BYTES) return 'json';
  const first = (end < 0 ? text : text.slice(0, end)).trimEnd();
  if (first.length < 3 || !first.startsWith('{') || !first.endsWith('}') || /^\{\s*"orders"\s*:/.test(first)) return 'json';
  try {
    return Array.isArray((JSON.parse(first) as { orders?: unknown }).orders) ? 'json' : 'jsonl';
  } catch {
    return 'jsonl'; // its first order is broken
  }
}

/** Of UTF-16 nothing is made, and it is taken for a file that says so. */
function textOf(start: Buffer): string {
  return start.toString('utf8').replace(/^\ufeff/, '');
}

async function startOf(file: string, bytes: number): Promise<Buffer> {
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(bytes), 0, bytes, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** What is damaged or cut off there is told when it is read whole. */
async function unpackedStart(file: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of pipeline(createReadStream(file), zlib.createGunzip(), () => {})) {
      chunks.push(chunk as Buffer);
      bytes += (chunk as Buffer).length;
      if (bytes >= LOOK_BYTES) break;
    }
  } catch {
    // see above
  }
  return Buffer.concat(chunks);
}
