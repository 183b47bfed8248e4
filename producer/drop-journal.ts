/** What the drops topic knows of the drops, and what we tell it: the manifest, and how far a publication has come. */
import {
  type CopyRecord,
  copyKey,
  DROP_RECORD_FORMAT,
  type DropManifest,
  type DropProgress,
  type DropState,
  DropStates,
  type ForgetRecord,
  forgetKey,
  manifestKey,
  movedKey,
  progressKey,
} from '../shared/drop-record.js';
import { type Admin, dropsTopic, type Kafka, readPartition, topicOffsets } from '../shared/kafka.js';
import { monthOfFile } from '../shared/order.js';
import type { RecordWriter } from './idempotent-writer.js';
import { type Mark, START } from './publish-files.js';
import { NO_HEADERS, RecordBatchBuilder } from './record-batch.js';

/** Digits of the sha256 that name a drop. */
const ID_DIGITS = 16;

/** Which publication a run is about. */
export interface Publication {
  id: string;
  /** What is known of it; null for one that has not begun. */
  state: DropState | null;
}

/** Reads every drop that the topic tells of. @param from what was read before need not be read again */
export async function readDrops(kafka: Kafka, admin: Admin, topic: string, from = 0): Promise<DropStates> {
  const drops = new DropStates();
  const [{ partition, low, end }] = await topicOffsets(admin, dropsTopic(topic));
  drops.next = Math.max(from, low);
  if (end > drops.next)
    drops.next = await readPartition(kafka, dropsTopic(topic), partition, drops.next, r => drops.add(r.key?.toString() ?? null, r.value));
  return drops;
}

/**
 * The publication that these bytes are at: the newest one of them, or with `again` the one after it. An unfinished one is always gone on
 * with, never doubled. What went to a topic of the same name that has been deleted since is as if it had never been.
 */
export function findPublication(drops: DropStates, sha256: string, again: boolean, topicId: string): Publication {
  const first = sha256.slice(0, ID_DIGITS);
  let newest: Publication | null = null;
  let number = 1;
  for (; ; number++) {
    const id = number === 1 ? first : `${first}-${number}`;
    const state = drops.drops.get(id);
    if (state === undefined || (state.manifest.topicId ?? topicId) !== topicId) {
      if (newest === null) return { id, state: null };
      return again && newest.state?.manifest.state === 'published' ? { id, state: null } : newest;
    }
    newest = { id, state };
  }
}

/** What is said of a publication when it begins. */
export function newManifest(
  id: string,
  drop: { name: string; sha256: string; bytes: number },
  entries: { name: string; bytes: number }[],
  topic: { topicId: string; partitions: number },
): DropManifest {
  const { name, sha256, bytes } = drop;
  return {
    format: DROP_RECORD_FORMAT,
    id,
    name,
    sha256,
    bytes,
    topicId: topic.topicId,
    partitions: topic.partitions,
    state: 'publishing',
    files: entries.map(e => ({ name: e.name, month: monthOfFile(e.name), bytes: e.bytes, orders: null })),
    orders: null,
    startedAt: new Date().toISOString(),
    finishedAt: null,
  };
}

/** Writes the records of one publication. */
export class DropJournal {
  readonly #writer: RecordWriter;
  readonly #topic: string;
  readonly #batch = new RecordBatchBuilder();

  constructor(writer: RecordWriter, topic: string) {
    this.#writer = writer;
    this.#topic = dropsTopic(topic);
  }

  /** Says that a publication begins, from its start. */
  async begin(manifest: DropManifest): Promise<void> {
    this.#addProgress(manifest.id, START);
    this.#add(manifestKey(manifest.id), manifest);
    await this.#write();
  }

  /** Says that everything before the mark is confirmed. */
  async progress(id: string, upTo: Mark): Promise<void> {
    this.#addProgress(id, upTo);
    await this.#write();
  }

  /** Says that all of it is published. */
  async finish(manifest: DropManifest, upTo: Mark): Promise<void> {
    this.#addProgress(manifest.id, upTo);
    this.#add(manifestKey(manifest.id), manifest);
    await this.#write();
  }

  /** Says that a user is to be forgotten. */
  async forget(record: ForgetRecord): Promise<void> {
    this.#add(forgetKey(record.user), { format: DROP_RECORD_FORMAT, forget: record });
    await this.#write();
  }

  /** Says that the topic was moved to another one; null takes it back. */
  async moved(to: string | null): Promise<void> {
    this.#add(movedKey(), { format: DROP_RECORD_FORMAT, movedTo: to });
    await this.#write();
  }

  /** Says that this topic is a copy. */
  async copyOf(record: CopyRecord): Promise<void> {
    this.#add(copyKey(), { format: DROP_RECORD_FORMAT, copyOf: record });
    await this.#write();
  }

  /**
   * What the drops topic of another topic tells, as if the drops had been published to this one.
   *
   * @param known what this one tells: of a drop that it knows it knows more
   */
  async takeOver({ drops, forgets }: Pick<DropStates, 'drops' | 'forgets'>, topicId: string, known: DropStates): Promise<void> {
    for (const { manifest, progress } of drops.values()) {
      if (known.drops.has(manifest.id)) continue;
      this.#add(manifestKey(manifest.id), { ...manifest, topicId });
      if (progress !== null) this.#add(progressKey(manifest.id), progress);
      if (this.#batch.length > 500_000) await this.#write();
    }
    for (const record of forgets.values()) this.#add(forgetKey(record.user), { format: DROP_RECORD_FORMAT, forget: record });
    if (this.#batch.count > 0) await this.#write();
  }

  #addProgress(id: string, { file, index, orders }: Mark): void {
    const progress: DropProgress = {
      format: DROP_RECORD_FORMAT,
      id,
      file,
      index,
      orders,
      at: new Date().toISOString(),
    };
    this.#add(progressKey(id), progress);
  }

  #add(key: string, record: object): void {
    const bytes = Buffer.from(key + JSON.stringify(record)); // a key is ASCII
    this.#batch.add(bytes, key.length, bytes.length, 0, key.length, NO_HEADERS);
  }

  async #write(): Promise<void> {
    await this.#writer.write([{ topic: this.#topic, partition: 0, records: await this.#batch.pack() }]);
  }
}
