/**
 * What the drops topic (`<ORDERS_TOPIC>.drops`, compacted) says of a drop.
 *
 * Two keys a drop: `<id>` holds the manifest, written before the first order and once more when every order is confirmed;
 * `<id>/progress` holds the place up to which everything is confirmed, rewritten as the publish goes on. A producer reads both and
 * needs no database.
 */

/** Version of the JSON below. A reader refuses a newer one. */
export const DROP_RECORD_FORMAT = 1;

/** A fault in one file of a drop; the orders before it were published. */
export interface FileFault {
  /** In words, with no value of an order. */
  reason: string;
  /** Byte of the unpacked file at which it broke, from 0. */
  byte: number;
  /** Orders of the file that were whole before the fault. */
  orders: number;
}

/** An order that is larger than MAX_ORDER_BYTES, and so was not published. */
export interface OversizeOrder {
  /** Its position in the file's orders, from 0. */
  index: number;
  /** Where it starts in the unpacked file, from 0. */
  byte: number;
  /** Its size. */
  bytes: number;
}

/** Orders of a drop that are told of one by one in its manifest, which must fit into a message; the rest is counted. */
export const MOST_OVERSIZE = 100;

/** What the published orders of a file come to. */
export interface FileSums {
  /** Of the orders themselves. */
  bytes: number;
  /** Line items, as many as the orders' `line_items` hold. */
  items: number;
  /** Of `total_price`, with four places. */
  price: string;
  /** Sum of the orders' content hashes (content-hash.ts) modulo 2^64, 16 hex digits. */
  content: string;
}

export interface DropFile {
  /** As the zip's directory or the folder has it. */
  name: string;
  /** `YYYY_MM`, or null where the name has no date. */
  month: string | null;
  /** Unpacked size. */
  bytes: number;
  /** Orders published from it; null until the file has been read to its end. */
  orders: number | null;
  /** Of the orders published from it; records of before 0.2 lack it. */
  sums?: FileSums;
  fault?: FileFault;
  /** Orders that were too large to be published, by the file; `first` are the first ones of the drop, MOST_OVERSIZE at the most. */
  oversize?: { count: number; first: OversizeOrder[] };
}

export interface DropManifest {
  format: number;
  /** `<first 16 hex digits of the sha256>`, with `-2`, `-3`… behind it for a repeated publication of the same bytes. */
  id: string;
  /** The last part of the path or URL that it came by. */
  name: string;
  sha256: string;
  /** Size of the zip, or of its files where it is none. */
  bytes: number;
  /** The broker's id of the topic. A publication to another topic of the same name, since deleted, does not count. */
  topicId?: string;
  /** Partitions of the topic when the publish began; the order ids are spread over these, also when it goes on later. */
  partitions: number;
  /** MAX_ORDER_BYTES of the publication; records of before 0.2 lack it, and their files ended at an order that was too large. */
  maxOrderBytes?: number;
  /** `publishing` until the broker has confirmed every order. */
  state: 'publishing' | 'published';
  files: DropFile[];
  /** Orders of the whole drop; null until published. */
  orders: number | null;
  /** ISO instants. */
  startedAt: string;
  finishedAt: string | null;
}

/** Everything before (file, index) is confirmed by the broker. `orders` is how many that is. */
export interface DropProgress {
  format: number;
  id: string;
  file: number;
  index: number;
  orders: number;
  at: string;
}

/**
 * That a user is to be forgotten, wherever the topic is loaded, replayed or tried again. It stands among the drops, as whoever has the topic has
 * it, too; under a key of its own, so that it stays when the topic is compacted.
 */
export interface ForgetRecord {
  /** In decimal. */
  user: string;
  /** What is kept of the user's orders: `money` their rows without personal fields, `nothing` none. */
  keeps: 'money' | 'nothing';
  reason: string;
  /** ISO instant. */
  at: string;
}

const PROGRESS = '/progress';
const FORGET = 'forget/';
const MOVED = 'moved';
const COPY = 'copy';

export function manifestKey(id: string): string {
  return id;
}

export function progressKey(id: string): string {
  return id + PROGRESS;
}

/** What a topic says of itself that is a copy of another one. */
export interface CopyRecord {
  topic: string;
  /** The broker's id of that. */
  topicId: string;
  /** Hash of whom it leaves out (forgottenHash). */
  forgotten: string;
}

export function copyKey(): string {
  return COPY;
}

export function forgetKey(user: string): string {
  return FORGET + user;
}

/** The key under which a topic says that it was moved to another one. */
export function movedKey(): string {
  return MOVED;
}

/** One drop as the topic tells it. */
export interface DropState {
  manifest: DropManifest;
  progress: DropProgress | null;
}

/**
 * Folds the records of the drops topic, in their order, into one state a drop.
 *
 * Records that are not of this form (someone else's, or of a newer format) are passed over; `newer` counts the latter.
 */
export class DropStates {
  readonly drops = new Map<string, DropState>();
  /** By user. */
  readonly forgets = new Map<string, ForgetRecord>();
  /** The topic that this one was moved to; nothing is to be published here any more. */
  movedTo: string | null = null;
  /** What this topic is a copy of. */
  copyOf: CopyRecord | null = null;
  newer = 0;
  /** Offset of the drops topic up to which it was read. */
  next = 0;
  readonly #early = new Map<string, DropProgress>();

  add(key: string | null, value: Buffer | null): void {
    if (key === null || value === null) return;
    let record:
      | DropManifest
      | DropProgress
      | { format: number; forget: ForgetRecord }
      | { format: number; movedTo: string | null }
      | { format: number; copyOf: CopyRecord };
    try {
      record = JSON.parse(value.toString('utf8'));
    } catch {
      return;
    }
    if (typeof record !== 'object' || record === null || typeof record.format !== 'number') return;
    if (record.format > DROP_RECORD_FORMAT) {
      this.newer++;
      return;
    }
    if (key.startsWith(FORGET)) {
      if ('forget' in record && isForget(record.forget)) this.forgets.set(record.forget.user, record.forget);
    } else if (key === MOVED) {
      if ('movedTo' in record && (record.movedTo === null || typeof record.movedTo === 'string')) this.movedTo = record.movedTo;
    } else if (key === COPY) {
      if ('copyOf' in record && typeof record.copyOf?.topic === 'string') this.copyOf = record.copyOf;
    } else if (key.endsWith(PROGRESS)) {
      const progress = record as DropProgress;
      const state = this.drops.get(progress.id);
      if (state) state.progress = progress;
      else this.#early.set(progress.id, progress);
    } else if ('files' in record) {
      const known = this.drops.get(record.id);
      if (known) known.manifest = record;
      else this.drops.set(record.id, { manifest: record, progress: this.#early.get(record.id) ?? null });
    }
  }
}

function isForget(f: unknown): f is ForgetRecord {
  const { user, keeps, reason, at } = (f ?? {}) as Partial<Record<string, unknown>>;
  return (
    typeof user === 'string' &&
    /^-?\d{1,19}$/.test(user) &&
    (keeps === 'money' || keeps === 'nothing') &&
    typeof reason === 'string' &&
    typeof at === 'string' &&
    !Number.isNaN(Date.parse(at))
  );
}

/** What of a drop was not published: broken files, and orders that were too large. */
export function refusedOf(files: DropFile[]): { brokenFiles: number; oversizeOrders: number } {
  return {
    brokenFiles: files.filter(f => f.fault).length,
    oversizeOrders: files.reduce((sum, f) => sum + (f.oversize?.count ?? 0), 0),
  };
}

/** How many orders of a drop are known to be on the topic. */
export function publishedOrders(state: DropState): number {
  return state.manifest.state === 'published' ? (state.manifest.orders ?? 0) : (state.progress?.orders ?? 0);
}
