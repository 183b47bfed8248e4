/**
 * An order as the retailer delivers it: which fields it has and what kind of value each must be.
 *
 * The names are the export's own. How they become columns is consumer/schema/tables.ts' business alone.
 */

/** What a field's value must be. `bigint` is a whole number in -2^63…2^63-1, `money` a decimal in text or number. */
export type FieldKind = 'bigint' | 'money' | 'instant' | 'boolean' | 'text';

const KINDS: Record<Exclude<FieldKind, 'text'>, string> = {
  bigint: 'id number order_number user_id location_id device_id app_id checkout_id total_weight',
  money: 'total_price subtotal_price total_tax total_discounts total_line_items_price total_price_usd total_discount',
  instant: 'created_at processed_at updated_at closed_at cancelled_at',
  boolean: 'test taxes_included confirmed buyer_accepts_marketing',
};

/** The scalar fields that are kept with the order, in the order of the export. */
export const ORDER_FIELDS: readonly string[] = (
  'id email closed_at created_at updated_at number note token gateway test total_price subtotal_price total_weight ' +
  'total_tax taxes_included currency financial_status confirmed total_discounts total_line_items_price cart_token name ' +
  'referring_site landing_site cancelled_at cancel_reason total_price_usd checkout_token reference user_id location_id ' +
  'source_identifier source_url processed_at device_id app_id browser_ip landing_site_ref order_number ' +
  'processing_method checkout_id source_name fulfillment_status tags order_status_url total_discount'
).split(' ');

/** The scalar fields that tell about the user and go to the user tables. */
export const USER_FIELDS: readonly string[] = ['customer_locale', 'buyer_accepts_marketing', 'contact_email', 'phone'];

/**
 * The fields of an order that say something about the person who placed it, or that lead to one: emptied when the person is forgotten. So are the
 * user's fields, and every field that the tables do not know. What is left is what was sold, when, and for how much.
 */
export const PERSONAL_FIELDS: ReadonlySet<string> = new Set(
  (
    'email note token cart_token checkout_token checkout_id name reference referring_site landing_site landing_site_ref browser_ip device_id ' +
    'source_identifier source_url tags order_status_url'
  ).split(' '),
);

/** The fields of a line item that have a column; all are whole numbers. */
export const LINE_ITEM_FIELDS: readonly string[] = ['id', 'product_id', 'variant_id', 'quantity'];

const kindOf = new Map<string, FieldKind>();
for (const [kind, names] of Object.entries(KINDS)) for (const name of names.split(' ')) kindOf.set(name, kind as FieldKind);

/** The kind of an order's scalar field; what is not listed is text. */
export function fieldKind(name: string): FieldKind {
  return kindOf.get(name) ?? 'text';
}

/** A month as the tables and headers write it: `2017_12`. */
const MONTH = /^\d{4}_(0[1-9]|1[0-2])$/;

/** True for `YYYY_MM` with a month that exists and a year from 0001 on. */
export function isMonth(text: string): boolean {
  return MONTH.test(text) && !text.startsWith('0000');
}

/**
 * The month that a file's name puts its orders into: by the first `YYYY-MM-DD` in the last part of its path.
 *
 * The month must exist; the day need not (`2017-11-31.json` says November as clearly as can be).
 *
 * @returns `YYYY_MM`, or null where the name has no date (the orders then go by their `processed_at`)
 */
export function monthOfFile(path: string): string | null {
  const name = path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
  for (const [, year, month, day] of name.matchAll(/(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)/g)) {
    if (isMonth(`${year}_${month}`) && Number(day) >= 1 && Number(day) <= 31) return `${year}_${month}`;
  }
  return null;
}

/** Days of a month in the proleptic Gregorian calendar, the one that Postgres uses. */
export function daysInMonth(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
