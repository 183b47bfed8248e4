/** Which relations a rebuild brings to the state of the copy, by which key, and which columns of them it writes: pure. */
import { LINE_ITEM_COLUMNS, monthTable, ORDER_COLUMNS, REGISTRY_COLUMNS, type Tables, USER_COLUMNS } from '../schema/tables.js';

export interface Relation {
  /** As people are told of it: without the analysts' schema. */
  name: string;
  /** Null where there is no such table. */
  live: string | null;
  copy: string | null;
  key: readonly string[];
  /** Columns of the key that may be null, each with a value that stands for it. */
  nullable?: Readonly<Record<string, string>>;
  /** Columns that are compared and written, without the key. Others are the analysts', or history, and stay. */
  columns: readonly string[];
  /** Which rows of either it is about, where not all: SQL over its columns. */
  rows?: string;
  /** Which pairs of rows it is about, where not all: SQL over `l`, the present row, and `c`, the copy's. */
  pairs?: string;
}

/** A month and which of the two has a table for it. */
export interface MonthPlace {
  /** `YYYY_MM` */
  month: string;
  inLive: boolean;
  inCopy: boolean;
}

export const USER_NEWEST_COLUMNS: readonly string[] = ['user_id', 'processed_at', 'order_id', 'fields'];

export const BATCH_COLUMNS: readonly string[] = [
  'topic',
  'partition',
  'from_offset',
  'to_offset',
  'messages',
  'loaded_at',
  'worker',
  'version',
];

/**
 * What a rebuild leaves as it is, and why; a test holds this and allRelations against the database, so that no table and no column of a
 * later version is forgotten. `*` is every column that no relation has.
 */
export const LEFT_ALONE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  user_staging: { '*': 'folded into user_stats before that is compared' },
  // by applyBatches, as the rows differ with the size of the batches, and what they cover does not
  batches: Object.fromEntries(BATCH_COLUMNS.map(c => [c, 'applyBatches'])),
  topics: {
    topic: 'locked',
    topic_id: 'checked',
    drops_next_offset: 'set behind the comparison',
    first_seen_at: 'history',
    moved_to: 'history',
  },
  positions: { updated_at: 'history' },
  conflicting_orders: { bypassed_at: 'history' },
  drops: { drift_told: 'what was told stays told', notes: 'what was seen when it was loaded' },
  drop_files: { '*': 'numbers only; one that is gone is given anew by the replay' },
  rejects: {
    id: 'a reject keeps its number',
    rejected_at: 'history',
    tries: 'history',
    tried_at: 'history',
    mended: 'history',
    value: 'of a file: none',
  },
  merges: { '*': 'history' },
  rebuild_due: { '*': 'emptied at the end' },
  forgotten_users: { '*': 'one for all; a request stays' },
  migrations: { '*': 'of the schema' },
};

type OwnRelation = 'books' | 'rejects' | 'drops' | 'dropFields' | 'publishedFiles' | 'conflictingOrders' | 'positions';

/**
 * In the order in which rows are added: what another may refer to goes first, where analysts have put foreign keys. Rows are removed in the
 * opposite order.
 *
 * @param users where the present users are read from: user_stats with user_staging folded in
 */
export function allRelations(live: Tables, copy: Tables, users: Tables, months: MonthPlace[]): Relation[] {
  const same = (name: OwnRelation, key: string[], columns: string[]) => ({
    name: live[name],
    live: live[name],
    copy: copy[name],
    key,
    columns,
  });
  return [
    { name: 'user_stats', live: users.userStats, copy: copy.userStats, ...keyed(USER_COLUMNS) },
    // rows that somebody has put in there beside the months
    { name: 'orders', live: `ONLY ${live.orders}`, copy: `ONLY ${copy.orders}`, ...keyed(ORDER_COLUMNS) },
    ...months.map(m => monthRelation(live, copy, m)),
    { name: 'order_line_item_mapping', live: live.lineItems, copy: copy.lineItems, ...keyed(LINE_ITEM_COLUMNS) },
    { name: live.userNewest, live: users.userNewest, copy: copy.userNewest, ...keyed(USER_NEWEST_COLUMNS) },
    { name: live.knownOrders, live: live.knownOrders, copy: copy.knownOrders, ...keyed([...REGISTRY_COLUMNS, 'forgotten']) },
    same(
      'books',
      ['file_no', 'partition', 'month'],
      ['last_index', 'loaded', 'bypassed', 'rejected', 'repeated', 'line_items', 'bytes', 'content', 'identical', 'conflicting'],
    ),
    {
      ...same(
        'rejects',
        ['kind', 'topic', 'partition', 'record_offset'],
        ['drop_id', 'file', 'order_index', 'order_id', 'code', 'path', 'reason', 'value', 'month', 'settled', 'forgotten'],
      ),
      name: `${live.rejects} (orders)`,
      rows: "kind = 'order'",
      // one that a retry has loaded is history; where the replay refuses it (it was mended by hand) it is a reject again
      pairs: '(c.kind IS NOT NULL OR l.settled IS NULL)',
    },
    {
      ...same('rejects', ['kind', 'topic', 'drop_id', 'file', 'code', 'order_index'], ['path', 'reason']),
      nullable: { order_index: '-1' },
      name: `${live.rejects} (files)`,
      rows: "kind = 'file'",
    },
    same(
      'drops',
      ['topic', 'drop_id'],
      ['name', 'sha256', 'bytes', 'state', 'files', 'broken_files', 'orders', 'started_at', 'finished_at'],
    ),
    {
      ...same('dropFields', ['topic', 'drop_id', 'partition'], ['orders', 'more', 'fields']),
      // which of very many unknown fields are kept by name depends on the batches that they came in
      // in a copy of the topic. So do those of users who were forgotten, where their messages are gone
      pairs: `(coalesce(l.more, 0) = 0 AND coalesce(c.more, 0) = 0 AND NOT EXISTS (SELECT FROM ${live.forgottenUsers}))`,
    },
    same('publishedFiles', ['topic', 'drop_id', 'file'], ['orders', 'bytes', 'line_items', 'total_price', 'content']),
    same(
      'conflictingOrders',
      ['file_no', 'partition', 'record_offset'],
      ['order_index', 'order_id', 'content', 'first_file_no', 'first_partition', 'first_offset', 'first_index', 'first_content'],
    ),
    same('positions', ['topic', 'partition'], ['next_offset']),
  ];
}

/** What belongs to the orders of one month: its table, its line items, its part of the registry. */
export function monthRelations(live: Tables, copy: Tables, place: MonthPlace): Relation[] {
  const number = Number(place.month.replace('_', ''));
  const ofMonth = [live, copy].map(t => `SELECT order_id FROM ${t.knownOrders} WHERE month = ${number}`).join(' UNION ');
  return [
    monthRelation(live, copy, place),
    {
      name: 'order_line_item_mapping',
      live: live.lineItems,
      copy: copy.lineItems,
      ...keyed(LINE_ITEM_COLUMNS),
      pairs: `(l.order_id IN (${ofMonth}) OR c.order_id IN (${ofMonth}))`,
    },
    {
      name: live.knownOrders,
      live: live.knownOrders,
      copy: copy.knownOrders,
      ...keyed([...REGISTRY_COLUMNS, 'forgotten']),
      pairs: `(l.month = ${number} OR c.month = ${number})`,
    },
  ];
}

function monthRelation(live: Tables, copy: Tables, { month, inLive, inCopy }: MonthPlace): Relation {
  return {
    name: monthTable(month),
    live: inLive ? live.month(month) : null,
    copy: inCopy ? copy.month(month) : null,
    ...keyed(ORDER_COLUMNS),
  };
}

/** The first column is the key. */
function keyed([key, ...columns]: readonly string[]): { key: string[]; columns: string[] } {
  return { key: [key], columns };
}
