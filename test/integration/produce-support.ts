/** Publishing to the Kafka of the run in tests, and reading what came of it. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, statSync } from 'node:fs';
import * as path from 'node:path';
import { after } from 'node:test';
import { pino } from 'pino';
import { asDropEntries } from '../../producer/inflate-entry.js';
import { type ProduceOptions, type ProduceSettings, produceDrop } from '../../producer/produce-drop.js';
import { readZipEntries } from '../../producer/zip-entries.js';
import { createKafka } from '../../shared/kafka.js';
import { decodeHeaders, type Headers } from '../../shared/order-message.js';
import { resolveSettings } from '../../shared/settings.js';
import { freshName, testServices } from '../support/services.js';
import { Folder, makeZip } from '../unit/producer/zips.js';

const { brokers } = testServices();
export const lines: string[] = [];
export const log = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line).msg) });
export const kafka = createKafka({ brokers, log });
export const folder = new Folder();
after(() => folder.remove());

export const PARTITIONS = 5;

export function settings(topic: string): ProduceSettings {
  return resolveSettings({ topic, partitions: String(PARTITIONS), kafkaBrokers: brokers.join(), databaseUrl: 'postgres://unused' }, {})
    .settings;
}

export function produce(source: string, topic: string, more: Partial<ProduceOptions> = {}) {
  return produceDrop({ source, kafka, settings: settings(topic), log, ...more });
}

interface Message {
  partition: number;
  offset: number;
  key: string | null;
  value: string;
  drop: string;
  file: string;
  index: number;
  month: string | null;
}

/** Every message of a topic, by partition and offset. */
export async function readTopic(topic: string): Promise<Message[]> {
  const admin = kafka.admin();
  await admin.connect();
  const ends = new Map((await admin.fetchTopicOffsets(topic)).map(o => [o.partition, Number(o.high)]));
  await admin.disconnect();
  const messages: Message[] = [];
  const open = new Set([...ends].filter(([, end]) => end > 0).map(([p]) => p));
  if (open.size === 0) return messages;
  const consumer = kafka.consumer({ groupId: freshName('reader') });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    consumer.on(consumer.events.CRASH, e => e.payload.restart || reject(e.payload.error));
    void consumer.run({
      eachBatch: async ({ batch }) => {
        for (const m of batch.messages) {
          const place = decodeHeaders(m.headers as Headers);
          assert.ok(place, 'headers');
          messages.push({
            partition: batch.partition,
            offset: Number(m.offset),
            key: m.key && String(m.key),
            value: String(m.value),
            ...place,
          });
        }
        if (Number(batch.lastOffset()) + 1 >= ends.get(batch.partition)!) open.delete(batch.partition);
        if (open.size === 0) resolve();
      },
    });
  });
  await consumer.disconnect();
  return messages.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
}

/** The orders of a zip by JSON.parse, as file -> values. */
export async function ordersOf(zip: string): Promise<Map<string, unknown[]>> {
  const entries = asDropEntries(zip, await readZipEntries(zip, 'x', settings('x')));
  const found = new Map<string, unknown[]>();
  for (const entry of entries) {
    const chunks: Buffer[] = [];
    for await (const c of entry.read()) chunks.push(c);
    found.set(entry.name, JSON.parse(Buffer.concat(chunks).toString()).orders);
  }
  return found;
}

/** The real drop where it is, else a small one. */
export async function realDrop(): Promise<{ zip: string; orders: number | null }> {
  const place = process.env.GLOSSIER_DROP ?? path.resolve('../shared/real');
  if (existsSync(place)) {
    const zip = statSync(place).isDirectory() ? readdirSync(place).find(f => f.endsWith('.zip')) : '';
    if (zip !== undefined) return { zip: path.join(place, zip), orders: zip.startsWith('orders-2017-10-30') ? 13_183 : null };
  }
  return { zip: await generated(5, 400), orders: 2000 };
}

/** A drop of so many files of so many orders of about 1 KB each. */
export async function generated(files: number, orders: number): Promise<string> {
  const day = (f: number) => `2017-12-${String((f % 28) + 1).padStart(2, '0')}.json`;
  const order = (f: number, n: number) =>
    JSON.stringify({ id: 1 + f * 1_000_000 + n, note: `${f}/${n} `.repeat(100), total_price: '1.00' });
  const data = (f: number) => `{"orders":[${Array.from({ length: orders }, (_, n) => order(f, n))}]}`;
  return folder.save(await makeZip(Array.from({ length: files }, (_, f) => ({ name: `part-${f}/${day(f)}`, data: data(f) }))));
}

/** In each partition no order stands before all earlier ones of that partition have been there. */
export function assertOrder(messages: Message[], files: string[]): void {
  const places = new Map<number, number[]>();
  for (const m of messages) {
    const list = places.get(m.partition) ?? [];
    list.push(files.indexOf(m.file) * 1e9 + m.index);
    places.set(m.partition, list);
  }
  for (const list of places.values()) {
    const sorted = [...new Set(list)].sort((a, b) => a - b);
    let reached = 0;
    for (const place of list) {
      if (place === sorted[reached]) reached++;
      else assert.ok(reached > 0 && place <= sorted[reached - 1], 'an order came before an earlier one of its partition');
    }
  }
}
