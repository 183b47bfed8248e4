/**
 * The oracle: what the contract says every table, book and list of rejects must hold after some drops were loaded.
 *
 * It shares no code with the program and reads drops in its own way. It keeps which orders are loaded and works out the rest from
 * them when asked, so that there is one place where "first wins" is decided and no running totals that could drift.
 *
 * Two things are not settled by the contract, and the oracle allows for both:
 *  - Orders of one id in different files of one drop: which file comes first. `variants` holds every row that may be there.
 *  - A line item id in several orders that are loaded together: partitions are not ordered. `items()` gives every row that may be there.
 */
import path from 'node:path';
import { type ReadOrder, type Refused, readOrder } from './oracle-order.js';
import { itemRows, type LoadedOrder, monthRows, userRows } from './oracle-tables.js';
import { type Cell, monthOfInstant } from './oracle-values.js';
import { cutFile, dropEntries, type Element, monthOfName, readElement, sha256 } from './oracle-zip.js';

export interface ExpectedReject {
  kind: 'order' | 'file';
  /** Base name of the zip; null for a message that came from elsewhere. */
  drop: string | null;
  file: string | null;
  /** For an order its place in `orders` or among the messages; for a file how many orders stood before the fault. */
  index: number | null;
  orderId: string | null;
  /** False where the program may as well give the id as not (the bytes are not UTF-8). */
  orderIdSure: boolean;
  reason: string;
}

/** The books of one drop. */
export interface Book {
  name: string;
  published: number;
  loaded: number;
  bypassed: number;
  rejected: number;
  brokenFiles: number;
}

/** The numbers of the lines that `load` prints. */
export interface Summary {
  /** Files with at least one order loaded, by month, in the order of months. */
  files: Map<string, number>;
  lineItems: number;
  newUsers: number;
  existingUsers: number;
}

export class Oracle {
  readonly rejects: ExpectedReject[] = [];
  /** By sha256 of the zip. */
  readonly books = new Map<string, Book>();
  /** Why an order that is right by itself is refused all the same; asked of each. */
  overrule: (element: Element) => string | null = () => null;
  /** Every row that may stand for an order id; the first is the likeliest. */
  readonly variants = new Map<string, LoadedOrder[]>();
  #run = 0;

  /** Drops that are loaded together in this order. One that was published before is not published again. */
  async load(...paths: string[]): Promise<Summary> {
    this.#run++;
    for (const zip of paths) await this.#drop(zip);
    return this.#summary();
  }

  /** Messages that another producer put into the topic. */
  message(...values: Buffer[]): Summary {
    return this.messageOf(null, ...values);
  }

  /** Messages that another producer put into the topic with the place of a file. */
  messageOf(file: string | null, ...values: Buffer[]): Summary {
    this.#run++;
    for (const [n, bytes] of values.entries()) {
      let element: Element;
      try {
        element = readElement(bytes);
      } catch {
        element = { value: null, utf8: true, bytes };
      }
      this.#order(element, null, file, n, null);
    }
    return this.#summary();
  }

  /** The orders that are loaded, one an id. */
  *loaded(): Generator<LoadedOrder> {
    for (const [first] of this.variants.values()) yield first;
  }

  /** Settles which of an id's rows was loaded. */
  choose(id: string, variant: LoadedOrder): void {
    const all = this.variants.get(id)!;
    this.variants.set(id, [variant, ...all.filter(v => v !== variant)]);
  }

  /** Rows of `orders__<month>` by month and id. */
  months(): Map<string, Map<string, Cell[]>> {
    return monthRows(this.loaded());
  }

  /** The rows that may stand for each line item id. */
  items(): Map<string, Cell[][]> {
    return itemRows(this.loaded());
  }

  /** Rows of `user_stats` by user id, in the order of USER_COLUMNS. */
  users(): Map<string, Cell[]> {
    return userRows(this.loaded());
  }

  async #drop(zip: string): Promise<void> {
    const sha = await sha256(zip);
    if (this.books.has(sha)) return;
    const book: Book = { name: path.basename(zip), published: 0, loaded: 0, bypassed: 0, rejected: 0, brokenFiles: 0 };
    this.books.set(sha, book);
    for await (const { name, bytes } of dropEntries(zip)) {
      const { elements, fault } = cutFile(bytes);
      for (const [index, element] of elements.entries()) {
        book.published++;
        book[this.#order(element, book.name, name, index, sha)]++;
      }
      if (fault !== null) {
        book.brokenFiles++;
        const place = { drop: book.name, file: name, index: elements.length, orderId: null, orderIdSure: true };
        this.rejects.push({ kind: 'file', ...place, reason: `byte ${fault.byte}: ${fault.reason}` });
      }
    }
  }

  /** What becomes of one order. */
  #order(
    element: Element,
    dropName: string | null,
    file: string | null,
    index: number | null,
    drop: string | null,
  ): 'loaded' | 'bypassed' | 'rejected' {
    let order: ReadOrder | Refused = readOrder(element);
    const overruled = 'reason' in order ? null : this.overrule(element);
    if (overruled !== null && 'id' in order) order = { orderId: order.id, reason: overruled };
    if ('reason' in order) {
      this.rejects.push({ kind: 'order', drop: dropName, file, index, orderIdSure: element.utf8, ...order });
      return 'rejected';
    }
    const month = (file === null ? null : monthOfName(file)) ?? monthOfInstant(order.processedAt);
    const row: LoadedOrder = { ...order, month, drop, file, run: this.#run };
    const known = this.variants.get(order.id);
    if (known === undefined) {
      this.variants.set(order.id, [row]);
      return 'loaded';
    }
    const first = known[0];
    if (drop !== null && first.drop === drop && first.run === row.run && known.every(v => v.file !== file && !same(v, row))) {
      known.push(row);
    }
    return 'bypassed';
  }

  #summary(): Summary {
    const now = [...this.loaded()].filter(o => o.run === this.#run);
    const files = new Map<string, Set<string>>();
    for (const o of now) {
      const set = files.get(o.month) ?? new Set();
      if (o.file !== null) set.add(`${o.drop}/${o.file}`);
      files.set(o.month, set);
    }
    const before = new Set<Cell>();
    const knownItems = new Set<Cell>();
    for (const o of this.loaded()) {
      if (o.run === this.#run) continue;
      before.add(o.userId);
      for (const [id] of o.items) knownItems.add(id);
    }
    const users = new Set(now.map(o => o.userId).filter(id => id !== null));
    const existing = [...users].filter(id => before.has(id)).length;
    const items = new Set(now.flatMap(o => o.items.map(([id]) => id)).filter(id => !knownItems.has(id)));
    return {
      files: new Map([...files].map(([m, set]) => [m, set.size] as const).sort(([a], [b]) => (a < b ? -1 : 1))),
      lineItems: items.size,
      newUsers: users.size - existing,
      existingUsers: existing,
    };
  }
}

function same(a: LoadedOrder, b: LoadedOrder): boolean {
  return a.month === b.month && JSON.stringify([a.cells, a.items, a.user]) === JSON.stringify([b.cells, b.items, b.user]);
}

/** The lines that `load` prints on standard output. */
export function summaryLines(s: Summary): string[] {
  return [
    'Connecting to PSQL...',
    'Loading data...',
    ...[...s.files].map(([month, n]) => `Loaded ${n} file(s) into orders__${month}`),
    `Loaded ${s.lineItems} record(s) into order_line_item_mapping`,
    `Loaded ${s.newUsers} record(s) into user_stats`,
    `Loaded ${s.existingUsers} record(s) into user_staging`,
    `user_stats status: UPDATE ${s.existingUsers}`,
  ];
}
