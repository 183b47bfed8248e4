/**
 * Passes over one JSON value that comes in pieces, without keeping any of it: for values too large to be held.
 *
 * It takes exactly what skipValue (shared/json-scan.ts) takes, byte by byte where that reads a value in one go, and so is slower:
 * about 150 MB/s. Only values beyond MAX_ORDER_BYTES come here. Memory: one byte for each level of nesting.
 */
import { INCOMPLETE, isPlain, isSpace, JsonKind, kindOf, malformed } from '../shared/json-scan.js';

enum At {
  /** Before a value. */
  Value,
  /** Behind `[`. */
  FirstValue,
  /** Behind `{`. */
  FirstKey,
  /** Behind a comma of an object. */
  Key,
  Colon,
  /** Behind a value inside a container. */
  After,
  Text,
  Escape,
  Hex,
  Word,
  Minus,
  Zero,
  Digits,
  Point,
  Fraction,
  Exponent,
  ExponentSign,
  ExponentDigits,
  Done,
}

/** Levels of nesting that are followed. */
const DEEPEST = 1 << 24;

const WORDS: Partial<Record<JsonKind, Buffer>> = {
  [JsonKind.True]: Buffer.from('true'),
  [JsonKind.False]: Buffer.from('false'),
  [JsonKind.Null]: Buffer.from('null'),
};

export class JsonSkipper {
  #at = At.Value;
  /** 1 = object, 0 = array, by depth. */
  #stack = new Uint8Array(64);
  #depth = 0;
  /** The string being read is a key. */
  #isKey = false;
  /** Hex digits, or letters of a word, that have been read. */
  #read = 0;
  #word = WORDS[JsonKind.True]!;

  /**
   * Reads on; the first call begins at the value's first byte.
   *
   * @returns the position behind the value, or INCOMPLETE where all bytes are its own, or MALFORMED (a word's fault may lie before `at`)
   */
  skip(b: Uint8Array, at: number, end: number): number {
    for (let i = at; i < end; i++) {
      const c = b[i];
      switch (this.#at) {
        case At.Text:
          while (i < end && isPlain(b[i])) i++;
          if (i >= end) return INCOMPLETE;
          if (b[i] === 0x22) this.#stringEnds();
          else if (b[i] === 0x5c) this.#at = At.Escape;
          else return malformed(i, 'a control character stands in a string');
          break;
        case At.Escape:
          if (c === 0x75) {
            this.#read = 0;
            this.#at = At.Hex;
          } else if (c === 0x22 || c === 0x5c || c === 0x2f || isOneOf(c, 'bfnrt')) this.#at = At.Text;
          else return malformed(i - 1, 'an escape in a string is unknown');
          break;
        case At.Hex:
          if (!isDigit(c) && !((c | 0x20) >= 0x61 && (c | 0x20) <= 0x66)) return malformed(i, 'a \\u escape is not four hex digits');
          if (++this.#read === 4) this.#at = At.Text;
          break;
        case At.Word:
          if (c !== this.#word[this.#read]) return malformed(i - this.#read, 'a value is neither true, false nor null');
          if (++this.#read === this.#word.length) this.#valueEnds();
          break;
        case At.Minus:
          if (!isDigit(c)) return malformed(i, 'a number has no digits');
          this.#at = c === 0x30 ? At.Zero : At.Digits;
          break;
        case At.Digits:
        case At.Fraction:
        case At.ExponentDigits:
          while (i < end && isDigit(b[i])) i++;
          if (i >= end) return INCOMPLETE;
          if (!this.#numberGoesOn(b[i])) i--; // belongs to what follows
          break;
        case At.Zero:
          if (!this.#numberGoesOn(c)) i--;
          break;
        case At.Point:
          if (!isDigit(c)) return malformed(i, 'a number has no digits behind its point');
          this.#at = At.Fraction;
          break;
        case At.Exponent:
        case At.ExponentSign:
          if (isDigit(c)) this.#at = At.ExponentDigits;
          else if (this.#at === At.Exponent && (c === 0x2b || c === 0x2d)) this.#at = At.ExponentSign;
          else return malformed(i, 'a number has no digits in its exponent');
          break;
        default: {
          if (isSpace(c)) break;
          const result = this.#structure(c, i);
          if (result < 0) return result;
        }
      }
      if (this.#at === At.Done) return i + 1;
    }
    return INCOMPLETE;
  }

  /** A byte behind the digits of a number: a point or an exponent, or the number has ended. */
  #numberGoesOn(c: number): boolean {
    if (c === 0x2e && (this.#at === At.Zero || this.#at === At.Digits)) this.#at = At.Point;
    else if ((c | 0x20) === 0x65 && this.#at !== At.ExponentDigits) this.#at = At.Exponent;
    else {
      this.#valueEnds();
      return false;
    }
    return true;
  }

  /** A byte between two tokens. Returns 0, or MALFORMED. */
  #structure(c: number, i: number): number {
    const object = this.#depth > 0 && this.#stack[this.#depth - 1] === 1;
    switch (this.#at) {
      case At.FirstKey:
      case At.Key:
        if (c === 0x7d && this.#at === At.FirstKey) return this.#closes();
        if (c !== 0x22) return malformed(i, 'a key is not a string');
        this.#isKey = true;
        this.#at = At.Text;
        return 0;
      case At.Colon:
        if (c !== 0x3a) return malformed(i, 'a key is not followed by a colon');
        this.#at = At.Value;
        return 0;
      case At.After:
        if (c === 0x2c) this.#at = object ? At.Key : At.Value;
        else if (c === (object ? 0x7d : 0x5d)) return this.#closes();
        else return malformed(i, `a comma or the end of the ${object ? 'object' : 'array'} is missing`);
        return 0;
      default:
        if (c === 0x5d && this.#at === At.FirstValue) return this.#closes();
        return this.#begins(c, i);
    }
  }

  /** The first byte of a value. */
  #begins(c: number, i: number): number {
    const kind = kindOf(c);
    switch (kind) {
      case JsonKind.Invalid:
        return malformed(i, 'no value starts with this byte');
      case JsonKind.String:
        this.#isKey = false;
        this.#at = At.Text;
        return 0;
      case JsonKind.Number:
        this.#at = c === 0x2d ? At.Minus : c === 0x30 ? At.Zero : At.Digits;
        return 0;
      case JsonKind.Object:
      case JsonKind.Array:
        if (this.#depth === DEEPEST) return malformed(i, `values are nested deeper than ${DEEPEST}`);
        if (this.#depth === this.#stack.length) {
          const larger = new Uint8Array(2 * this.#depth);
          larger.set(this.#stack);
          this.#stack = larger;
        }
        this.#stack[this.#depth++] = kind === JsonKind.Object ? 1 : 0;
        this.#at = kind === JsonKind.Object ? At.FirstKey : At.FirstValue;
        return 0;
      default:
        this.#word = WORDS[kind]!;
        this.#read = 1;
        this.#at = At.Word;
        return 0;
    }
  }

  #closes(): number {
    this.#depth--;
    this.#valueEnds();
    return 0;
  }

  #stringEnds(): void {
    if (this.#isKey) this.#at = At.Colon;
    else this.#valueEnds();
  }

  #valueEnds(): void {
    this.#at = this.#depth === 0 ? At.Done : At.After;
  }
}

function isDigit(c: number): boolean {
  return c >= 0x30 && c <= 0x39;
}

function isOneOf(c: number, letters: string): boolean {
  return letters.includes(String.fromCharCode(c));
}
