/**
 * Up to when the tables hold everything that was published: pure.
 *
 * A look notes an instant and, asked of the broker behind it, where each partition ended. When the positions have passed all of these
 * ends, everything that the broker had confirmed by that instant is in the tables, whatever the clocks of the producers say. So the
 * answer is exact, and as late as the last look where nothing waits. What was published before the first look is known by it alone: of a
 * worker that started behind, nothing is told until it has come to where the topic ended then.
 */
import type { TopicOffsets } from '../shared/kafka.js';

interface Look {
  /** Its number. */
  n: number;
  at: number;
  partitions: Float64Array;
  ends: Float64Array;
}

/** Looks that are kept while the tables are behind: one every two seconds at first, one every six minutes where they are a day behind. */
const MOST_LOOKS = 256;

export class Freshness {
  /** Milliseconds of the clock; null where it is not known yet. */
  until: number | null = null;
  #looks: Look[] = [];
  #count = 0;
  /** How many looks lie between two that are kept. */
  #spacing = 1;

  /**
   * @param at when the broker was about to be asked
   * @param offsets what it said
   * @param positions what the tables hold, read behind it
   */
  look(at: number, offsets: TopicOffsets[], positions: ReadonlyMap<number, number>): void {
    const looks = this.#looks;
    // the newest is always there, as it may be passed at once; it stays only where it is far enough from the one before
    if (looks.length > 1 && looks[looks.length - 1].n - looks[looks.length - 2].n < this.#spacing) looks.pop();
    const partitions = Float64Array.from(offsets, o => o.partition);
    looks.push({ n: this.#count++, at, partitions, ends: Float64Array.from(offsets, o => o.end) });
    let passed = 0;
    while (passed < looks.length && isPassed(looks[passed], positions)) passed++;
    if (passed > 0) this.until = looks[passed - 1].at;
    looks.splice(0, passed);
    if (looks.length === 0) this.#spacing = 1;
    else if (looks.length > MOST_LOOKS) {
      // the answer becomes coarser where the tables are hours behind, never wrong
      this.#looks = looks.filter((_, i) => i % 2 === 0);
      this.#spacing *= 2;
    }
  }
}

function isPassed({ partitions, ends }: Look, positions: ReadonlyMap<number, number>): boolean {
  return ends.every((end, i) => (positions.get(partitions[i]) ?? 0) >= end);
}
