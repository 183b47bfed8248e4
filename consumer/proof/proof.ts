/** What is found when a drop is held against the tables: the form of the answer. Pure. */

/** How many there are, and the first of them. */
export interface Listed<T> {
  count: number;
  list: T[];
}

/** Entries of a list that are told one by one. */
export const MOST_LISTED = 1000;

export interface OrderAt {
  /** In decimal; null where it could not be read. */
  order: string | null;
  file: string;
  index: number;
  /** Its message, where that is known. */
  partition: number | null;
  offset: number | null;
}

export interface MissingOrder extends OrderAt {
  /** The table that it stands in although it belongs elsewhere; null where it is in none. */
  elsewhere: string | null;
}

export interface BypassedOrder extends OrderAt {
  /** Held against the order that was loaded: null where that was loaded before contents were kept. */
  identical: boolean | null;
  /** The order of this id that was first. */
  first: { drop: string; name: string | null; file: string; index: number | null; partition: number; offset: number };
}

export interface RejectedOrder extends OrderAt {
  /** Number of the reject. */
  reject: number;
  code: string;
  path: string;
}

/** A value that is not what the drop says. */
export interface Difference {
  table: string;
  /** Key of the row. */
  id: string;
  column: string;
  /** As text; null for null, and where it is not known. Long ones are cut. */
  is: string | null;
  should_be: string | null;
}

export interface RowOf {
  table: string;
  id: string;
  why: string;
}

/** Sums of one publication, as the producer told them and as the loading counted them. */
export interface Certificate {
  drop: string;
  name: string;
  state: string;
  published: Sums | null;
  counted: Sums & { loaded: number; bypassed: number; rejected: number };
  /** Whether the bytes that were loaded, bypassed and rejected are those that were published; null where one side has no sums. */
  same: boolean | null;
  /** Published and in none of the books yet. */
  waiting: number;
  /** Files whose sums differ. */
  files: string[];
}

export interface Sums {
  orders: number;
  bytes: number | null;
  /** 16 hex digits. */
  content: string | null;
  line_items: number;
  /** Null where it was not added up. */
  total_price: string | null;
}

export interface Proof {
  /** Ids of the publications of these bytes. */
  drops: string[];
  name: string;
  /** What the orders were read from. */
  source: 'drop' | 'topic';
  ok: boolean;
  /** Orders read, and what became of them. */
  orders: number;
  bytes: number;
  content: string;
  loaded: number;
  line_items: number;
  total_price: string;
  repeated: number;
  bypassed: Listed<BypassedOrder> & { identical: number; conflicting: number; unknown: number };
  rejected: Listed<RejectedOrder>;
  /** Orders that were loaded as a person mended them. */
  mended: Listed<RejectedOrder>;
  missing: Listed<MissingOrder>;
  /** Rows that are not there, other than orders. */
  missing_rows: Listed<RowOf>;
  extra: Listed<RowOf>;
  differing: Listed<Difference>;
  /** Line items that belong to an order of another drop, which had them first. */
  shared_items: Listed<RowOf>;
  broken_files: { file: string; reason: string; byte: number; orders: number }[];
  certificates: Certificate[];
  /** What else does not hold, in words. */
  faults: string[];
}

export function none<T>(): Listed<T> {
  return { count: 0, list: [] };
}

/** Adds one, as long as there is room for it. */
export function note<T>(to: Listed<T>, what: T): void {
  to.count++;
  if (to.list.length < MOST_LISTED) to.list.push(what);
}

export function join<T>(to: Listed<T>, more: Listed<T>): void {
  to.count += more.count;
  for (const one of more.list) if (to.list.length < MOST_LISTED) to.list.push(one);
}
