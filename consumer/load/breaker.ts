/**
 * Stops a worker whose messages are mostly refused for one and the same reason: a format that has changed, a constraint on a table, a wrong topic.
 * Pure. Looked at are the last messages of this worker, over as many batches as they came in: at least `orders` of them, and all of a larger batch;
 * before there were so many nothing is judged. It is a worker's own memory: one that is started again begins anew.
 */
import { RefusalsError } from '../../shared/errors.js';
import type { MessageBatch } from '../intake/batch.js';
import type { RejectedMessage } from '../transform/batch-rows.js';

export class Breaker {
  /** Rejection codes of the last messages that were committed, null for those that were not rejected; `orders` at the most. */
  #last: (string | null)[] = [];

  /**
   * @param orders messages that are looked at, at the least
   * @param share percent of them that, refused for one reason, stop the worker
   */
  constructor(
    readonly orders: number,
    readonly share: number,
  ) {}

  /**
   * To be asked before anything of a batch is committed. What is rejected may be told before all of it is known: more can only stop it, too.
   *
   * @throws RefusalsError when too many are refused for a reason that this batch has
   */
  check({ messages }: MessageBatch, rejected: readonly RejectedMessage[]): void {
    const more = Math.max(0, this.orders - messages.length);
    const before = more === 0 ? [] : this.#last.slice(-more);
    const total = before.length + messages.length;
    if (total < this.orders) return;
    const counts = new Map<string, number>();
    for (const code of [...before, ...rejected.map(r => r.rejection.code)])
      if (code !== null) counts.set(code, (counts.get(code) ?? 0) + 1);
    for (const code of new Set(rejected.map(r => r.rejection.code))) {
      const count = counts.get(code)!;
      if (count * 100 < this.share * total) continue;
      const first = rejected.find(r => r.rejection.code === code)!;
      throw new RefusalsError(
        `${count} of the last ${total} orders are refused as ${code}, ${dropsOf(rejected, code)}; such as ${placeOf(first)}. Nothing of this batch is loaded`,
        { hint: 'mend the cause, or let them be rejected with --accept-rejects' },
      );
    }
  }

  /** Of the last orders the share, 0 to 1, that was refused for the most frequent reason; 0 while there are too few to judge. */
  worst(): number {
    if (this.#last.length < this.orders) return 0;
    const counts = new Map<string, number>();
    for (const code of this.#last) if (code !== null) counts.set(code, (counts.get(code) ?? 0) + 1);
    return Math.max(0, ...counts.values()) / this.#last.length;
  }

  /** A batch was committed. */
  passed({ messages }: MessageBatch, rejected: readonly RejectedMessage[]): void {
    const codes: (string | null)[] = messages.map(() => null);
    for (const r of rejected) codes[r.at] = r.rejection.code;
    this.#last = [...this.#last, ...codes].slice(-this.orders);
  }
}

/** Of which drop those of the batch are, or most of them. */
function dropsOf(rejected: readonly RejectedMessage[], code: string): string {
  const counts = new Map<string, number>();
  for (const { message, rejection } of rejected) {
    const drop = message.place?.drop ?? '';
    if (rejection.code === code) counts.set(drop, (counts.get(drop) ?? 0) + 1);
  }
  const [[drop]] = [...counts].sort((a, b) => b[1] - a[1]);
  return `${counts.size > 1 ? 'most of them ' : ''}${drop === '' ? 'of no drop' : `of drop ${drop}`}`;
}

/** Where it stands; neither its values nor the words of the reason, which may quote one. */
function placeOf({ message, rejection }: RejectedMessage): string {
  const { place, partition, offset } = message;
  const order = place === null ? `partition ${partition} offset ${offset}` : `${place.file}[${place.index}]`;
  return rejection.path === '' ? order : `${order} at ${rejection.path}`;
}
