/** Every name of a table and of a column that the program writes, and nothing else: pure. */
import { LINE_ITEM_FIELDS, ORDER_FIELDS, USER_FIELDS } from '../../shared/order.js';

/** The schema of the program's own tables, unless OWN_SCHEMA says another one; the migrations are written for it. */
export const OWN_SCHEMA = 'glossier';

/** Quotes an identifier. */
export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Columns of `orders` and of every month table, in the order in which rows are written. */
export const ORDER_COLUMNS: readonly string[] = [...ORDER_FIELDS, 'line_item_total', 'extra'];

export const LINE_ITEM_COLUMNS: readonly string[] = ['line_item_id', 'order_id', ...LINE_ITEM_FIELDS.slice(1), 'extra'];

export const USER_COLUMNS: readonly string[] = [
  'user_id',
  ...USER_FIELDS,
  'total_orders',
  'total_spend',
  'min_processed_at',
  'max_processed_at',
  'total_days',
];

export const STAGING_COLUMNS: readonly string[] = [...USER_COLUMNS, 'newest_order_id'];

export const REGISTRY_COLUMNS: readonly string[] = ['order_id', 'month', 'file_no', 'order_index', 'partition', 'record_offset', 'content'];

/** The analysts' tables, without their schema. */
export const ANALYSTS = {
  orders: 'orders',
  lineItems: 'order_line_item_mapping',
  userStats: 'user_stats',
  userStaging: 'user_staging',
} as const;

/** Names by which statements call the relations, quoted, for one analysts' schema. */
export class Tables {
  readonly schema: string;
  readonly orders: string;
  readonly lineItems: string;
  readonly userStats: string;
  readonly userStaging: string;
  readonly topics: string;
  readonly positions: string;
  readonly drops: string;
  readonly books: string;
  readonly batches: string;
  readonly knownOrders: string;
  readonly rejects: string;
  readonly merges: string;
  readonly userNewest: string;
  readonly dropFields: string;
  readonly publishedFiles: string;
  readonly conflictingOrders: string;
  readonly rebuildDue: string;
  /** A view of conflictingOrders, with the names of drops and files. */
  readonly conflicts: string;
  /** The same for a copy of the tables: in it the numbers of files mean the same. */
  readonly dropFiles: string;
  /** Likewise: whom to forget holds for a copy, too. */
  readonly forgottenUsers: string;
  readonly migrations: string;
  /** Views for analysts. */
  readonly dropBooks: string;
  readonly freshness: string;
  readonly rejectsByReason: string;
  /** Functions: make a month table of the live tables; copy the grants of `orders` onto one; name the analysts' schema. */
  readonly makeMonth: string;
  readonly copyGrants: string;
  readonly analystsSchema: string;

  /**
   * @param analysts the analysts' schema, as it is called (not quoted)
   * @param own the schema of the program's own tables; a rebuild has its copy in another one
   * @param unlogged true for a copy that need not outlast a crash of the server
   * @param home the program's own schema of which it is a copy
   */
  constructor(
    readonly analysts: string,
    own = OWN_SCHEMA,
    readonly unlogged = false,
    readonly home = own,
  ) {
    this.schema = quote(analysts);
    this.orders = `${this.schema}.${ANALYSTS.orders}`;
    this.lineItems = `${this.schema}.${ANALYSTS.lineItems}`;
    this.userStats = `${this.schema}.${ANALYSTS.userStats}`;
    this.userStaging = `${this.schema}.${ANALYSTS.userStaging}`;
    this.topics = `${own}.topics`;
    this.positions = `${own}.positions`;
    this.drops = `${own}.drops`;
    this.books = `${own}.books`;
    this.batches = `${own}.batches`;
    this.knownOrders = `${own}.known_orders`;
    this.rejects = `${own}.rejects`;
    this.merges = `${own}.merges`;
    this.userNewest = `${own}.user_newest`;
    this.dropFields = `${own}.drop_fields`;
    this.publishedFiles = `${own}.published_files`;
    this.conflictingOrders = `${own}.conflicting_orders`;
    this.conflicts = `${home}.conflicts`;
    this.dropFiles = `${home}.drop_files`;
    this.forgottenUsers = `${home}.forgotten_users`;
    this.rebuildDue = `${home}.rebuild_due`;
    this.migrations = `${home}.migrations`;
    this.dropBooks = `${home}.drop_books`;
    this.freshness = `${home}.freshness`;
    this.rejectsByReason = `${home}.rejects_by_reason`;
    this.makeMonth = `${home}.make_month`;
    this.copyGrants = `${home}.copy_grants`;
    this.analystsSchema = `${home}.analysts_schema`;
  }

  static of({ databaseSchema, ownSchema }: { databaseSchema: string; ownSchema: string }): Tables {
    return new Tables(databaseSchema, ownSchema);
  }

  /** The schema of the copy that a rebuild makes and drops. */
  get copySchema(): string {
    return `${this.home}_rebuild`;
  }

  /** The schema in which a rebuild looks how tables must be built. */
  get shapeSchema(): string {
    return `${this.home}_rebuild_shape`;
  }

  /** The copy that a rebuild fills. */
  get copy(): Tables {
    this.#copy ??= new Tables(this.copySchema, this.copySchema, true, this.home);
    return this.#copy;
  }

  #copy: Tables | undefined;

  /** @param month `YYYY_MM` */
  month(month: string): string {
    return `${this.schema}.${monthTable(month)}`;
  }

  /**
   * Makes a month table: a child of `orders`, so that `select … from orders` is all months, columns added by a migration arrive in every
   * month, and making one takes no lock that a reader would wait for (a view of all months would have to be replaced under an
   * exclusive lock). It is made by a function of the owner of `orders`, with the comments and grants of that: who loads need not own it. In a copy,
   * which belongs to who makes it, it is made directly.
   */
  createMonth(month: string): string {
    if (!this.unlogged) return `SELECT ${this.makeMonth}('${month}')`;
    return `CREATE UNLOGGED TABLE IF NOT EXISTS ${this.month(month)} (PRIMARY KEY (id)) INHERITS (${this.orders}) ${WITHOUT_AUTOVACUUM}`;
  }
}

/**
 * For the copy that a rebuild fills. Autovacuum would analyze the growing tables again and again on a core that readers need: with it a query on
 * user_stats that takes 1 ms alone took 3.2 ms in one of ten cases while 131,830 orders were replayed on two cores, 2.0 ms without; and the
 * rebuild 11.0 s, 10.0 s without.
 */
export const WITHOUT_AUTOVACUUM = 'WITH (autovacuum_enabled = false)';

/** `orders__2017_12` */
export function monthTable(month: string): string {
  return `orders__${month}`;
}

/** The month of a month table's name, or null. */
export function monthOfTable(name: string): string | null {
  return /^orders__(\d{4}_\d{2})$/.exec(name)?.[1] ?? null;
}

/** The statement that takes rows of text; the columns stand in the order in which the rows are written. */
export function copyStatement(relation: string, columns: readonly string[]): string {
  return `COPY ${relation} (${columns.map(quote).join(', ')}) FROM STDIN`;
}
