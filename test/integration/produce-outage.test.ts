/** Kafka is killed in the middle of a publication and comes back: nothing is missing, and nothing is said but that it was away. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { pino } from 'pino';
import { findKafka, startKafka, stopKafka } from '../../local/kafka.js';
import { type ProduceProgress, produceDrop } from '../../producer/produce-drop.js';
import { createKafka, type Kafka, readPartition, topicOffsets } from '../../shared/kafka.js';
import { resolveSettings } from '../../shared/settings.js';
import { LIB_DIR, tempDir } from '../support/services.js';
import { Folder, makeZip } from '../unit/producer/zips.js';

const dir = tempDir();
const folder = new Folder();
after(async () => {
  await stopKafka(dir);
  folder.remove();
});

const FILES = 20;
const ORDERS = 4000;

async function drop(): Promise<string> {
  const order = (id: number) => `{"id":${id},"note":"${`${id} `.repeat(150)}"}`;
  const data = (f: number) => `{"orders":[${Array.from({ length: ORDERS }, (_, n) => order(1 + f * ORDERS + n))}]}`;
  return folder.save(await makeZip(Array.from({ length: FILES }, (_, f) => ({ name: `2017-12-${f + 10}.json`, data: data(f) }))));
}

async function keysOf(kafka: Kafka, topic: string): Promise<string[]> {
  const admin = kafka.admin();
  await admin.connect();
  const keys: string[] = [];
  for (const { partition, low, end } of await topicOffsets(admin, topic)) {
    if (end > low) await readPartition(kafka, topic, partition, low, r => keys.push(String(r.key)));
  }
  await admin.disconnect();
  return keys;
}

async function comeBack(signal: 'SIGKILL' | 'SIGTERM', port: number): Promise<void> {
  if (signal === 'SIGTERM') await stopKafka(dir);
  else process.kill(findKafka(dir)!.pid, signal);
  await startKafka({ dir, libDir: LIB_DIR, port });
}

for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
  test(`Kafka ends by ${signal} and comes back`, async () => {
    const { port, brokers } = await startKafka({ dir, libDir: LIB_DIR });
    const lines: string[] = [];
    const log = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line).msg) });
    const kafka = createKafka({ brokers, log });
    const topic = `outage-${signal}`;
    const { settings } = resolveSettings(
      { topic, partitions: '4', outageTimeout: '2m', kafkaBrokers: brokers.join(), databaseUrl: 'postgres://unused' },
      {},
    );
    let restarted: Promise<unknown> | null = null;
    const onProgress = (p: ProduceProgress) => {
      if (p.phase !== 'publish' || p.orders < (FILES * ORDERS) / 3 || restarted !== null) return;
      restarted = comeBack(signal, port);
    };
    const result = await produceDrop({ source: await drop(), kafka, settings, log, onProgress });
    await restarted;
    assert.deepEqual([result.state, result.orders, result.sent], ['published', FILES * ORDERS, FILES * ORDERS]);
    // an outage of less than a second and a half is not worth a line
    if (lines.length > 0) assert.deepEqual(lines, ['Kafka is away, waiting', 'Kafka is back']);
    const keys = await keysOf(kafka, topic);
    assert.equal(new Set(keys).size, FILES * ORDERS, 'none is missing');
    assert.equal(keys.length, FILES * ORDERS, 'and none is there twice: the broker knows the repeats by their numbers');
  });
}
