/** Publishes one drop: the only file that knows the order of the stages. */
import type { Readable } from 'node:stream';
import type { DropFile } from '../shared/drop-record.js';
import { InterruptedError, TopicError } from '../shared/errors.js';
import type { Kafka } from '../shared/kafka.js';
import type { Logger } from '../shared/log.js';
import { atMost, ServiceState } from '../shared/outage.js';
import type { Settings } from '../shared/settings.js';
import { checkEntries } from './check-entries.js';
import type { DropEntry } from './drop-entry.js';
import { DropJournal, findPublication, newManifest, type Publication } from './drop-journal.js';
import type { FetchedDrop } from './fetch-drop.js';
import { IdempotentWriter } from './idempotent-writer.js';
import { askTopics, checkNotMoved, type KafkaPlace, type Topics, verifySent } from './kafka-topics.js';
import { openDrop } from './open-drop.js';
import { OrderPublisher } from './order-publisher.js';
import { type Mark, publishFiles, START } from './publish-files.js';

export type ProduceSettings = Pick<
  Settings,
  | 'topic'
  | 'partitions'
  | 'outageTimeout'
  | 'shutdownTimeout'
  | 'maxOrderBytes'
  | 'maxEntries'
  | 'maxFileBytes'
  | 'maxDropBytes'
  | 'maxRatio'
>;

export interface ProduceProgress {
  phase: 'check' | 'publish';
  /** Unpacked bytes. */
  bytesDone: number;
  bytesTotal: number;
  /** Orders read so far; 0 in the check. */
  orders: number;
}

export interface ProduceOptions {
  /** A path or an http(s) URL of a zip or of a file of orders, a path of a folder of such files, or `-` for `input`. */
  source: string;
  kafka: Kafka;
  settings: ProduceSettings;
  log: Logger;
  /** What the source `-` stands for. */
  input?: Readable;
  /** What the drop's sha256 must be: 64 hex digits. */
  sha256?: string;
  /** Publish once more what is published already. */
  again?: boolean;
  signal?: AbortSignal;
  /** Called for each piece of up to 4 MB. */
  onProgress?: (progress: ProduceProgress) => void;
}

export interface ProduceResult {
  id: string;
  name: string;
  /** `already`: it was published whole before, and nothing was sent. */
  state: 'published' | 'already';
  /** Orders of the drop. */
  orders: number;
  /** Orders sent by this run. */
  sent: number;
  files: DropFile[];
  /** Size of the zip or files. */
  bytes: number;
  /** True where this run went on with an earlier one. */
  resumed: boolean;
}

/** Milliseconds between progress records: what a crash publishes twice at the most. */
const PROGRESS_EVERY = 1000;

/**
 * Publishes a drop, or what is missing of it. A run that ended early is gone on with by the same call.
 *
 * @throws DropError before anything is published; ServiceError and TopicError when Kafka cannot take it; InterruptedError on the signal
 */
export async function produceDrop(options: ProduceOptions): Promise<ProduceResult> {
  const { source, kafka, settings, log, signal, onProgress, input, sha256, again = false } = options;
  const place: KafkaPlace = {
    kafka,
    topic: settings.topic,
    service: new ServiceState('Kafka', log, settings.outageTimeout),
  };
  const halt = new AbortController(); // the caller's signal; also ends one side when the other fails
  const onAbort = () => halt.abort(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  let drop: FetchedDrop | null = null;
  let checking: Promise<void> = Promise.resolve();
  try {
    // Kafka takes some 0.3 s to answer all questions; meanwhile the zip is fetched and checked
    const asking = askTopics(place, settings.partitions, halt.signal);
    asking.catch(() => {});
    const opened = await openDrop(source, settings, { signal, input, sha256, log });
    drop = opened.drop;
    const { entries } = opened;
    const progress = progressOf(entries, onProgress);
    checking = checkEntries(entries, settings.maxDropBytes, halt.signal, bytes => progress('check', bytes, 0));
    const topics = await Promise.race([asking, checking.then(() => asking)]);
    const publication = findPublication(topics.drops, drop.sha256, again, topics.topicId);
    const known = publication.state?.manifest;
    if (known?.state === 'published') {
      const { id, orders, files } = known;
      return {
        id,
        name: drop.name,
        state: 'already',
        orders: orders ?? 0,
        sent: 0,
        files,
        bytes: drop.bytes,
        resumed: false,
      };
    }
    await checking;
    return await publish({
      ...options,
      place,
      drop,
      entries,
      topics,
      publication,
      progress: progressOf(entries, onProgress),
    });
  } finally {
    halt.abort();
    signal?.removeEventListener('abort', onAbort);
    await checking.catch(() => {});
    await drop?.dispose();
  }
}

interface Run extends ProduceOptions {
  place: KafkaPlace;
  drop: FetchedDrop;
  entries: DropEntry[];
  topics: Topics;
  publication: Publication;
  progress: Report;
}

async function publish(run: Run): Promise<ProduceResult> {
  const { place, settings, signal, drop, entries, topics, publication, progress } = run;
  const { id, state } = publication;
  // gone on with by the limit that it began with: with a higher one an order would be published behind those that came after it, and be
  // taken for a repeat. A lower one is for a topic that turned out not to take so much.
  const maxOrderBytes = Math.min(settings.maxOrderBytes, state?.manifest.maxOrderBytes ?? settings.maxOrderBytes);
  const manifest = { ...(state?.manifest ?? newManifest(id, drop, entries, topics)), maxOrderBytes };
  const writer = new IdempotentWriter({ ...place, signal });
  const journal = new DropJournal(writer, settings.topic);
  const input = {
    entries,
    limits: { maxOrderBytes },
    signal,
    onBytes: (b: number, orders: number) => progress('publish', b, orders),
  };
  let confirmed: Mark = state?.progress ?? START;
  let sent = 0;
  let publisher: OrderPublisher | null = null;
  let notedAt = Date.now();
  const publishFrom = (from: Mark): Promise<DropFile[] | null> => {
    publisher = new OrderPublisher({
      writer,
      topic: settings.topic,
      partitions: manifest.partitions,
      drop: id,
      onConfirmed: async (upTo, orders) => {
        sent = orders;
        confirmed = { ...upTo, orders: from.orders + orders };
        if (Date.now() - notedAt < PROGRESS_EVERY) return;
        await journal.progress(id, confirmed);
        notedAt = Date.now();
      },
    });
    return publishFiles(input, from, publisher);
  };
  const save = async () => {
    await publisher?.settle().catch(() => {});
    if (!place.service.away) await journal.progress(id, confirmed);
  };
  try {
    // the drop may have been checked for minutes
    await checkNotMoved(place, topics, signal);
    if (state === null) await journal.begin(manifest);
    const files = (await publishFrom(confirmed)) ?? (await publishFrom(START))!;
    await verifySent(place, topics, sent, signal);
    // whoever moves the topic says so first, then copies all that it has: what was confirmed before this answer is in the copy
    await checkNotMoved(place, topics, signal);
    const orders = files.reduce((sum, f) => sum + f.orders!, 0);
    await journal.finish({ ...manifest, state: 'published', files, orders, finishedAt: new Date().toISOString() }, confirmed);
    return { id, name: drop.name, state: 'published', orders, sent, files, bytes: drop.bytes, resumed: state !== null };
  } catch (error) {
    if (error instanceof TopicError) confirmed = START; // the topic has lost orders: none of the drop counts any more
    await atMost(settings.shutdownTimeout / 2, save());
    if (!signal?.aborted) throw error;
    throw new InterruptedError(`interrupted with ${confirmed.orders} orders of ${drop.name} published`, {
      hint: 'the same command goes on from there',
      cause: error,
    });
  } finally {
    await atMost(1000, writer.close());
  }
}

type Report = (phase: ProduceProgress['phase'], bytes: number, orders: number) => void;

/** Adds the bytes of one phase up. */
function progressOf(entries: DropEntry[], onProgress: ProduceOptions['onProgress']): Report {
  const bytesTotal = entries.reduce((sum, e) => sum + e.bytes, 0);
  let bytesDone = 0;
  return (phase, bytes, orders) => {
    bytesDone += bytes;
    onProgress?.({ phase, bytesDone, bytesTotal, orders });
  };
}
