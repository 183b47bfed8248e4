/**
 * Holds the orders of a drop against the tables, from their bytes to every column: the only file that knows the order of the steps.
 *
 *   orders -> registry and rejects (judge) -> expected rows in temporary tables -> compared as a whole -> users -> certificate
 *
 * On one snapshot, in a transaction that is rolled back, with no lock that a worker or a reader waits for.
 */
import { hashText } from '../../shared/content-hash.js';
import { type OrderMessage, Pieces } from '../intake/batch.js';
import type { Database } from '../load/database.js';
import type { Tables } from '../schema/tables.js';
import type { OrderRules } from '../transform/forgotten.js';
import { readCertificates } from './certificate.js';
import { compareTables } from './compare-tables.js';
import { compareUsers } from './compare-users.js';
import { Expected } from './expected.js';
import { Judge } from './judge.js';
import { none, type Proof } from './proof.js';

export interface HoldOptions {
  topic: string;
  /** Ids of the publications of these bytes; those that are not known do no harm. */
  drops: readonly string[];
  name: string;
  rules: OrderRules;
  /** Where the orders come from: the topic's messages have their places there. */
  source: 'drop' | 'topic';
  /** Called when all orders are read. */
  onCompare: () => void;
}

/** The orders, each with its place in the drop; a file's end may tell that it broke. */
export type OrderSource = AsyncIterable<{ messages: OrderMessage[]; broken?: Proof['broken_files'][number] }>;

const ORDERS_AT_ONCE = 4000;
const BYTES_AT_ONCE = 6_000_000;

export async function holdDrop(db: Database, live: Tables, options: HoldOptions, orders: OrderSource): Promise<Proof> {
  const { topic, drops, rules, source } = options;
  const proof = emptyProof(options);
  const expected = await Expected.begin(db, live);
  try {
    const judge = new Judge(db, live, expected, proof, { topic, drops, rules, placed: source === 'topic' });
    const pieces = new Pieces(ORDERS_AT_ONCE, BYTES_AT_ONCE, held => judge.add(held));
    for await (const { messages, broken } of orders) {
      if (broken !== undefined) proof.broken_files.push(broken);
      await pieces.add(messages);
    }
    await pieces.end();
    options.onCompare();
    const compared = { db, live, expected, proof, topic, drops };
    await compareTables(compared);
    await compareUsers(compared);
    const { rows } = await db.query(
      `SELECT (SELECT count(*) FROM ${expected.tables.lineItems}) AS items, (SELECT coalesce(sum(total_price), 0) FROM ${expected.tables.orders}) AS price`,
    );
    proof.line_items = Number(rows[0].items);
    proof.total_price = rows[0].price;
    proof.content = hashText(judge.content);
    proof.certificates = await readCertificates(db, live, topic, drops);
    judgeCertificates(proof);
    await db.query('ROLLBACK');
  } catch (error) {
    await db.rollback();
    throw error;
  }
  proof.ok = proof.faults.length === 0 && proof.missing.count + proof.missing_rows.count + proof.extra.count + proof.differing.count === 0;
  return proof;
}

/** What the sums say beyond the rows. */
function judgeCertificates({ certificates, faults, drops, orders, bytes, content, loaded, source }: Proof): void {
  let books = 0;
  for (const { drop, published, counted, same, waiting, files } of certificates) {
    books += counted.loaded;
    if (waiting > 0) faults.push(`${waiting} order(s) of publication ${drop} wait to be loaded: run a worker`);
    else if (same === false) faults.push(`the sums of what was published as ${drop} and of what was counted differ in ${files.join(', ')}`);
    if (published === null) continue;
    // the topic and the drop must hold the very same bytes
    if (published.orders !== orders || published.bytes !== bytes || published.content !== content)
      faults.push(
        source === 'drop'
          ? `what was published as ${drop} is not what the drop holds: ${published.orders} orders, ${published.bytes} bytes, content ${published.content}`
          : `the topic does not hold what was published as ${drop}: ${published.orders} orders, ${published.bytes} bytes, content ${published.content}`,
      );
  }
  if (certificates.length === 0) faults.push(`the drop has not been published (${drops[0]})`);
  else if (books !== loaded && !certificates.some(c => c.waiting > 0))
    faults.push(`the books count ${books} loaded order(s) of it, the registry ${loaded}`);
}

/** A proof of nothing yet. */
export function emptyProof({ drops, name, source }: Pick<HoldOptions, 'drops' | 'name' | 'source'>): Proof {
  return {
    drops: [...drops],
    name,
    source,
    ok: false,
    orders: 0,
    bytes: 0,
    content: '',
    loaded: 0,
    line_items: 0,
    total_price: '0',
    repeated: 0,
    bypassed: { ...none(), identical: 0, conflicting: 0, unknown: 0 },
    rejected: none(),
    mended: none(),
    missing: none(),
    missing_rows: none(),
    extra: none(),
    differing: none(),
    shared_items: none(),
    broken_files: [],
    certificates: [],
    faults: [],
  };
}
