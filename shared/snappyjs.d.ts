/** snappyjs has no types of its own. */
declare module 'snappyjs' {
  export function compress(bytes: Uint8Array): Uint8Array;
  /** @throws Error where the bytes are not Snappy, or hold more than `most` bytes */
  export function uncompress(packed: Uint8Array, most?: number): Uint8Array;
}
