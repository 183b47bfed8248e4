/**
 * The hash of an order's content: XXH64 over the very bytes of its message, the id among them.
 *
 * Hashes of many orders are added modulo 2^64, so the sum does not depend on their order, and one that is there twice does not cancel out as
 * with XOR. It is proof against damage, not against somebody who makes two contents of one hash on purpose: `verify` with the drop at hand
 * compares every field.
 *
 * Measured for an order of 2 KB, on one core of a busy machine: XXH64 0.3 µs, CRC-32 0.6, SHA-1 2.0, SHA-256 2.6, MD5 6.0; an order takes
 * 55 µs to be loaded in all.
 */
import xxhash from 'xxhash-wasm';

const { h64Raw } = await xxhash();

/** 64 bits, unsigned. */
export function contentHash(bytes: Uint8Array): bigint {
  return h64Raw(bytes);
}

/** Into 0…2^64-1, as sums are kept. */
export function wrap(sum: bigint): bigint {
  return BigInt.asUintN(64, sum);
}

/** A single hash as Postgres' bigint holds it. */
export function asBigint(hash: bigint): string {
  return BigInt.asIntN(64, hash).toString();
}

/** As people read it and the drops topic has it: 16 hex digits. */
export function hashText(hash: bigint): string {
  return wrap(hash).toString(16).padStart(16, '0');
}

/** Reads hashText back; null where it is something else. */
export function hashOfText(text: string): bigint | null {
  return /^[0-9a-f]{16}$/.test(text) ? BigInt(`0x${text}`) : null;
}
