/**
 * Going on with a download that broke: which version of the file an answer is of, and whether what a server answers to a Range request is
 * the missing end of that version. No I/O.
 */

/** An answer's headers by their names in small letters. */
export type Headers = Record<string, string | string[] | undefined>;

/** What an answer says of the file that it holds. */
export interface Version {
  etag: string | null;
  lastModified: string | null;
  /** Bytes of the whole file, as they travel; null where the server does not say. */
  total: number | null;
  /** How they are packed on the way; null where they are not. */
  encoding: string | null;
  /** For If-Range: a strong ETag, or a time that is as good as one; null where there is none, and nothing can be gone on with. */
  validator: string | null;
}

/** Of an answer with the whole file. */
export function versionOf(headers: Headers): Version {
  const etag = header(headers, 'etag');
  const lastModified = header(headers, 'last-modified');
  const validator = etag !== null && /^"[^"]*"$/.test(etag) ? etag : isStrongTime(headers) ? lastModified : null;
  return { etag, lastModified, total: lengthOf(headers), encoding: encodingOf(headers), validator };
}

/** The body's Content-Length; null without one. */
export function lengthOf(headers: Headers): number | null {
  const length = header(headers, 'content-length');
  return length !== null && /^\d{1,15}$/.test(length) ? Number(length) : null;
}

/** What an answer (200, 206 or 416) to `Range: bytes=<from>-` is. */
export type Continuation =
  /** The file from there: to `end` (exclusive), of `total` bytes in all, null where neither time it was said. */
  | { kind: 'part'; end: number; total: number | null }
  /** The whole file, perhaps another version: nothing that was had may stay. */
  | { kind: 'whole' }
  /** Nothing more: there are as many bytes as were had. */
  | { kind: 'complete' }
  /** Of no use; all is to be asked for anew. */
  | { kind: 'anew'; why: string };

/** @param from bytes that were had of that version */
export function continuationOf(status: number, headers: Headers, version: Version, from: number): Continuation {
  if (status === 200) return { kind: 'whole' };
  if (differs(header(headers, 'etag'), version.etag) || differs(header(headers, 'last-modified'), version.lastModified))
    return { kind: 'anew', why: CHANGED };
  if (status === 416) {
    const total = /^bytes \*\/(\d{1,15})$/i.exec(header(headers, 'content-range') ?? '')?.[1];
    if (total === undefined || Number(total) !== from) return { kind: 'anew', why: CHANGED };
    return version.total === null || version.total === from ? { kind: 'complete' } : { kind: 'anew', why: lied(version.total, from) };
  }
  const range = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i.exec(header(headers, 'content-range')?.trim() ?? '');
  if (range === null) return { kind: 'anew', why: WRONG_PART };
  const [first, last] = [Number(range[1]), Number(range[2])];
  const told = range[3] === '*' ? null : Number(range[3]);
  // a part may leave it out (RFC 9110, 15.3.7)
  if (encodingOf(headers) !== null && encodingOf(headers) !== version.encoding) return { kind: 'anew', why: CHANGED };
  if (told !== null && version.total !== null && told !== version.total) return { kind: 'anew', why: CHANGED };
  const total = version.total ?? told;
  const length = lengthOf(headers);
  if (first !== from || last < first || (total !== null && last >= total) || (length !== null && length !== last - first + 1))
    return { kind: 'anew', why: WRONG_PART };
  return { kind: 'part', end: last + 1, total };
}

const CHANGED = 'the file changed meanwhile';
const WRONG_PART = 'the server sent another part than it was asked for';

/** The server told of more or fewer bytes than it has. */
function lied(told: number, has: number): string {
  return `the server told of ${told} bytes and has ${has}`;
}

/** A header that a part leaves out says nothing. */
function differs(now: string | null, before: string | null): boolean {
  return now !== null && before !== null && now !== before;
}

/** A time tells versions apart only when nothing can have been written within the same second behind it (RFC 9110, 8.8.2.2). */
function isStrongTime(headers: Headers): boolean {
  const modified = Date.parse(header(headers, 'last-modified') ?? '');
  return Date.parse(header(headers, 'date') ?? '') - modified >= 1000;
}

function encodingOf(headers: Headers): string | null {
  const encoding = header(headers, 'content-encoding')?.trim().toLowerCase() ?? '';
  return encoding === '' || encoding === 'identity' ? null : encoding;
}

function header(headers: Headers, name: string): string | null {
  const value = headers[name];
  return (Array.isArray(value) ? value[0] : value) ?? null;
}
