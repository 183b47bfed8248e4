/**
 * The keys of one kind of object, guessed by what followed last time: pure.
 *
 * Between two values of an order stand the same bytes in every order of an export: a comma, blanks, a key, a colon. They are more than half of its
 * bytes, and are compared as a whole, four at a time. What is equal to bytes that were read before needs no reading.
 */
import { hadEscapes, isSpace, malformed, skipString } from '../../shared/json-scan.js';

/** Bytes between two values that are remembered, at the most. */
const LONGEST = 256;
const BEYOND_ASCII = 0x80808080 | 0;

export class Keys {
  /** Of the last key: the number of its field, or -1 for an unknown name. */
  field = -1;
  /** Of the last key: its opening quote, and the byte behind the closing one. */
  keyFrom = 0;
  keyTo = 0;
  /** Set by whoever reads on: the object has no more values. */
  ended = false;
  readonly #byName: Map<string, number>;
  /**
   * What led to the next value, in words of four, the last of which may overlap the one before. By what it led on from: the number of a field, `#begin`
   * or `#unknown`.
   */
  readonly #leads: Int32Array[];
  /** Bytes of it; 0 where nothing is remembered. */
  readonly #lengths: Int32Array;
  /** The field of its key, and where the key stands in it. */
  readonly #fields: Int32Array;
  readonly #keysFrom: Int32Array;
  readonly #keysTo: Int32Array;
  /** An object began; the key before was of no known field. */
  readonly #begin: number;
  readonly #unknown: number;
  #last: number;

  constructor(names: readonly string[]) {
    const states = names.length + 2;
    this.#begin = names.length;
    this.#unknown = names.length + 1;
    this.#byName = new Map(names.map((n, i) => [n, i]));
    this.#leads = Array.from({ length: states }, () => new Int32Array(LONGEST / 4));
    this.#lengths = new Int32Array(states);
    this.#fields = new Int32Array(states);
    this.#keysFrom = new Int32Array(states);
    this.#keysTo = new Int32Array(states);
    this.#last = this.#begin;
  }

  /** An object begins. */
  start(): void {
    this.#last = this.#begin;
    this.ended = false;
  }

  /** No key of the object has been read. */
  get first(): boolean {
    return this.#last === this.#begin;
  }

  /**
   * Goes to the next value where what leads there is what led there last time.
   *
   * @param at behind the brace that opens the object, or behind a value
   * @returns position of the value; negative where other bytes stand there, which are to be read
   */
  follow(view: DataView, at: number, end: number): number {
    const last = this.#last;
    const length = this.#lengths[last];
    if (length === 0 || at + length >= end) return -1; // the value has a byte at least
    const lead = this.#leads[last];
    const whole = (length - 1) >> 2;
    if (view.getInt32(at + length - 4, true) !== lead[whole]) return -1;
    for (let k = 0; k < whole; k++) if (view.getInt32(at + 4 * k, true) !== lead[k]) return -1;
    if (isSpace(view.getUint8(at + length))) return -1; // more blanks than last time
    const field = this.#fields[last];
    this.field = field;
    this.keyFrom = at + this.#keysFrom[last];
    this.keyTo = at + this.#keysTo[last];
    this.#last = field < 0 ? this.#unknown : field;
    return at + length;
  }

  /** Reads the key at `at`. @returns position behind it, or a negative one as those of json-scan.ts */
  read(b: Uint8Array, at: number, end: number): number {
    if (b[at] !== 0x22) return malformed(at, 'a key is not a string');
    const after = skipString(b, at, end);
    if (after < 0) return after;
    let text = Buffer.from(b.buffer, b.byteOffset + at, after - at).toString('utf8');
    text = hadEscapes() ? JSON.parse(text) : text.slice(1, -1);
    this.field = this.#byName.get(text) ?? -1;
    this.keyFrom = at;
    this.keyTo = after;
    return after;
  }

  /**
   * Remembers what led to the value of the key that was read. Not so where it holds bytes beyond ASCII: an order is checked for UTF-8 where a string that
   * was read holds such bytes, and what is followed is not read.
   *
   * @param from behind the brace or the value before
   * @param to the value
   */
  learn(view: DataView, from: number, to: number): void {
    const last = this.#last;
    const length = to - from;
    this.#last = this.field < 0 ? this.#unknown : this.field;
    this.#lengths[last] = 0;
    if (length < 4 || length > LONGEST) return;
    const lead = this.#leads[last];
    const whole = (length - 1) >> 2;
    lead[whole] = view.getInt32(to - 4, true);
    let seen = lead[whole];
    for (let k = 0; k < whole; k++) {
      lead[k] = view.getInt32(from + 4 * k, true);
      seen |= lead[k];
    }
    if ((seen & BEYOND_ASCII) !== 0) return;
    this.#lengths[last] = length;
    this.#fields[last] = this.field;
    this.#keysFrom[last] = this.keyFrom - from;
    this.#keysTo[last] = this.keyTo - from;
  }
}
