/**
 * Rows in Postgres' COPY text format, written as bytes into large chunks.
 *
 * COPY frames every write it gets: with one write a row it takes 97 thousand rows/s, with chunks of 256 KiB 893 thousand. Bytes are
 * copied from the message as they are; only backslash, tab, newline and carriage return have to be escaped.
 */

const CHUNK = 256 * 1024;
const FIRST_CHUNK = 16 * 1024;
const NOTHING = Buffer.alloc(0);

const ESCAPED = new Uint8Array(256);
ESCAPED[0x5c] = 0x5c;
ESCAPED[0x0a] = 0x6e;
ESCAPED[0x0d] = 0x72;
ESCAPED[0x09] = 0x74;

const TAB = 0x09;
const NEWLINE = 0x0a;

/** A growing list of chunks for one COPY. Reserve first, then write: the writers do not check for room. */
export class CopyText {
  /** Complete rows so far. */
  rows = 0;
  /** The chunk being written and the length written in it. Row writers use them directly. */
  buf: Buffer = NOTHING;
  at = 0;
  readonly #full: Buffer[] = [];
  #fullBytes = 0;

  /** Bytes of all rows. */
  get bytes(): number {
    return this.#fullBytes + this.at;
  }

  /** Makes sure that `n` more bytes fit into the present chunk; a row that was reserved as a whole never spans two chunks. */
  reserve(n: number): void {
    if (this.at + n <= this.buf.length) return;
    if (this.at > 0) {
      this.#full.push(this.buf.subarray(0, this.at));
      this.#fullBytes += this.at;
    }
    // a small first chunk, as a batch may touch many months with a few rows each
    this.buf = Buffer.allocUnsafeSlow(Math.max(this.#fullBytes === 0 && this.buf === NOTHING ? FIRST_CHUNK : CHUNK, n));
    this.at = 0;
  }

  /** The rows, to be written to the COPY stream in this order. */
  chunks(): Buffer[] {
    return this.at > 0 ? [...this.#full, this.buf.subarray(0, this.at)] : this.#full;
  }

  tab(): void {
    this.buf[this.at++] = TAB;
  }

  endRow(): void {
    this.buf[this.at++] = NEWLINE;
    this.rows++;
  }

  null(): void {
    this.buf[this.at++] = 0x5c;
    this.buf[this.at++] = 0x4e;
  }

  /** Writes bytes that need no escaping. */
  raw(b: Uint8Array, from: number, to: number): void {
    const buf = this.buf;
    let at = this.at;
    for (let i = from; i < to; i++) buf[at++] = b[i];
    this.at = at;
  }

  /** Writes any bytes, escaped. */
  escaped(b: Uint8Array, from: number, to: number): void {
    const buf = this.buf;
    let at = this.at;
    for (let i = from; i < to; i++) {
      const c = b[i];
      const e = ESCAPED[c];
      if (e !== 0) {
        buf[at++] = 0x5c;
        buf[at++] = e;
      } else buf[at++] = c;
    }
    this.at = at;
  }

  /** Writes a whole number from 0 to 2^53. */
  integer(n: number): void {
    if (n > 0x7fffffff) {
      this.ascii(String(n));
      return;
    }
    let digits = 1;
    for (let limit = 10; n >= limit; limit *= 10) digits++;
    const { buf } = this;
    for (let i = this.at + digits - 1, rest = n; i >= this.at; i--) {
      const tens = (rest / 10) | 0;
      buf[i] = 0x30 + rest - 10 * tens;
      rest = tens;
    }
    this.at += digits;
  }

  /** Writes text of ASCII that needs no escaping: numbers, instants. */
  ascii(text: string): void {
    // Buffer.write costs 0.1 µs however short the text is, and most are ids
    const buf = this.buf;
    let at = this.at;
    for (let i = 0; i < text.length; i++) buf[at++] = text.charCodeAt(i);
    this.at = at;
  }

  /**
   * Writes a JSON string's content (between the quotes) that holds escapes, decoded to UTF-8 and escaped for COPY.
   *
   * @returns false when it holds NUL or an unpaired surrogate, which Postgres cannot hold; what was written is then to be rolled back
   */
  jsonString(b: Uint8Array, from: number, to: number): boolean {
    for (let i = from; i < to; ) {
      const c = b[i];
      if (c !== 0x5c) {
        this.buf[this.at++] = c;
        i++;
        continue;
      }
      const e = b[i + 1];
      i += 2;
      if (e !== 0x75) {
        this.codePoint(SHORT[e]);
        continue;
      }
      let point = hex4(b, i);
      i += 4;
      if (point === 0) return false;
      if (point >= 0xd800 && point <= 0xdfff) {
        const low = point < 0xdc00 && i + 6 <= to && b[i] === 0x5c && b[i + 1] === 0x75 ? hex4(b, i + 2) : 0;
        if (low < 0xdc00 || low > 0xdfff) return false;
        point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
        i += 6;
      }
      this.codePoint(point);
    }
    return true;
  }

  codePoint(p: number): void {
    const buf = this.buf;
    if (p < 0x80) {
      const e = ESCAPED[p];
      if (e !== 0) {
        buf[this.at++] = 0x5c;
        buf[this.at++] = e;
      } else buf[this.at++] = p;
    } else if (p < 0x800) {
      buf[this.at++] = 0xc0 | (p >> 6);
      buf[this.at++] = 0x80 | (p & 0x3f);
    } else if (p < 0x10000) {
      buf[this.at++] = 0xe0 | (p >> 12);
      buf[this.at++] = 0x80 | ((p >> 6) & 0x3f);
      buf[this.at++] = 0x80 | (p & 0x3f);
    } else {
      buf[this.at++] = 0xf0 | (p >> 18);
      buf[this.at++] = 0x80 | ((p >> 12) & 0x3f);
      buf[this.at++] = 0x80 | ((p >> 6) & 0x3f);
      buf[this.at++] = 0x80 | (p & 0x3f);
    }
  }
}

/** What the letter of a short escape stands for. */
const SHORT = new Uint8Array(256);
SHORT[0x22] = 0x22;
SHORT[0x5c] = 0x5c;
SHORT[0x2f] = 0x2f;
SHORT[0x62] = 0x08;
SHORT[0x66] = 0x0c;
SHORT[0x6e] = 0x0a;
SHORT[0x72] = 0x0d;
SHORT[0x74] = 0x09;

function hex4(b: Uint8Array, at: number): number {
  return (nibble(b[at]) << 12) | (nibble(b[at + 1]) << 8) | (nibble(b[at + 2]) << 4) | nibble(b[at + 3]);
}

function nibble(c: number): number {
  return c <= 0x39 ? c - 0x30 : (c | 0x20) - 0x57;
}

/** True when JSON text holds, in any of its strings or keys, an escape that Postgres cannot hold: NUL or an unpaired surrogate. */
export function hasUnstorableEscape(b: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to - 1; i++) {
    if (b[i] !== 0x5c) continue;
    i++;
    if (b[i] !== 0x75) continue;
    const unit = hex4(b, i + 1);
    i += 4;
    if (unit === 0) return true;
    if (unit < 0xd800 || unit > 0xdfff) continue;
    if (unit >= 0xdc00 || b[i + 1] !== 0x5c || b[i + 2] !== 0x75) return true;
    const low = hex4(b, i + 3);
    if (low < 0xdc00 || low > 0xdfff) return true;
    i += 6;
  }
  return false;
}
