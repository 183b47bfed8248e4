/** Unpacks Snappy, which other producers may use: the raw format (librdkafka) and the frames of the Java client. Pure. */

/** `\x82SNAPPY\0`, then two version numbers of 4 bytes. */
const FRAMES = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
const FRAMES_HEADER = 16;
/** Kafka takes no batch that is near it. */
const MOST_BYTES = 512 << 20;

/** @throws Error where the bytes are not Snappy */
export function unpackSnappy(packed: Buffer): Buffer {
  if (!packed.subarray(0, FRAMES.length).equals(FRAMES)) return unpackRaw(packed);
  const pieces: Buffer[] = [];
  for (let at = FRAMES_HEADER; at < packed.length; ) {
    const length = at + 4 <= packed.length ? packed.readUInt32BE(at) : 0;
    if (length === 0 || at + 4 + length > packed.length) throw corrupt();
    pieces.push(unpackRaw(packed.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  return Buffer.concat(pieces);
}

/** The length as a varint, then literals and copies of what came before. */
function unpackRaw(b: Buffer): Buffer {
  let at = 0;
  let length = 0;
  for (let shift = 1; ; shift *= 128) {
    if (at >= b.length || at > 4) throw corrupt();
    const byte = b[at++];
    length += (byte & 0x7f) * shift;
    if (byte < 0x80) break;
  }
  if (length > MOST_BYTES) throw corrupt();
  const out = Buffer.alloc(length);
  let to = 0;
  while (at < b.length) {
    const tag = b[at++];
    const kind = tag & 3;
    if (kind === 0) {
      let size = (tag >> 2) + 1;
      if (size > 60) {
        const bytes = size - 60;
        if (at + bytes > b.length) throw corrupt();
        size = b.readUIntLE(at, bytes) + 1;
        at += bytes;
      }
      if (at + size > b.length || to + size > length) throw corrupt();
      b.copy(out, to, at, at + size);
      at += size;
      to += size;
      continue;
    }
    const bytes = kind === 3 ? 4 : kind;
    if (at + bytes > b.length) throw corrupt();
    const size = kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
    const back = b.readUIntLE(at, bytes) + (kind === 1 ? (tag >> 5) * 256 : 0);
    at += bytes;
    if (back === 0 || back > to || to + size > length) throw corrupt();
    // byte by byte, as a copy may overlap with what it writes
    for (let end = to + size; to < end; to++) out[to] = out[to - back];
  }
  if (to !== length) throw corrupt();
  return out;
}

function corrupt(): Error {
  return new Error('a batch is not the Snappy that it says it is');
}
