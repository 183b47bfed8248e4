/**
 * Makes drops: zips of files of orders, the same bytes for the same seed.
 *
 * What a drop must lead to is the oracle's business; this only sees to it that everything which the contract speaks of occurs.
 */
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import yazl from 'yazl';
import { badOrders, brokenFiles, NOT_UTF8 } from './make-drop-faults.js';
import { instantText, makeOrder, Random, type RawOrder } from './make-drop-orders.js';

export type Layout = 'line' | 'pretty' | 'crlf';

export interface DropOptions {
  seed: number;
  /** One file each, `YYYY-MM-DD.json`, some in folders. */
  dates: readonly string[];
  /** Good orders in all files together. */
  orders: number;
  /** Share of awkward values, 0…1; default 1. */
  awkward?: number;
  /** Ids of orders and line items count from here; keep drops apart by it. Default 2^53 + 1. */
  firstId?: bigint;
  /** How many users there are; the same ones for every drop. Default 12. */
  users?: number;
  /** Orders of an earlier drop that come again. */
  again?: readonly RawOrder[];
  /** How each of them is changed: it must be bypassed all the same. Default: not at all. */
  alter?: (order: RawOrder) => RawOrder;
  /** Line item ids of an earlier drop that some orders use again. */
  sharedItems?: readonly string[];
  /** An order of each kind that must be rejected. */
  bad?: boolean;
  /** A file of each kind that is broken. */
  broken?: boolean;
  /** Files without a date in their name, noise that is no order file, files without orders. */
  headless?: boolean;
  /** Default: one of each by turns. */
  layout?: Layout;
}

export interface MadeDrop {
  path: string;
  /** The good orders that it was the first to bring, those of broken files left out. */
  orders: RawOrder[];
  /** Line item ids of those. */
  items: string[];
  /** Kinds of fault that are in it. */
  faults: string[];
}

/** A file of the zip before it is packed. */
interface File {
  name: string;
  bytes: Buffer;
}

export async function makeDrop(path: string, options: DropOptions): Promise<MadeDrop> {
  const random = new Random(options.seed);
  const { dates, firstId = 2n ** 53n + 1n, awkward = 1 } = options;
  const users = Array.from({ length: options.users ?? 12 }, (_, i) =>
    i % 3 === 0 ? String(9007199254740993n + BigInt(i)) : String(110_585_000 + i),
  );
  const made: MadeDrop = { path, orders: [], items: [], faults: [] };
  let id = firstId;
  let item = firstId + 500_000_000n;
  const shared = [...(options.sharedItems ?? [])];

  const nextItem = (): string => {
    item += BigInt(random.int(1, 3));
    shared.push(String(item));
    made.items.push(String(item));
    return String(item);
  };
  const good = (date: string, oddness = awkward): RawOrder => {
    id += BigInt(random.int(1, 9));
    return makeOrder(random, { date, id, users, awkward: oddness, nextItem, sharedItems: shared });
  };

  const lists = dates.map(() => [] as string[]);
  let layouts = 0;
  const layout = (): Layout => options.layout ?? (['line', 'pretty', 'crlf'] as const)[layouts++ % 3];
  const fileLayouts = dates.map(layout);
  const put = (order: RawOrder, file: number): void => {
    lists[file].push(render(order, fileLayouts[file]));
  };
  for (let n = 0; n < options.orders; n++) {
    const file = random.int(0, dates.length - 1);
    const order = good(dates[file]);
    made.orders.push(order);
    put(order, file);
    // now and then the same order twice, in the same file or in another one
    if (random.chance(0.02 * awkward)) put(order, random.chance(0.5) ? file : random.int(0, dates.length - 1));
  }
  if (awkward > 0 && options.orders > 0) put(extremeOrder(random, firstId, dates[0], made), 0);
  for (const order of options.again ?? []) put(options.alter?.(order) ?? order, random.int(0, dates.length - 1));
  if (options.bad) {
    for (const { why, text } of badOrders(
      () => good(dates[0], 0.3),
      order => render(order, 'line'),
    )) {
      const list = random.pick(lists);
      list.splice(random.int(0, list.length), 0, text);
      made.faults.push(why);
    }
  }

  const folders = ['', '', 'orders/', 'a/b c/', '2016-01-01/'];
  const files: File[] = dates.map((date, i) => pack(`${folders[i % folders.length]}${date}.json`, wrap(lists[i], fileLayouts[i], random)));
  if (options.broken) {
    const date = dates[dates.length - 1];
    const plain = (n: number): string[] => Array.from({ length: n }, () => render(good(date, awkward / 2), 'line'));
    for (const [i, { why, text }] of brokenFiles(plain).entries()) {
      files.push(pack(`broken/${i}/${date}.json`, text));
      made.faults.push(`file: ${why}`);
    }
  }
  if (options.headless) {
    const fresh = (): string => render(good(random.pick(dates)), 'line');
    files.push(pack('orders.json', wrap([fresh(), fresh(), fresh()], 'line', random)));
    files.push(pack(`${dates[0]}/all.json`, wrap([fresh(), fresh()], 'pretty', random)));
    files.push(pack(`shop ${dates[0]} (1).json`, wrap([fresh()], 'line', random)));
    files.push(pack('2017-11-31.json', wrap([fresh()], 'line', random)));
    files.push(pack('empty.json', '{"orders":[]}'), pack('blank.json', '\n {"shop":{"orders":[1]} , "orders" : [ ] }\r\n'));
    // none of these is read
    files.push(pack('README.txt', 'not orders'), pack('__MACOSX/._2017-10-30.json', '\0'), pack('.2017-10-30.json', '{'));
    files.push(pack('a/.DS_Store', ''), pack('2017-10-30.json.bak', '{'), pack('folder.json/', ''));
  }
  await zip(path, random.shuffle(files));
  return made;
}

/** An order with the greatest id that a drop may give, and the greatest of everything else. */
function extremeOrder(random: Random, firstId: bigint, date: string, made: MadeDrop): RawOrder {
  const id = 2n ** 63n - 1n - (firstId % 1_000_003n);
  const item = String(2n ** 63n - 1n - (firstId % 1_000_003n));
  const order: RawOrder = [
    ['"id"', String(id)],
    ['"processed_at"', JSON.stringify(instantText(random, date))],
    ['"total_price"', '"999999999999999.9999"'],
    ['"user_id"', '9223372036854775807'],
    ['"line_items"', `[{"id":${item},"product_id":9223372036854775807,"variant_id":-9223372036854775808,"quantity":2147483647}]`],
    ['"note"', JSON.stringify(`${'\\N\t😀'.repeat(40_000)}`)],
    ['"created_at"', '"0001-01-02T00:00:00Z"'],
    ['"closed_at"', '"9999-12-30T23:59:59.999999Z"'],
  ];
  made.orders.push(order);
  made.items.push(item);
  return order;
}

export function render(order: RawOrder, layout: Layout): string {
  if (layout === 'line') return `{${order.map(([k, v]) => `${k}:${v}`).join(',')}}`;
  const end = layout === 'crlf' ? '\r\n' : '\n';
  return `{${end}${order.map(([k, v]) => `      ${k}: ${v}`).join(`,${end}`)}${end}    }`;
}

function wrap(list: readonly string[], layout: Layout, random: Random): string {
  const end = layout === 'line' ? '' : layout === 'crlf' ? '\r\n' : '\n';
  const blank = end === '' ? '' : '  ';
  // other members around `orders`, one of them with an `orders` of its own that does not count
  const head = random.chance(0.2) ? `"page":1,${end}"shop":{"orders":[{}]},` : '';
  const tail = random.chance(0.2) ? `,"count":${list.length}` : '';
  return `{${end}${head}${blank}"orders":${blank}[${end}${list.join(`,${end}`)}${end}]${tail}}${end}`;
}

function pack(name: string, text: string): File {
  const bytes = Buffer.from(text);
  const mark = Buffer.from(NOT_UTF8);
  // as many bytes as the mark has, of which no sequence is UTF-8
  for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark)) bytes.set([0xc3, 0x28, 0xff], at);
  return { name, bytes };
}

async function zip(path: string, files: readonly File[]): Promise<void> {
  const out = new yazl.ZipFile();
  const mtime = new Date(2017, 11, 1);
  for (const [i, { name, bytes }] of files.entries()) {
    if (name.endsWith('/')) out.addEmptyDirectory(name, { mtime });
    else out.addBuffer(bytes, name, { mtime, compress: i % 5 !== 4 });
  }
  out.end();
  await pipeline(out.outputStream, createWriteStream(path));
}
