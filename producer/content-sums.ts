/** What a file's orders come to, added up as they are cut: orders, bytes, line items, money, and their contents' hashes. */
import { contentHash, hashText, wrap } from '../shared/content-hash.js';
import type { FileSums } from '../shared/drop-record.js';
import { moneyBig, moneyUnits, parseMoney, unitsToText } from '../shared/values.js';
import type { CutBatch } from './cut-batch.js';

/** Far below 2^53; what comes above it goes into a bigint. */
const MOST_UNITS = 2 ** 50;

export class ContentSums {
  #bytes = 0;
  #items = 0;
  #units = 0;
  #bigUnits = 0n;
  #content = 0n;

  /** Adds every order of a batch. */
  add({ bytes, starts, ends, priceStarts, priceEnds, items, count }: CutBatch): void {
    for (let n = 0; n < count; n++) {
      this.#bytes += ends[n] - starts[n];
      this.#items += items[n];
      this.#content += contentHash(bytes.subarray(starts[n], ends[n]));
      // what is no price here is none for a worker either: that order is rejected
      if (priceEnds[n] > 0 && parseMoney(bytes, priceStarts[n], priceEnds[n])) this.#addMoney();
    }
    this.#content = wrap(this.#content);
  }

  #addMoney(): void {
    if (Number.isNaN(moneyUnits)) this.#bigUnits += moneyBig;
    else this.#units += moneyUnits;
    if (Math.abs(this.#units) < MOST_UNITS) return;
    this.#bigUnits += BigInt(this.#units);
    this.#units = 0;
  }

  sums(): FileSums {
    return {
      bytes: this.#bytes,
      items: this.#items,
      price: unitsToText(BigInt(this.#units) + this.#bigUnits),
      content: hashText(this.#content),
    };
  }
}
