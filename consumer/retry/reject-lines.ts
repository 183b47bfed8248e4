/**
 * Rejected orders as lines of JSON, to be mended by hand and tried again: pure.
 *
 *   {"id":"7","code":"bad_type","path":"test","reason":"…","order":"{\"id\":1,…}"}
 *
 * `order` is the text of the order; where its bytes are not UTF-8 they stand in base64, and `"encoding":"base64"` behind them. Text and not an
 * object, as a JSON parser between would change numbers, and as what was rejected need not be JSON at all.
 */
import { UsageError } from '../../shared/errors.js';

export interface ExportedReject {
  id: string;
  code: string;
  path: string;
  reason: string;
  value: Buffer | null;
}

/** One line, without its end. */
export function rejectLine({ id, code, path, reason, value }: ExportedReject): string {
  const bytes = value ?? Buffer.alloc(0);
  const text = bytes.toString('utf8');
  const exact = Buffer.from(text).equals(bytes);
  const order = exact ? { order: text } : { order: bytes.toString('base64'), encoding: 'base64' };
  return JSON.stringify({ id, code, path, reason, ...order });
}

/**
 * Reads a line back; other members than `id`, `order` and `encoding` are not looked at.
 *
 * @param number of the line, from 1
 * @throws UsageError when it has not the form
 */
export function parseRejectLine(line: string, number: number): { id: string; order: Buffer } {
  const wrong = (what: string) =>
    new UsageError(`line ${number} ${what}`, { hint: 'a line is like {"id":"7","order":"…"}, as rejects export writes it' });
  let read: { id?: unknown; order?: unknown; encoding?: unknown } | null;
  try {
    read = JSON.parse(line);
  } catch {
    throw wrong('is not JSON');
  }
  const id = typeof read?.id === 'number' ? String(read.id) : read?.id;
  if (typeof id !== 'string' || !/^[1-9]\d{0,17}$/.test(id)) throw wrong('has no id of a reject');
  const { order, encoding } = read!;
  if (typeof order !== 'string') throw wrong(order === undefined ? 'has no order' : 'has an order that is not text');
  if (encoding === undefined) return { id, order: Buffer.from(order) };
  if (encoding !== 'base64') throw wrong('has another encoding than base64');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(order)) throw wrong('has an order that is not base64');
  return { id, order: Buffer.from(order, 'base64') };
}
