/**
 * The form of an order on the topic: key, value and headers.
 *
 * Key: the order id in decimal. Value: the order's JSON, the very bytes of the file. Headers: where it came from. A message
 * without headers is somebody else's and loads too; its month is then that of `processed_at`.
 */
import { hashOfText, hashText } from './content-hash.js';
import { isMonth } from './order.js';

/** Names of the message headers. All values are UTF-8 text. */
export const HEADER = { drop: 'drop', file: 'file', index: 'index', month: 'month', forgotten: 'forgotten', filler: 'filler' } as const;

/** Where an order stands in a drop. */
export interface OrderPlace {
  /** The drop's id (drop-record.ts). */
  drop: string;
  /** The file's name, as the zip's directory has it. */
  file: string;
  /** The order's position in the file's `orders` array, from 0. */
  index: number;
  /** `YYYY_MM`, or null where the file's name has no date. */
  month: string | null;
}

/** Characters of a drop's or a file's name; far longer ones do not fit a key of Postgres (2,704 bytes). */
export const MOST_NAME = 400;

export type HeaderValue = Buffer | string | (Buffer | string)[] | undefined;
export type Headers = Record<string, HeaderValue>;

/** Headers for one order. A null month is left out. */
export function encodeHeaders(place: OrderPlace): Record<string, string> {
  const headers: Record<string, string> = { drop: place.drop, file: place.file, index: String(place.index) };
  if (place.month !== null) headers.month = place.month;
  return headers;
}

/**
 * Reads where a message came from.
 *
 * @returns null when drop, file and index are not all there: such a message belongs to no drop, whatever else it says
 */
export function decodeHeaders(headers: Headers | undefined): OrderPlace | null {
  if (headers === undefined) return null;
  const drop = text(headers[HEADER.drop]);
  const file = text(headers[HEADER.file]);
  const index = decodeIndex(headers[HEADER.index]);
  if (!drop || !file || index === null || drop.length > MOST_NAME || file.length > MOST_NAME) return null;
  const month = text(headers[HEADER.month]);
  return { drop, file, index, month: month !== null && isMonth(month) ? month : null };
}

/** The index header alone, for messages that share the others with the one before; null where it is not a number. */
export function decodeIndex(value: HeaderValue): number | null {
  const index = text(value);
  return index !== null && /^(0|[1-9]\d{0,8})$/.test(index) ? Number(index) : null;
}

/** A header may be repeated; the last one counts, as in Kafka's own `lastHeader`. NUL cannot be held by Postgres. */
function text(value: HeaderValue): string | null {
  const last = Array.isArray(value) ? value[value.length - 1] : value;
  if (last === undefined || last === null) return null;
  return last.toString().replaceAll('\0', '\ufffd');
}

/**
 * What a message says of itself where it stands for one of a forgotten user: a copy of a topic leaves the personal fields out, and the books and
 * the registry go on counting what was delivered.
 */
export interface Redacted {
  /** Hash of the bytes that were delivered. */
  content: bigint;
  /** How many they were. */
  bytes: number;
  /** Why the order was refused, where it was: nothing is left of such a message that could be judged again. */
  refusal: { orderId: string; code: string; path: string } | null;
}

/** The value of the header. */
export function encodeRedacted({ content, bytes, refusal }: Redacted): string {
  return JSON.stringify({ content: hashText(content), bytes, ...(refusal === null ? {} : { refusal }) });
}

/** @returns null for a message as it was delivered, and where the header is not of this form */
export function decodeRedacted(headers: Headers | undefined): Redacted | null {
  const said = text(headers?.[HEADER.forgotten]);
  if (said === null) return null;
  try {
    const { content, bytes, refusal = null } = JSON.parse(said);
    const hash = hashOfText(content);
    if (hash === null || !Number.isSafeInteger(bytes)) return null;
    if (refusal !== null && ['orderId', 'code', 'path'].some(part => typeof refusal[part] !== 'string')) return null;
    return { content: hash, bytes, refusal };
  } catch {
    return null;
  }
}

/** Is it there for its offset alone? A copy of a topic has such messages where the topic has none, so that all others keep their offsets. */
export function isFiller(value: unknown, headers: Headers | undefined): boolean {
  return value === null && headers?.[HEADER.filler] !== undefined;
}
