/** Kafka's Metadata request in version 10, for the one thing that kafkajs cannot ask: the id of a topic. Pure. */
import { ServiceError } from './errors.js';

/** The broker's id of a topic and its partitions; the id changes when a topic is deleted and made anew. */
export interface TopicInfo {
  /** 32 hex digits. */
  id: string;
  partitions: number;
}

/** Metadata v10 by hand: kafkajs stops at v6, and topic ids came with v10. The leading 0 ends the flexible request header (KIP-482). */
export function metadataV10(topic: string): unknown {
  const name = Buffer.from(topic);
  const body = Buffer.concat([
    Buffer.from([0, 2]), // header tags; one topic
    Buffer.alloc(16), // no id given
    varint(name.length + 1),
    name,
    Buffer.from([0, 0, 0, 0, 0]), // topic tags; no auto creation; no authorized operations twice; tags
  ]);
  return {
    request: {
      apiKey: 3,
      apiVersion: 10,
      apiName: 'Metadata',
      encode: async () => ({ buf: body, buffer: body, size: () => body.length }),
    },
    response: {
      decode: async (raw: Buffer) => raw,
      parse: async (raw: Buffer) => parseMetadataV10(raw),
    },
  };
}

function parseMetadataV10(raw: Buffer): TopicInfo | null {
  let at = 0;
  const uvarint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = raw[at++];
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  const skip = (bytes: number) => {
    at += bytes;
  };
  const skipString = () => skip(Math.max(uvarint() - 1, 0));
  const skipTags = () => {
    for (let n = uvarint(); n > 0; n--) {
      uvarint();
      skip(uvarint());
    }
  };
  skipTags(); // response header
  at += 4; // throttle time
  for (let n = uvarint() - 1; n > 0; n--) {
    at += 4; // node id
    skipString();
    at += 4; // port
    skipString(); // rack
    skipTags();
  }
  skipString(); // cluster id
  at += 4; // controller
  if (uvarint() - 1 !== 1) return null;
  const error = raw.readInt16BE(at);
  at += 2;
  skipString(); // name
  const id = raw.toString('hex', at, at + 16);
  at += 17; // id, internal
  const partitions = uvarint() - 1;
  if (error === 3) return null;
  if (error !== 0 && error !== 5) throw new ServiceError(`Kafka refuses to describe the topic (error ${error})`);
  return { id, partitions };
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let n = value; ; n = Math.floor(n / 128)) {
    if (n < 128) {
      bytes.push(n);
      return Buffer.from(bytes);
    }
    bytes.push((n % 128) | 128);
  }
}
