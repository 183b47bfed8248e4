/** Sends messages as other programs would, in any compression and in transactions, into partition 0. */
import kafkajs, { type Message, type Producer } from 'kafkajs';
import { createKafka } from '../../shared/kafka.js';
import { createLog } from '../../shared/log.js';
import type { How, MessageCase } from '../cases/messages.js';
import type { Shop } from '../guarantees/shop.js';
import { freshName } from '../support/services.js';

const { CompressionCodecs, CompressionTypes } = kafkajs;

/** Snappy as the Java client frames it: one literal a frame, which says nothing of copies (unit/shared/snappy.test.ts does). */
function packSnappy(bytes: Buffer): Buffer {
  const raw = Buffer.alloc(4 + 5);
  for (let i = 0, rest = bytes.length; i < 4; i++, rest >>>= 7) raw[i] = (rest & 0x7f) | (i < 3 ? 0x80 : 0);
  raw[4] = 63 << 2;
  raw.writeUInt32LE(bytes.length - 1, 5);
  const header = Buffer.concat([Buffer.from('\u0082SNAPPY\0', 'latin1'), Buffer.from([0, 0, 0, 1, 0, 0, 0, 1]), Buffer.alloc(4)]);
  header.writeUInt32BE(raw.length + bytes.length, 16);
  return Buffer.concat([header, raw, bytes]);
}

/** zstd in blocks that are not packed: no packer is there on Node 20. */
function packZstd(bytes: Buffer): Buffer {
  const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0]);
  head.writeUInt32LE(bytes.length, 5);
  const pieces: Buffer[] = [head];
  for (let at = 0; at < bytes.length; at += 100_000) {
    const block = bytes.subarray(at, at + 100_000);
    const header = Buffer.alloc(3);
    header.writeUIntLE((block.length << 3) | (at + block.length === bytes.length ? 1 : 0), 0, 3);
    pieces.push(header, block);
  }
  return Buffer.concat(pieces);
}

/**
 * Each case stands between two of `neighbours`; those of one `how` form one batch. A transaction that is given up holds its cases alone, as
 * what else is in it is not delivered either: its neighbours stand behind it.
 */
export async function sendCases(shop: Shop, cases: readonly MessageCase[], neighbours: readonly string[]): Promise<void> {
  // the program's client, as it has LZ4
  const kafka = createKafka({ brokers: shop.server.brokers, log: await createLog('silent', null) });
  CompressionCodecs[CompressionTypes.Snappy] = () => ({
    compress: async ({ buffer }: { buffer: Buffer }) => packSnappy(buffer),
    decompress: async (buffer: Buffer) => buffer,
  });
  CompressionCodecs[CompressionTypes.ZSTD] = () => ({
    compress: async ({ buffer }: { buffer: Buffer }) => packZstd(buffer),
    decompress: async (buffer: Buffer) => buffer,
  });
  const groups = new Map<How, { inside: Message[]; behind: Message[] }>();
  for (const [n, [, { key = null, value, headers, how = 'plain' }]] of cases.entries()) {
    const group = groups.get(how) ?? { inside: [], behind: [] };
    groups.set(how, group);
    group.inside.push({ key, value: value as string, headers, partition: 0 });
    (how === 'abort' ? group.behind : group.inside).push({ key: null, value: neighbours[n], partition: 0 });
  }
  for (const [how, { inside, behind }] of groups) {
    const transactional = how === 'commit' || how === 'abort';
    const producer = kafka.producer(transactional ? { transactionalId: freshName('other'), maxInFlightRequests: 1, idempotent: true } : {});
    await producer.connect();
    try {
      if (transactional) await inTransaction(producer, shop.topic, inside, how === 'commit');
      // one send a message where it is large: the broker takes 1 MB at once
      else for (const batch of batches(inside)) await producer.send({ topic: shop.topic, messages: batch, compression: CODEC[how] });
    } finally {
      await producer.disconnect();
    }
    if (behind.length > 0) await shop.send(behind.map(m => ({ value: m.value as string, partition: 0 })));
  }
}

const CODEC: Record<How, number> = {
  plain: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  lz4: CompressionTypes.LZ4,
  snappy: CompressionTypes.Snappy,
  zstd: CompressionTypes.ZSTD,
  commit: CompressionTypes.None,
  abort: CompressionTypes.None,
};

async function inTransaction(producer: Producer, topic: string, messages: Message[], commit: boolean): Promise<void> {
  const transaction = await producer.transaction();
  await transaction.send({ topic, messages });
  await (commit ? transaction.commit() : transaction.abort());
}

function batches(messages: Message[]): Message[][] {
  const all: Message[][] = [[]];
  let bytes = 0;
  for (const message of messages) {
    const size = (message.value?.length ?? 0) + (message.key?.length ?? 0) + 20_000;
    if (bytes + size > 900_000 && bytes > 0) {
      all.push([]);
      bytes = 0;
    }
    all[all.length - 1].push(message);
    bytes += size;
  }
  return all;
}
