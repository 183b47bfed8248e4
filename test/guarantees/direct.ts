/** Loads batches made by hand straight through the loader of the program, with no Kafka: for what happens between transactions. */
import type { TestContext } from 'node:test';
import { type MessageBatch, messageOf, type OrderMessage, type Segment } from '../../consumer/intake/batch.js';
import { Database } from '../../consumer/load/database.js';
import { Loader, type LoadResult } from '../../consumer/load/loader.js';
import { claimTopic } from '../../consumer/load/positions.js';
import { mergeUsers } from '../../consumer/merge/merge-users.js';
import { migrate } from '../../consumer/schema/migrate.js';
import { Tables } from '../../consumer/schema/tables.js';
import { createLog } from '../../shared/log.js';
import { ServiceState } from '../../shared/outage.js';
import { dropDatabase, freshDatabase } from '../support/services.js';

export const TABLES = new Tables('public');
export const TOPIC = 'direct';
export const TOPIC_ID = 'the one';

/** A database with its tables, and a topic of two partitions from whose beginning nothing is loaded yet. It goes with the test. */
export async function directDatabase(t: TestContext, template?: string): Promise<string> {
  const url = await freshDatabase(undefined, template);
  t.after(() => dropDatabase(url));
  await withDb(url, async db => {
    await migrate(db.client, TABLES.analysts);
    const offsets = [0, 1].map(partition => ({ partition, low: 0, end: 1_000_000 }));
    await claimTopic(db, TABLES, TOPIC, TOPIC_ID, offsets, new Map());
  });
  return url;
}

export async function withDb<T>(url: string, work: (db: Database) => Promise<T>): Promise<T> {
  const db = await Database.connect(url, 'a test');
  try {
    return await work(db);
  } finally {
    await db.end();
  }
}

/** A worker's loader. It goes with the test. */
export async function directLoader(t: TestContext, url: string, worker: string, topicId = TOPIC_ID): Promise<Loader> {
  const loader = new Loader({
    databaseUrl: url,
    target: { tables: TABLES, topic: TOPIC, topicId, worker, version: 'test' },
    postgres: new ServiceState('Postgres', await createLog('silent', null), 30_000),
    maxDepth: 512,
    signal: new AbortController().signal,
  });
  t.after(() => loader.destroy());
  return loader;
}

/** Orders of one partition that stand from an offset on. */
export interface Run {
  partition: number;
  from: number;
  orders: string[];
}

export function batchOf(...runs: Run[]): MessageBatch {
  const messages: OrderMessage[] = [];
  const segments: Segment[] = [];
  for (const { partition, from, orders } of runs) {
    for (const [i, text] of orders.entries()) messages.push(messageOf(partition, from + i, Buffer.from(text), null));
    segments.push({ partition, from, to: from + orders.length, messages: orders.length });
  }
  return { messages, segments, bytes: 0, reason: 'time', generation: 1 };
}

export async function loadNow(loader: Loader, ...runs: Run[]): Promise<LoadResult> {
  return loader.load(await loader.prepare(batchOf(...runs)));
}

export function mergeNow(url: string) {
  return withDb(url, db => mergeUsers(db, TABLES));
}
