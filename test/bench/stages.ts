/** Each stage alone, on the drop's own bytes, in this process: what bounds the whole. */
import type { MessageBatch } from '../../consumer/intake/batch.js';
import { TopicReader } from '../../consumer/intake/topic-reader.js';
import { Database } from '../../consumer/load/database.js';
import { mergeUsers } from '../../consumer/merge/merge-users.js';
import { migrate } from '../../consumer/schema/migrate.js';
import { MonthTables } from '../../consumer/schema/month-table.js';
import {
  copyStatement,
  LINE_ITEM_COLUMNS,
  ORDER_COLUMNS,
  REGISTRY_COLUMNS,
  STAGING_COLUMNS,
  Tables,
} from '../../consumer/schema/tables.js';
import { type BatchRows, batchRows } from '../../consumer/transform/batch-rows.js';
import { CopyText } from '../../consumer/transform/copy-text.js';
import { NOBODY } from '../../consumer/transform/forgotten.js';
import { OrderScan } from '../../consumer/transform/order-scan.js';
import type { CutBatch } from '../../producer/cut-batch.js';
import { OrderCutter } from '../../producer/entry-orders.js';
import { IdempotentWriter } from '../../producer/idempotent-writer.js';
import { asDropEntries } from '../../producer/inflate-entry.js';
import { OrderPublisher } from '../../producer/order-publisher.js';
import { readZipEntries } from '../../producer/zip-entries.js';
import { createKafka, ensureTopics } from '../../shared/kafka.js';
import { createLog } from '../../shared/log.js';
import { ServiceState } from '../../shared/outage.js';
import { freshName } from '../support/services.js';
import { type Bench, count, median, type Section, seconds, type Table } from './bench.js';
import { serverCpu } from './proc.js';

const PARTITIONS = 8;
const BATCH_ORDERS = 4000;
const BATCH_BYTES = 6e6;
const ROUNDS = 5;
const MAX_DEPTH = 512;
const LIMITS = { maxEntries: 1e5, maxFileBytes: 1e11, maxDropBytes: 1e12, maxRatio: 1e4 };

interface Taken {
  stage: string;
  rows: number;
  bytes: number;
  seconds: number[];
  cpu: number[];
  server: number[];
}

export const section: Section = {
  title: 'Stages alone',
  about:
    'One process, one stage after the other, on one copy of the drop. Our CPU counts all threads of this process (unpacking and lz4 run beside); the server is Kafka for publish and fetch, Postgres for the rest.',
  quick: true,
  run: stages,
};

async function stages(bench: Bench): Promise<Table> {
  const taken = new Map<string, Taken>();
  const rounds = bench.options.full ? 2 * ROUNDS : ROUNDS;
  const take = async (stage: string, rows: number, bytes: number, server: number | null, work: () => unknown) => {
    const t = taken.get(stage) ?? { stage, rows, bytes, seconds: [], cpu: [], server: [] };
    taken.set(stage, t);
    const [cpu, other, began] = [process.cpuUsage(), server === null ? Number.NaN : serverCpu(server), performance.now()];
    await work();
    t.seconds.push((performance.now() - began) / 1000);
    const used = process.cpuUsage(cpu);
    t.cpu.push((used.user + used.system) / 1e6);
    t.server.push(server === null ? Number.NaN : serverCpu(server) - other);
  };
  const kafka = createKafka({ brokers: bench.services.brokers, log: await createLog('silent', null) });
  const zip = await bench.zip(1);
  const files = await readFiles(zip);
  const raw = files.reduce((sum, f) => sum + f.reduce((n, c) => n + c.length, 0), 0);
  const cut = (each: (batch: CutBatch) => unknown = () => {}) => {
    for (const chunks of files) {
      const cutter = new OrderCutter({ maxOrderBytes: 1e6 });
      for (const chunk of chunks) for (const batch of cutter.push(chunk)) each(batch);
      for (const batch of cutter.end()) each(batch);
    }
  };
  let orders = 0;
  let orderBytes = 0;
  cut(batch => {
    orders += batch.count;
    for (let n = 0; n < batch.count; n++) orderBytes += batch.ends[n] - batch.starts[n];
  });
  for (let n = 0; n < rounds; n++) {
    await take('inflate', orders, raw, null, () => readFiles(zip));
    await take('cut', orders, raw, null, () => cut());
    const topic = freshName('bench');
    await take('publish', orders, orderBytes, bench.pids.kafka, () => publish(kafka, topic, files));
    let batches: MessageBatch[] = [];
    await take('fetch', orders, orderBytes, bench.pids.kafka, async () => {
      batches = await fetchAll(kafka, topic);
    });
    const scan = new OrderScan(MAX_DEPTH);
    await take('parse', orders, orderBytes, null, () => {
      for (const batch of batches) for (const m of batch.messages) scan.scan(m.value!);
    });
    let made: BatchRows[] = [];
    await take('parse and encode', orders, orderBytes, null, () => {
      made = batches.map(batch => batchRows(batch, () => 1, null, new Map(), { maxDepth: MAX_DEPTH, forgotten: NOBODY }));
    });
    await load(bench, made, take);
  }
  const row = ({ stage, rows, bytes, ...t }: Taken) => {
    const took = median(t.seconds);
    return [
      stage,
      count(rows),
      seconds(took),
      count(rows / took),
      bytes > 0 ? count(bytes / took / 1e6) : '–',
      seconds(median(t.cpu)),
      seconds(median(t.server)),
    ];
  };
  return {
    head: ['stage', 'orders or rows', 's', 'a second', 'MB/s', 'our CPU s', "server's CPU s"],
    rows: [...taken.values()].map(row).map(cells => cells.map(c => (c === 'NaN' ? '–' : c))),
    notes: ['MB are those of the stage: unpacked files for inflate and cut, orders for publish to encode, COPY text behind them.'],
  };
}

type Take = (stage: string, rows: number, bytes: number, server: number | null, work: () => unknown) => Promise<void>;

/** All rows, table by table rather than batch by batch, in one transaction each. */
async function load(bench: Bench, made: BatchRows[], take: Take): Promise<void> {
  const tables = new Tables('public');
  const url = await bench.database();
  const db = await Database.connect(url, 'bench');
  await migrate(db.client, tables.analysts);
  const months = [...new Set(made.flatMap(m => [...m.rows.months.keys()]))].sort();
  await new MonthTables(tables).ensure(db, months);
  const copy = async (stage: string, pieces: { relation: string; columns: readonly string[]; text: CopyText }[]) => {
    const [rows, bytes] = [pieces.reduce((n, p) => n + p.text.rows, 0), pieces.reduce((n, p) => n + p.text.bytes, 0)];
    await take(stage, rows, bytes, bench.pids.postgres, async () => {
      await db.query('BEGIN');
      for (const { relation, columns, text } of pieces) await db.copy(copyStatement(relation, columns), text.chunks());
      await db.query('COMMIT');
    });
  };
  await copy(
    'COPY registry',
    made.map(m => ({ relation: tables.knownOrders, columns: REGISTRY_COLUMNS, text: m.rows.registry })),
  );
  const ofMonths = made.flatMap(m =>
    [...m.rows.months].map(([month, text]) => ({ relation: tables.month(month), columns: ORDER_COLUMNS, text })),
  );
  await copy('COPY month tables', ofMonths);
  await copy(
    'COPY line items',
    made.map(m => ({ relation: tables.lineItems, columns: LINE_ITEM_COLUMNS, text: m.rows.lineItems })),
  );
  const staging = made.map(m => {
    const text = new CopyText();
    m.rows.users.write(text);
    return { relation: tables.userStaging, columns: STAGING_COLUMNS, text };
  });
  await copy('COPY user staging', staging);
  await take(
    'merge',
    staging.reduce((n, s) => n + s.text.rows, 0),
    0,
    bench.pids.postgres,
    () => mergeUsers(db, tables),
  );
  await db.end();
  await bench.drop(url);
}

/** Unpacked chunks by file. */
async function readFiles(zip: string): Promise<Buffer[][]> {
  const files: Buffer[][] = [];
  for (const entry of asDropEntries(zip, await readZipEntries(zip, 'a drop', LIMITS))) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry.read()) chunks.push(Buffer.from(chunk));
    files.push(chunks);
  }
  return files;
}

type Kafka = ReturnType<typeof createKafka>;

async function publish(kafka: Kafka, topic: string, files: Buffer[][]): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  await ensureTopics(admin, topic, PARTITIONS);
  await admin.disconnect();
  const writer = new IdempotentWriter({ kafka, service: new ServiceState('Kafka', await createLog('silent', null), 60_000) });
  const publisher = new OrderPublisher({ writer, topic, partitions: PARTITIONS, drop: 'bench' });
  for (const [n, chunks] of files.entries()) {
    publisher.startFile(n, `2017-12-${String((n % 28) + 1).padStart(2, '0')}.json`, '2017_12');
    const cutter = new OrderCutter({ maxOrderBytes: 1e6 });
    for (const chunk of chunks) for (const batch of cutter.push(chunk)) await publisher.add(batch);
    for (const batch of cutter.end()) await publisher.add(batch);
  }
  await publisher.flush();
  await writer.close();
}

async function fetchAll(kafka: Kafka, topic: string): Promise<MessageBatch[]> {
  const admin = kafka.admin();
  await admin.connect();
  const ends = new Map((await admin.fetchTopicOffsets(topic)).map(o => [o.partition, Number(o.high)]));
  await admin.disconnect();
  const { signal } = new AbortController();
  const reader = new TopicReader({
    kafka,
    topic,
    from: new Map([...ends.keys()].map(p => [p, 0])),
    stallTimeout: 60_000,
    signal,
    patiently: work => work(),
  });
  const batches: MessageBatch[] = [];
  for (
    let batch = await reader.next(ends, BATCH_ORDERS, BATCH_BYTES);
    batch !== null;
    batch = await reader.next(ends, BATCH_ORDERS, BATCH_BYTES)
  )
    batches.push(batch);
  await reader.close();
  return batches;
}
