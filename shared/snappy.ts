/** Unpacks Snappy, which other producers may use: the raw format (librdkafka) and the frames of the Java client. Pure. */
import { uncompress } from 'snappyjs';

/** `\x82SNAPPY\0`, then two version numbers of 4 bytes. */
const FRAMES = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
const FRAMES_HEADER = 16;
/** Kafka takes no batch that is near it. */
const MOST_BYTES = 512 << 20;

/** @throws Error where the bytes are not Snappy */
export function unpackSnappy(packed: Buffer): Buffer {
  if (!packed.subarray(0, FRAMES.length).equals(FRAMES)) return Buffer.from(uncompress(packed, MOST_BYTES));
  const pieces: Buffer[] = [];
  for (let at = FRAMES_HEADER; at < packed.length; ) {
    const length = at + 4 <= packed.length ? packed.readUInt32BE(at) : 0;
    if (length === 0 || at + 4 + length > packed.length) throw new Error('a frame of Snappy is cut off');
    pieces.push(Buffer.from(uncompress(packed.subarray(at + 4, at + 4 + length), MOST_BYTES)));
    at += 4 + length;
  }
  return Buffer.concat(pieces);
}
