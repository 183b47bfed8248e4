/**
 * The oracle's own reading of a drop: the zip's directory -> the files that count -> the elements of their `orders`.
 *
 * It cuts by counting brackets and has lossless-json judge each piece, which is slow and not how the program does it: a check
 * that worked the same way would share its mistakes.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { parse } from 'lossless-json';
import yauzl from 'yauzl';

/** One element of an `orders` array. */
export interface Element {
  /** Undefined where the bytes are not UTF-8. */
  value: unknown;
  utf8: boolean;
  /** Nested deeper than an order may be (MAX_DEPTH); the value is then left unread. */
  deep?: boolean;
  /** Values that a later one of the same key replaces. */
  replaced?: unknown[];
  /** As delivered. */
  bytes: Buffer;
}

/** MAX_DEPTH as it is set where nobody sets it. */
export const MOST_DEPTH = 512;

export interface CutFile {
  elements: Element[];
  /** Where and why reading ended before the end of the file; the elements before it count. */
  fault: { byte: number; reason: string } | null;
}

export interface DropEntry {
  name: string;
  bytes: Buffer;
}

export async function sha256(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

/** The files of a drop that hold orders, in the order of the zip's directory, one at a time. */
export async function* dropEntries(path: string): AsyncGenerator<DropEntry> {
  // from memory: handed a path, yauzl ends the process when a directory tells of a place beyond 2^53
  const zip = await yauzl.fromBufferPromise(await readFile(path), { lazyEntries: true });
  try {
    for await (const entry of zip.eachEntry()) {
      const name = entry.fileName;
      const parts = name.split('/');
      const last = parts[parts.length - 1];
      if (!last.endsWith('.json') || last.startsWith('.') || parts.includes('__MACOSX')) continue;
      const stream = await zip.openReadStreamPromise(entry);
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(chunk as Buffer);
      yield { name, bytes: Buffer.concat(chunks) };
    }
  } finally {
    zip.close();
  }
}

/** The month that a file's name gives its orders, or null. The day need not exist in that month: `2017-11-31.json` is November's. */
export function monthOfName(name: string): string | null {
  const last = name.slice(name.lastIndexOf('/') + 1);
  for (const [, y, m, d] of last.matchAll(/(?<!\d)(\d{4})-(\d\d)-(\d\d)(?!\d)/g)) {
    if (y !== '0000' && +m >= 1 && +m <= 12 && +d >= 1 && +d <= 31) return `${y}_${m}`;
  }
  return null;
}

/** A fault inside a file, thrown by the cutter and caught by cutFile. */
class Fault extends Error {
  constructor(
    readonly byte: number,
    reason: string,
  ) {
    super(reason);
  }
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** lossless-json with numbers kept as text; of equal keys the last one counts, as in every JSON reader of note. */
export function parseJson(text: string, replaced: unknown[] = []): unknown {
  return parse(text, null, {
    onDuplicateKey: ({ oldValue, newValue }) => {
      replaced.push(oldValue);
      return newValue;
    },
  });
}

/** The value of some bytes. @throws SyntaxError where they are not JSON */
export function readElement(bytes: Buffer): Element {
  let text: string;
  if (depthOf(bytes) > MOST_DEPTH) {
    // the engine's own parser, which goes as deep as it must
    JSON.parse(bytes.toString('latin1'));
    return { value: undefined, utf8: true, deep: true, bytes };
  }
  try {
    text = strict.decode(bytes);
  } catch {
    // every byte as a character of its own: well-formedness does not depend on what stands inside strings
    parseJson(bytes.toString('latin1'));
    return { value: undefined, utf8: false, bytes };
  }
  const replaced: unknown[] = [];
  return { value: parseJson(text, replaced), utf8: true, replaced, bytes };
}

/** How deep objects and arrays stand in each other. */
export function depthOf(bytes: Buffer): number {
  let depth = 0;
  let deepest = 0;
  for (const [bracket] of bytes.toString('latin1').matchAll(/"[^"\\]*(?:\\[\s\S][^"\\]*)*"|[[\]{}]/g)) {
    if (bracket === '{' || bracket === '[') deepest = Math.max(deepest, ++depth);
    else if (bracket === '}' || bracket === ']') depth--;
  }
  return deepest;
}

export function cutFile(bytes: Buffer): CutFile {
  const elements: Element[] = [];
  try {
    cut(bytes, elements);
    return { elements, fault: null };
  } catch (e) {
    if (!(e instanceof Fault)) throw e;
    return { elements, fault: { byte: e.byte, reason: e.message } };
  }
}

function cut(bytes: Buffer, elements: Element[]): void {
  // one character a byte, so that positions are the file's own
  const text = bytes.toString('latin1');
  let seen = false;
  let i = open(blank(0), '{', 'is not an object');
  let first = true;
  for (;;) {
    i = blank(i);
    if (first && text[i] === '}') break;
    first = false;
    if (text[i] !== '"') throw new Fault(i, 'a key is missing');
    const keyEnd = end(i);
    const key = read(i, keyEnd).value;
    i = open(blank(keyEnd), ':', 'a colon is missing');
    i = blank(i);
    if (key === 'orders') {
      if (seen) throw new Fault(i, 'a second orders array');
      seen = true;
      i = array(open(i, '[', 'orders is not an array'));
    } else {
      const valueEnd = end(i);
      read(i, valueEnd);
      i = valueEnd;
    }
    i = blank(i);
    if (text[i] === '}') break;
    i = open(i, ',', 'a comma is missing');
  }
  i = blank(i + 1);
  if (i < text.length) throw new Fault(i, 'something follows the end');
  if (!seen) throw new Fault(i, 'there is no orders array');

  function array(start: number): number {
    let at = blank(start);
    if (text[at] === ']') return at + 1;
    for (;;) {
      const valueEnd = end(at);
      elements.push(read(at, valueEnd));
      at = blank(valueEnd);
      if (text[at] === ']') return at + 1;
      at = blank(open(at, ',', 'a comma between orders is missing'));
    }
  }

  function blank(at: number): number {
    while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at++;
    return at;
  }

  function open(at: number, what: string, reason: string): number {
    if (text[at] !== what) throw new Fault(at, reason);
    return at + 1;
  }

  function read(from: number, to: number): Element {
    try {
      return readElement(bytes.subarray(from, to));
    } catch (e) {
      throw new Fault(from, (e as Error).message);
    }
  }

  /** Where the value at `from` ends if it is well formed; what it holds is judged by read(). */
  function end(from: number): number {
    let depth = 0;
    let at = from;
    for (; at < text.length; at++) {
      const c = text[at];
      if (c === '"') {
        for (at++; at < text.length && text[at] !== '"'; at++) if (text[at] === '\\') at++;
        if (at >= text.length) break;
        if (depth === 0) return at + 1;
      } else if (c === '{' || c === '[') depth++;
      else if (c === '}' || c === ']') {
        if (--depth === 0) return at + 1;
        if (depth < 0) return at;
      } else if (depth === 0 && ' \t\r\n,'.includes(c)) return at;
    }
    if (depth > 0 || text[from] === '"') throw new Fault(text.length, 'cut off');
    return at;
  }
}
