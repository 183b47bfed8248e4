/** A batch of messages into the rows of its transaction: pure. */
import { asBigint, contentHash } from '../../shared/content-hash.js';
import type { Rejection } from '../../shared/rejection.js';
import type { MessageBatch, OrderMessage } from '../intake/batch.js';
import { DropFieldCounts } from './field-counts.js';
import { isOfForgotten, type OrderRules, readable, untold } from './forgotten.js';
import { type KnownIds, type MessagePlace, type Outcome, RowSet } from './order-rows.js';
import { OrderScan } from './order-scan.js';

/** What became of one message, in the order of the batch. */
export interface MessageOutcome {
  outcome: 'loaded' | 'bypassed' | 'rejected';
  fileNo: number;
  /** Index in the file; -1 for messages of no drop. */
  index: number;
  partition: number;
  offset: number;
  /** In decimal; '' where it could not be read. */
  orderId: string;
  /** Hash of the message's bytes. */
  content: bigint;
  /** Of the message. */
  bytes: number;
  /** Month that it went to; '' for what was not loaded. */
  month: string;
  /** Whether it has a row there; a loaded order has none where nothing is kept of its user. */
  hasRow: boolean;
  lineItems: number;
  /** Of a bypassed order: its bytes are those of the order of its id that was loaded, by the hash. Others are yet to be compared. */
  identical?: boolean;
}

export interface RejectedMessage {
  message: OrderMessage;
  /** Position in the batch. */
  at: number;
  rejection: Rejection;
  /** In decimal; '' where it could not be read. */
  orderId: string;
  /** Its user is to be forgotten: its bytes are not kept. */
  forgotten: boolean;
}

export interface BatchRows {
  rows: RowSet;
  outcomes: MessageOutcome[];
  rejected: RejectedMessage[];
  /** Of the loaded orders. */
  fields: DropFieldCounts;
}

/** Gives each file of a drop its number; known before rows are made. */
export type FileNumbers = (message: OrderMessage) => number;

/** Orders whose rows are made at a stretch where others wait for the thread: 0.3 ms. */
const ORDERS_A_TURN = 16;

/**
 * @param known null for the optimistic way
 * @param refused messages, by their position in the batch, that Postgres has refused before
 */
export function batchRows(
  batch: MessageBatch,
  fileNumber: FileNumbers,
  known: KnownIds | null,
  refused: ReadonlyMap<number, Rejection>,
  rules: OrderRules,
): BatchRows {
  const making = makeRows(batch, fileNumber, known, refused, rules);
  for (;;) {
    const { done, value } = making.next();
    if (done) return value;
  }
}

/**
 * The same, giving way to whatever else waits for the thread. Meant for the batch that is made while another is being loaded: a load is some
 * twenty questions to Postgres one after the other, and each answer waited for the whole batch to be made: 13.5 s for 131,830 orders
 * where it is 10.2 s so.
 */
export async function batchRowsInTurns(...args: Parameters<typeof batchRows>): Promise<BatchRows> {
  const making = makeRows(...args);
  for (;;) {
    const { done, value } = making.next();
    if (done) return value;
    await new Promise(setImmediate);
  }
}

function* makeRows(
  batch: MessageBatch,
  fileNumber: FileNumbers,
  known: KnownIds | null,
  refused: ReadonlyMap<number, Rejection>,
  rules: OrderRules,
): Generator<undefined, BatchRows> {
  const rows = new RowSet(known, rules.forgotten);
  const guessed = known?.guessed;
  const scan = new OrderScan(rules.maxDepth);
  const outcomes: MessageOutcome[] = [];
  const rejected: RejectedMessage[] = [];
  const fields = new DropFieldCounts();
  const place: MessagePlace = { fileNo: 0, index: 0, partition: 0, offset: 0, month: null, content: 0n };
  for (let at = 0; at < batch.messages.length; at++) {
    if (at % ORDERS_A_TURN === ORDERS_A_TURN - 1) yield;
    const message = batch.messages[at];
    const from = Math.max(0, message.from);
    const to = message.from < 0 ? 0 : message.to;
    place.fileNo = fileNumber(message);
    place.index = message.place?.index ?? -1;
    place.partition = message.partition;
    place.offset = message.offset;
    place.month = message.place?.month ?? null;
    const { redacted } = message;
    place.content = redacted === null ? contentHash(message.bytes.subarray(from, to)) : redacted.content;
    // the very bytes of an order that was loaded are an order, and of that id: there is nothing to read in them. A drop of 131,830 known orders
    // took as long as a new one when each was read all the same
    const id = guessed?.ids[at] ?? null;
    const identical = id !== null && guessed!.contents.get(id) === asBigint(place.content);
    rows.orderId = identical ? id : '';
    const refusal = redacted?.refusal ?? null;
    const unread = identical || refusal !== null ? null : scan.scan(message.bytes, from, to);
    let outcome: Outcome;
    if (identical) outcome = 'bypassed';
    else if (refusal !== null) outcome = untold(refusal);
    else outcome = unread ?? rows.add(scan, place, refused.get(at));
    const { fileNo, index, partition, offset, content } = place;
    const loaded = outcome === 'loaded';
    // unknown fields may be called by anything, and so are not counted of those who were forgotten
    if (loaded && message.place !== null && !rows.redacted) fields.see(scan, message.place.drop, message.partition);
    if (typeof outcome !== 'string') {
      if (refusal !== null) rows.orderId = refusal.orderId;
      const forgotten = refusal !== null || isOfForgotten(readable(scan, unread), message.bytes, from, to, rules.forgotten);
      rejected.push({ message, at, rejection: forgotten ? untold(outcome) : outcome, orderId: rows.orderId, forgotten });
    }
    outcomes.push({
      outcome: typeof outcome === 'string' ? outcome : 'rejected',
      fileNo,
      index,
      partition,
      offset,
      orderId: rows.orderId,
      content,
      bytes: redacted?.bytes ?? to - from,
      month: loaded ? rows.month : '',
      hasRow: loaded && rows.hasRow,
      lineItems: loaded ? rows.newLineItems : 0,
      identical,
    });
  }
  return { rows, outcomes, rejected, fields };
}
