/**
 * Where each message of a batch came from, read from the bytes of its headers: pure.
 *
 * Nearly every message has the headers of the one before it, but for the index. So the bytes before and behind the index are held against
 * the last ones, and only the digits are read: 0.25 s of 131,830 orders were decoding the same three texts again and again.
 */
import type { FetchedRecord } from '../../shared/fetched-records.js';
import { decodeHeaders, decodeRedacted, HEADER, type OrderPlace, type Redacted } from '../../shared/order-message.js';

/** What stands before the digits of the index: the length of the key, the key; then comes the length of the value. */
const INDEX_KEY = Buffer.from(`\u000a${HEADER.index}`);
/** More digits are no index. */
const MOST_DIGITS = 9;

export class PlaceReader {
  #last: FetchedRecord | null = null;
  #lastPlace: OrderPlace | null = null;
  /** Of the message last read; those with the same headers but for the index share it. */
  redacted: Redacted | null = null;
  /** Bytes of the last headers before the index' length and behind its digits. */
  #before = 0;
  #behind = 0;

  /** @returns null for a message of no drop */
  read(record: FetchedRecord): OrderPlace | null {
    const index = this.#last === null ? -1 : this.#indexLikeLast(record, this.#last);
    if (index >= 0) {
      const { drop, file, month } = this.#lastPlace!;
      return { drop, file, index, month };
    }
    const headers = record.headers as Parameters<typeof decodeHeaders>[0];
    const place = decodeHeaders(headers);
    this.redacted = decodeRedacted(headers);
    this.#last = place !== null && this.#findIndex(record, place.index) ? record : null;
    this.#lastPlace = place;
    return place;
  }

  /** Notes where the index stands in these headers; false where that is not clear. */
  #findIndex({ bytes, headersFrom, headersTo }: FetchedRecord, index: number): boolean {
    const headers = bytes.subarray(headersFrom, headersTo);
    const digits = String(index);
    const at = headers.indexOf(INDEX_KEY);
    // a text that holds the very same bytes would make it doubtful
    if (at < 0 || headers.indexOf(INDEX_KEY, at + 1) >= 0) return false;
    this.#before = at + INDEX_KEY.length;
    this.#behind = headers.length - this.#before - 1 - digits.length;
    return this.#behind >= 0 && headers.toString('latin1', this.#before + 1, headers.length - this.#behind) === digits;
  }

  /** The index where the headers are those of the last record but for it; else -1. */
  #indexLikeLast(record: FetchedRecord, last: FetchedRecord): number {
    const { bytes, headersFrom: from, headersTo: to } = record;
    const before = this.#before;
    const behind = this.#behind;
    const digits = to - from - before - 1 - behind;
    if (digits < 1 || digits > MOST_DIGITS || bytes[from + before] !== digits << 1) return -1;
    const old = last.bytes;
    for (let i = 0; i < before; i++) if (bytes[from + i] !== old[last.headersFrom + i]) return -1;
    for (let i = 1; i <= behind; i++) if (bytes[to - i] !== old[last.headersTo - i]) return -1;
    let index = 0;
    for (let i = from + before + 1; i < to - behind; i++) {
      const digit = bytes[i] - 0x30;
      if (digit < 0 || digit > 9) return -1;
      index = 10 * index + digit;
    }
    return digits > 1 && bytes[from + before + 1] === 0x30 ? -1 : index;
  }
}
