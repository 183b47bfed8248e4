/**
 * What became of each order of a drop, by the registry and the rejects: it is in the tables by its own message, another one was first, it is
 * rejected, or it is missing. The rows of the first kind are gathered, to be compared as a whole.
 */
import { asBigint, contentHash, wrap } from '../../shared/content-hash.js';
import { messageOf, type OrderMessage } from '../intake/batch.js';
import type { Database } from '../load/database.js';
import type { Tables } from '../schema/tables.js';
import { type BatchRows, batchRows } from '../transform/batch-rows.js';
import type { OrderRules } from '../transform/forgotten.js';
import type { Expected } from './expected.js';
import { note, type OrderAt, type Proof } from './proof.js';
import { foundReject, type RejectAt, readRejectsAt } from './rejects-at.js';

export interface JudgeOptions {
  topic: string;
  /** Ids of the publications of these bytes. */
  drops: readonly string[];
  rules: OrderRules;
  /** Whether the messages have their places in the topic: else they come from the drop itself. */
  placed: boolean;
}

interface Known {
  fileNo: number;
  index: number | null;
  partition: number;
  offset: number;
  content: string | null;
  topic: string;
  drop: string;
  name: string | null;
  file: string;
}

const NONE_REFUSED = new Map();

export class Judge {
  #content = 0n;

  constructor(
    readonly db: Database,
    readonly live: Tables,
    readonly expected: Expected,
    readonly proof: Proof,
    readonly options: JudgeOptions,
  ) {}

  /** Sum of the contents so far. */
  get content(): bigint {
    return this.#content;
  }

  /** Takes the next orders, in the drop's or the topic's order; a few thousand at a time. */
  async add(messages: OrderMessage[]): Promise<void> {
    const { proof } = this;
    const made = this.#make(messages);
    const known = await this.#known(made);
    const rejects = await readRejectsAt(this.db, this.live, this.options, this.#inDoubt(messages, made, known));
    const ours: OrderMessage[] = [];
    const missing: OrderMessage[] = [];
    let plain = true;
    for (const [at, message] of messages.entries()) {
      const { orderId, content, bytes, outcome } = made.outcomes[at];
      const k = known.get(orderId);
      const where = this.#where(message, orderId);
      const reject = foundReject(rejects, message);
      const mine = k !== undefined && this.#isOurs(message, k);
      if (!mine && this.options.placed && this.#isRepeat(message, k, reject)) {
        proof.repeated++;
        plain = false;
        continue;
      }
      proof.orders++;
      proof.bytes += bytes;
      this.#content = wrap(this.#content + content);
      if (mine && outcome !== 'rejected' && (k.content === null || k.content === asBigint(content))) {
        ours.push(message);
        continue;
      }
      plain = false;
      if (mine && reject?.mended) {
        ours.push(messageOf(message.partition, message.offset, reject.mended, message.place));
        note(proof.mended, { ...where, reject: reject.id, code: reject.code, path: reject.path });
        if (k.content !== null && !reject.forgotten && k.content !== asBigint(contentHash(reject.mended)))
          proof.faults.push(`order ${orderId} was loaded from another content than reject ${reject.id} has as mended`);
      } else if (mine && outcome !== 'rejected')
        ours.push(message); // the comparison names what differs
      else if (reject !== undefined && reject.settled === null) {
        note(proof.rejected, { ...where, reject: reject.id, code: reject.code, path: reject.path });
        if (!reject.forgotten && !reject.sameBytes(message.value))
          proof.faults.push(`reject ${reject.id} has other bytes than the drop (${where.file}, index ${where.index})`);
      } else if (k !== undefined && !mine && outcome !== 'rejected') this.#bypassed(where, k, content);
      else {
        note(proof.missing, { ...where, elsewhere: null });
        missing.push(message);
      }
    }
    if (missing.length > 0) await this.expected.addMissing(this.#make(missing).rows);
    proof.loaded += ours.length;
    await this.expected.add((plain ? made : this.#make(ours)).rows);
  }

  #make(messages: OrderMessage[]): BatchRows {
    const batch = { messages, segments: [], bytes: 0, reason: 'orders' as const, generation: 0 };
    return batchRows(batch, () => 0, null, NONE_REFUSED, this.options.rules);
  }

  /** Messages for which the registry alone does not tell that all is well. */
  #inDoubt(messages: OrderMessage[], { outcomes }: BatchRows, known: ReadonlyMap<string, Known>): OrderMessage[] {
    return messages.filter((message, at) => {
      const k = known.get(outcomes[at].orderId);
      return (
        outcomes[at].outcome === 'rejected' || k === undefined || !this.#isOurs(message, k) || k.content !== asBigint(outcomes[at].content)
      );
    });
  }

  #isOurs({ place, partition, offset }: OrderMessage, k: Known): boolean {
    if (k.topic !== this.options.topic || !this.options.drops.includes(k.drop)) return false;
    if (k.file !== place!.file || k.index !== place!.index) return false;
    return !this.options.placed || (k.partition === partition && k.offset === offset);
  }

  /** In the topic a place may stand twice, when its publisher went back after a failure. */
  #isRepeat({ place, partition, offset }: OrderMessage, k: Known | undefined, reject: RejectAt | undefined): boolean {
    const key = `${place!.file}\0${place!.index}`;
    if (this.#seenTwice.has(key)) return true;
    if (k !== undefined && this.options.drops.includes(k.drop) && k.file === place!.file && k.index === place!.index)
      return k.offset !== offset;
    if (reject !== undefined && reject.partition === partition && reject.offset !== offset) return true;
    this.#seenTwice.add(key);
    return false;
  }

  /** Places of orders that are not in the tables by their own message: few, as a rule. */
  readonly #seenTwice = new Set<string>();

  #where({ place, partition, offset }: OrderMessage, orderId: string): OrderAt {
    const message = this.options.placed ? { partition, offset } : { partition: null, offset: null };
    return { order: orderId === '' ? null : orderId, file: place!.file, index: place!.index, ...message };
  }

  #bypassed(where: OrderAt, k: Known, content: bigint): void {
    const { bypassed } = this.proof;
    const identical = k.content === null ? null : k.content === asBigint(content);
    bypassed[identical === null ? 'unknown' : identical ? 'identical' : 'conflicting']++;
    const { drop, name, file, index, partition, offset } = k;
    note(bypassed, { ...where, identical, first: { drop, name, file, index, partition, offset } });
  }

  async #known({ outcomes }: BatchRows): Promise<Map<string, Known>> {
    const { knownOrders, dropFiles, drops } = this.live;
    const { rows } = await this.db.query(
      `SELECT k.order_id, k.file_no, k.order_index, k.partition, k.record_offset, k.content, f.topic, f.drop_id, f.file, d.name FROM ${knownOrders} k
         JOIN ${dropFiles} f USING (file_no) LEFT JOIN ${drops} d ON d.topic = f.topic AND d.drop_id = f.drop_id WHERE k.order_id = ANY($1::bigint[])`,
      [outcomes.map(o => o.orderId).filter(id => id !== '')],
    );
    return new Map(
      rows.map(r => [
        r.order_id as string,
        {
          fileNo: Number(r.file_no),
          index: r.order_index === null ? null : Number(r.order_index),
          partition: Number(r.partition),
          offset: Number(r.record_offset),
          content: r.content,
          topic: r.topic,
          drop: r.drop_id,
          name: r.name,
          file: r.file,
        },
      ]),
    );
  }
}
