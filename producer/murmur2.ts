/**
 * Which partition an order goes to: murmur2 of its key, exactly as Kafka's own clients do it (Java's `Utils.murmur2` and
 * `toPositive`), so that a message of another producer with the same key lands in the same partition.
 */

const M = 0x5bd1e995;
const SEED = 0x9747b28c;

/** Murmur2 with Kafka's seed of the bytes from `at` to before `end`, as a signed 32-bit integer. */
export function murmur2(data: Uint8Array, at = 0, end = data.length): number {
  let h = SEED ^ (end - at);
  let i = at;
  for (; i + 4 <= end; i += 4) {
    let k = data[i] | (data[i + 1] << 8) | (data[i + 2] << 16) | (data[i + 3] << 24);
    k = Math.imul(k, M);
    k ^= k >>> 24;
    h = Math.imul(h, M) ^ Math.imul(k, M);
  }
  const rest = end - i;
  if (rest === 3) h ^= data[i + 2] << 16;
  if (rest >= 2) h ^= data[i + 1] << 8;
  if (rest >= 1) h = Math.imul(h ^ data[i], M);
  h ^= h >>> 13;
  h = Math.imul(h, M);
  return h ^ (h >>> 15);
}

/** The partition of a key by its hash, 0…partitions-1. `toPositive` clears the sign bit; Math.abs would send some keys elsewhere. */
export function partitionOf(hash: number, partitions: number): number {
  return (hash & 0x7fffffff) % partitions;
}
