/**
 * One round of mutated orders through the program: half of them in the files of a drop, half as messages, each beside good ones. What the
 * tables, books and rejects then hold must be what the oracle reads from the same bytes, and each rejection must have a rule.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Shop } from '../guarantees/shop.js';
import { describe, runCli } from '../support/cli.js';
import { compare } from '../support/compare.js';
import { makeOrder, Random, type RawOrder } from '../support/make-drop-orders.js';
import type { ExpectedReject } from '../support/oracle.js';
import { faultsOf } from '../support/oracle-order.js';
import { refuseUnstorableNumbers, refuseUnstorableText } from '../support/oracle-values.js';
import { cutFile, depthOf, type Element, MOST_DEPTH, readElement } from '../support/oracle-zip.js';
import type { TestServices } from '../support/services.js';
import { makeZip, type ZipFile } from '../unit/producer/zips.js';
import { mutateBytes, mutateOrder, textOf } from './mutate.js';
import type { Python } from './python.js';
import { JSON_RULES, ORDER_RULES } from './rules.js';

export interface RoundOptions {
  seed: number;
  /** How many, the good ones among them. */
  orders: number;
  /** Orders to mutate beside generated ones. */
  real: readonly RawOrder[];
  folder: string;
  python: Python | null;
  server?: TestServices;
}

export interface RoundResult {
  orders: number;
  loaded: number;
  rejected: number;
  brokenFiles: number;
  problems: string[];
}

/** A deadline for each run of the program: none may hang. */
const DEADLINE = 120_000;
const FILE_ORDERS = 300;
const BROKEN_ORDERS = 20;
const DAYS = ['2017-10-30', '2017-11-30', '2017-12-04', '2018-01-01'];

export async function fuzzOrders(t: Pick<TestContext, 'after'>, options: RoundOptions): Promise<RoundResult> {
  const { seed, folder, python } = options;
  const random = new Random(seed);
  const { files, messages, orders } = material(random, options);
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '1', BATCH_ORDERS: String(random.pick([7, 100, 4000])) }, options.server);
  const zip = join(folder, `orders-${seed}.zip`);
  writeFileSync(zip, await makeZip(files));
  const problems: string[] = [];
  const run = async (codes: number[], ...args: string[]) => {
    const result = await runCli(args, shop.env, { timeout: DEADLINE });
    if (!codes.includes(result.code ?? -1)) problems.push(`glossier ${args[0]}: ${describe(result)}`);
    return result;
  };
  await run([0, 3], 'produce', zip);
  for (let n = 0; n < messages.length; n += 500) {
    await shop.send(messages.slice(n, n + 500).map(value => ({ value, partition: 0 })));
  }
  await run([0, 3], 'consume', '--until-drained');

  const rejects = await shop.query(
    `SELECT kind, file, order_index, record_offset, code, path, encode(value, 'hex') AS value FROM glossier.rejects ORDER BY id`,
  );
  const refused = new Set(rejects.map(r => r.value));
  shop.oracle.overrule = e =>
    refused.has(e.bytes.toString('hex')) && replacedUnstorable(e) ? 'replaced text or number that Postgres cannot hold' : null;
  await shop.oracle.load(zip);
  const [book] = shop.oracle.books.values();
  shop.oracle.message(...messages);
  problems.push(...(await compare(shop.url, 'public', shop.oracle)));
  await run([0], 'verify');

  const got = new Map(
    rejects.map(r => [
      r.kind === 'file'
        ? `${r.file}: broken`
        : r.file === ''
          ? `message ${Number(r.record_offset) - book.published}`
          : `${r.file}: ${r.order_index}`,
      r,
    ]),
  );
  const wanted = new Map(shop.oracle.rejects.map(r => [placeOf(r), r]));
  for (const place of wanted.keys()) if (!got.has(place)) problems.push(`${place} is not rejected: ${wanted.get(place)!.reason}`);
  const cut = new Map(files.map(f => [f.name, cutFile(f.data as Buffer).elements]));
  for (const [place, { file, order_index, code, path, kind, record_offset }] of got) {
    if (!wanted.has(place)) problems.push(`${place} is rejected (${code} ${path}), and nothing is wrong with it`);
    else if (kind === 'order') {
      const element = file === '' ? elementOf(messages[Number(record_offset) - book.published]) : cut.get(file)![Number(order_index)];
      const why = unexplained(element, code, path, wanted.get(place)!.reason);
      if (why !== null) problems.push(`${place}: ${why}`);
    }
  }
  if (python !== null) problems.push(...(await judgeJson(python, messages, join(folder, 'values'))));
  const totals = await shop.query('SELECT sum(loaded) AS loaded, sum(rejected) AS rejected FROM glossier.books');
  return {
    orders,
    loaded: Number(totals[0].loaded),
    rejected: Number(totals[0].rejected),
    brokenFiles: book.brokenFiles,
    problems: problems.map(p => `seed ${seed}: ${p}`),
  };
}

/** Files and messages of one seed. */
function material(random: Random, { orders, real }: RoundOptions): { files: ZipFile[]; messages: Buffer[]; orders: number } {
  let id = 10_000_000_000;
  const fresh = (): RawOrder => {
    id += 10;
    if (real.length > 0 && random.chance(0.5)) return random.pick(real).map(([k, v]) => [k, k === '"id"' ? String(id) : v]);
    let item = 0;
    const nextItem = () => String(id + item++);
    return makeOrder(random, {
      id: BigInt(id),
      date: random.pick(DAYS),
      users: ['7', '8', '9007199254740993'],
      awkward: 0.2,
      nextItem,
      sharedItems: [],
    });
  };
  const files: ZipFile[] = [];
  const messages: Buffer[] = [];
  let list: string[] = [];
  let made = 0;
  const close = () => {
    if (list.length > 0)
      files.push({ name: `${files.length}/${random.pick([...DAYS, 'orders'])}.json`, data: Buffer.from(`{"orders":[${list.join(',')}]}`) });
    list = [];
  };
  while (made < orders) {
    if (random.chance(0.01)) {
      // a file that is broken somewhere
      const some = Array.from({ length: BROKEN_ORDERS }, () => textOf(random.chance(0.1) ? mutateOrder(random, fresh()) : fresh()));
      files.push({ name: `${files.length}/2017-12-04.json`, data: mutateBytes(random, Buffer.from(`{"orders":[${some.join(',')}]}`)) });
      made += BROKEN_ORDERS;
      continue;
    }
    const text = textOf(random.chance(0.3) ? fresh() : mutateOrder(random, fresh()));
    made++;
    if (random.chance(0.5) && isJson(text)) {
      list.push(text);
      if (list.length >= FILE_ORDERS) close();
    } else messages.push(random.chance(0.3) ? mutateBytes(random, Buffer.from(text)) : Buffer.from(text));
  }
  close();
  return { files, messages, orders: made };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function placeOf(r: ExpectedReject): string {
  if (r.kind === 'file') return `${r.file}: broken`;
  return r.file === null ? `message ${r.index}` : `${r.file}: ${r.index}`;
}

function elementOf(bytes: Buffer): Element {
  try {
    return readElement(bytes);
  } catch {
    return { value: null, utf8: true, deep: depthOf(bytes) > MOST_DEPTH, bytes };
  }
}

function replacedUnstorable({ replaced = [] }: Element): boolean {
  try {
    for (const value of replaced) {
      refuseUnstorableText(value);
      refuseUnstorableNumbers(value);
    }
    return false;
  } catch {
    return true;
  }
}

/** Null where some rule explains the rejection; else what does not fit. */
function unexplained(element: Element, code: string, path: string, reason: string): string | null {
  // of several faults the program finds its first, which need not be the oracle's
  const faults = [...faultsOf(element), reason, ...(replacedUnstorable(element) ? ['replaced'] : [])];
  const explained = ORDER_RULES.some(
    rule =>
      rule.codes.includes(code) &&
      faults.some(
        f => rule.fault.test(f) && (path === '' || path.startsWith('an unknown field') || code === 'bad_text' || f.startsWith(`${path} `)),
      ),
  );
  if (!explained) return `no rule explains ${code} ${path}: ${faults.join('; ')}`;
  const json = isJson(element.utf8 ? element.bytes.toString() : element.bytes.toString('latin1'));
  if (code === 'not_json' && json) return 'it is JSON';
  if (!json && !['not_json', 'empty_value', 'too_deep'].includes(code)) return `it is not JSON, and is rejected as ${code}`;
  return null;
}

/** Python and JSON.parse agree on every message, or a rule says why not. */
async function judgeJson(python: Python, messages: readonly Buffer[], path: string): Promise<string[]> {
  const verdicts = await python.json(messages, path);
  assert.equal(verdicts.length, messages.length);
  return messages.flatMap((bytes, n) => {
    const { error } = verdicts[n];
    const ours = bytes.length > 0 && isJson(bytes.toString());
    if (ours === (error === undefined)) return [];
    const takes = ours ? 'ours' : 'python';
    const explained = JSON_RULES.some(r => r.takes === takes && (r.bytes?.(bytes) ?? true) && (takes === 'python' || r.when.test(error!)));
    return explained
      ? []
      : [`message ${n}: ${takes} alone takes it: ${error ?? ''} ${JSON.stringify(bytes.toString('latin1').slice(0, 200))}`];
  });
}
