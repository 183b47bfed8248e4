/**
 * Seeded orders that are awkward and right: every one of them must load, whatever stands in it.
 *
 * An order is a list of members whose keys and values are JSON text, so that notation (1e3, escapes, equal keys) is under control.
 */

/** JSON text of key and value. A key may stand twice; the last one counts. */
export type Member = [key: string, value: string];
export type RawOrder = Member[];

/** mulberry32: small, and the same everywhere. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 ≤ n < 1 */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  /** from ≤ n ≤ to */
  int(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  chance(p: number): boolean {
    return this.next() < p;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.int(0, from.length - 1)];
  }

  shuffle<T>(list: readonly T[]): T[] {
    const copy = [...list];
    for (let i = copy.length - 1; i > 0; i--) {
      const j = this.int(0, i);
      [copy[i], copy[j]] = [copy[j], copy[i]];
    }
    return copy;
  }
}

/** JSON text of strings that a careless loader spoils. */
export const TEXTS: readonly string[] = [
  'a\ttab',
  'two\nlines',
  'cr\r\nlf',
  '\r',
  '\n',
  '\t',
  'back\\slash',
  'ends in a backslash\\',
  '\\N',
  '\\.',
  '\\',
  '\\\\',
  '\\n is not a line',
  '\\x41\\101\\u0041',
  '',
  ' ',
  '  blanks around  ',
  'NULL',
  'null',
  'NaN',
  '\u0001\u001f\u007f\b\f\v',
  'quote " and \' and `',
  '"',
  ',;|',
  '{"a": [1, "}"]}',
  '[',
  ']}',
  '/* no */ // comment',
  "'; DROP TABLE orders; --",
  '%s %n $1 :x',
  '😀',
  '👩‍👩‍👧‍👦🏳️‍🌈',
  '𠜎𠜱𝒳',
  'e\u0301 é',
  '\u2028 \u2029',
  '\u00a0\u200b\ufeff',
  '\ufeffbom',
  '\uffff\ufffd',
  '\u{10ffff}',
  'مرحبا שלום',
  '日本語',
  'ß İ ı ﬀ',
  'x'.repeat(20_000),
  'é😀\\N\t'.repeat(2_000),
  'true',
  '0',
  '1e3',
  '2017-11-01',
]
  .map(s => JSON.stringify(s))
  .concat(
    // the same characters, written by escapes
    '"\\ud83d\\ude00"',
    '"\\u0041\\u00e9\\u2028"',
    '"\\/slash\\/"',
    '"\\u005cN"',
    '"\\u005c."',
    '"\\u0009\\u000a\\u000d"',
    '"\\uFFFF"',
    '"\\uDBFF\\uDFFF"',
    '"\\u007f\x7f"',
  );

/** Money that numeric(19,4) takes, with ties and notations. */
const MONEYS: readonly string[] = (
  '"0.00005" "-0.00005" "0.00004999999999999999999999" "1.00005" "2.00015" "-1.00015" 0.00005 1e3 1E+2 1.5e-3 5e-5 "1E+2" "-2.5e-1" 0 -0 -0.0 "0.00" "-0.00001" ' +
  '"+5" "130.64999999999998" 130.64999999999998 10.649999999999999 0.1 1.10 "12.34567890123" "-17.5" -17.5 "999999999999999.9999" "-999999999999999.99994" ' +
  '999999999999999.99994999 "0.30000000000000004" "00012.5" "19.99" 1e-30 "123456789.123450000000000000000001" "0.99995"'
).split(' ');

const WHOLES: readonly string[] =
  '9223372036854775807 -9223372036854775808 9007199254740993 -9007199254740993 0 -0 1 -1 1e3 1.0 12.50e1 1E+2 100e-2 0e99 0.0 null'.split(
    ' ',
  );

/** Members of an order that have no column. Their keys are JSON text as well. */
const UNKNOWN: readonly Member[] = [
  ['"gift_card"', 'null'],
  ['"flag"', 'true'],
  ['"off"', 'false'],
  ['"n"', '1e3'],
  ['"scale"', '1.10'],
  ['"nought"', '-0.0'],
  ['"tiny"', '12.5e-20'],
  ['"huge"', '1e100'],
  ['"long"', '123456789012345678901234567890.123456789012345678901234567890'],
  ['"id64"', '9007199254740993'],
  ['"text"', '"\\\\N\\t\\u2028😀\\"\\n"'],
  ['"empty"', '""'],
  ['"list"', '[]'],
  ['"object"', '{}'],
  ['"list of all"', '[null,true,false,1,"x",[],{},[[1.50]],{"a":[{"b":null}]}]'],
  ['"nested"', '{"z":1,"a":{"b":{"c":[1,{"d":"\\\\."}]}},"":{"":""}}'],
  ['"dup inside"', '{"a":1,"a":{"b":2,"b":3}}'],
  ['""', '"empty key"'],
  ['"__proto__"', '{"x":1}'],
  ['"constructor"', '"c"'],
  ['"toString"', '1'],
  ['"extra"', '{"y":1}'],
  ['"line_item_total"', '99'],
  ['"month"', '"2001_01"'],
  ['"order_id"', '5'],
  ['"ID"', '7'],
  ['"Id "', '8'],
  ['"tab\\tkey\\\\"', '9'],
  ['"schlüssel😀"', '"ü"'],
  ['"quote\\"key"', '1'],
  ['"value"', '"3"'],
  ['"isLosslessNumber"', 'true'],
  ['"10"', '1'],
  ['"2"', '2'],
];

const TEXT_FIELDS = (
  'email note token gateway currency financial_status cart_token name referring_site landing_site cancel_reason checkout_token reference source_identifier source_url browser_ip ' +
  'landing_site_ref processing_method source_name fulfillment_status tags order_status_url'
).split(' ');
const MONEY_FIELDS = 'subtotal_price total_tax total_discounts total_line_items_price total_price_usd total_discount'.split(' ');
const WHOLE_FIELDS = 'number total_weight location_id device_id app_id order_number checkout_id'.split(' ');
const TIME_FIELDS = 'created_at updated_at closed_at cancelled_at'.split(' ');
const OFFSETS: readonly [string, number][] = [
  ['Z', 0],
  ['+00:00', 0],
  ['-00:00', 0],
  ['+05:30', 330],
  ['-0400', -240],
  ['+14', 840],
  ['-12:00', -720],
  ['+05:45', 345],
  ['-05:00', -300],
];

/** Days on which some orders were processed although they come in a file of another month. */
const OTHER_DAYS: readonly string[] = ['2016-02-29', '1999-12-31', '2038-01-19', '1969-07-20'];

export interface OrderOptions {
  /** `YYYY-MM-DD` around which the order was processed. */
  date: string;
  id: bigint;
  /** Users to choose from; some orders have none. */
  users: readonly string[];
  /** 0 = plain orders, 1 = something awkward in nearly every field. */
  awkward: number;
  /** The next free line item id. */
  nextItem: () => string;
  /** Line item ids of other orders, of which some are taken again. */
  sharedItems: readonly string[];
}

/** An instant on a date in one of the ways to write it. Seven digits and more are rounded; a tie there is not the contract's business. */
export function instantText(random: Random, date: string): string {
  const [offset, minutes] = random.pick(OFFSETS);
  const local = new Date(Date.parse(`${date}T00:00:00Z`) + random.int(0, 86_399) * 1000 + minutes * 60_000);
  const digits = random.chance(0.5) ? 0 : random.int(1, 9);
  let fraction = '';
  for (let i = 0; i < digits; i++) fraction += i === 6 ? random.pick([...'0123467896']) : String(random.int(0, 9));
  // all nines would be rounded into the next second, and perhaps into the next month
  if (/^9{6}/.test(fraction)) fraction = '123456';
  return `${local.toISOString().slice(0, 19)}${fraction === '' ? '' : `.${fraction}`}${offset}`;
}

export function makeOrder(random: Random, o: OrderOptions): RawOrder {
  const odd = (p = 1): boolean => random.chance(o.awkward * p);
  const text = (plain: string): string => (odd(0.5) ? random.pick(TEXTS) : JSON.stringify(plain));
  const members: RawOrder = [['"id"', String(o.id)]];
  const optional = (name: string, value: string): void => {
    if (odd(0.15)) return;
    members.push([JSON.stringify(name), odd(0.1) ? 'null' : value]);
  };
  for (const name of TEXT_FIELDS) optional(name, text(`${name} of ${o.id}`));
  for (const name of MONEY_FIELDS) optional(name, odd(0.6) ? random.pick(MONEYS) : `"${random.int(0, 99_999) / 100}"`);
  for (const name of WHOLE_FIELDS) optional(name, odd(0.4) ? random.pick(WHOLES) : String(random.int(1, 1e9)));
  for (const name of TIME_FIELDS) optional(name, JSON.stringify(instantText(random, o.date)));
  for (const name of ['test', 'taxes_included', 'confirmed']) optional(name, random.pick(['true', 'false']));
  optional('user_id', random.chance(0.1) ? 'null' : random.pick(o.users));
  optional('buyer_accepts_marketing', random.pick(['true', 'false']));
  for (const name of ['customer_locale', 'contact_email', 'phone']) optional(name, text(`${name} ${random.int(1, 9)}`));
  // few instants, so that the newest of a user is often decided by the id
  const day = odd(0.1) ? random.pick(OTHER_DAYS) : o.date;
  const processed = random.chance(0.3) ? `${day}T12:00:00Z` : instantText(random, day);
  members.push(['"processed_at"', JSON.stringify(processed)]);
  members.push(['"total_price"', odd(0.6) ? random.pick(MONEYS) : `"${random.int(0, 99_999) / 100}"`]);
  const items = Array.from({ length: random.int(0, 5) }, () => makeItem(random, o, odd));
  if (odd(0.05) && items.length > 0) items.push(items[0].replace('"quantity"', '"amount"'));
  members.push(['"line_items"', `[${items.join(odd(0.3) ? ' ,\t' : ',')}]`]);
  if (odd(0.6)) for (let n = random.int(1, 4); n > 0; n--) members.push(random.pick(UNKNOWN));
  if (odd(0.1)) members.unshift(['"note"', '"the first of two"'], ['"total_price"', '"1.00"']);
  if (odd(0.1)) members.push(['"\\u006eote"', random.pick(TEXTS)]);
  return odd(0.5) ? random.shuffle(members) : members;
}

function makeItem(random: Random, o: OrderOptions, odd: (p: number) => boolean): string {
  const id = o.sharedItems.length > 0 && random.chance(0.15) ? random.pick(o.sharedItems) : o.nextItem();
  const product = odd(0.2) ? random.pick(WHOLES) : String(random.int(1, 1e9));
  const members: Member[] = [
    ['"id"', id],
    ['"variant_id"', odd(0.1) ? 'null' : String(random.int(1, 1e9))],
  ];
  if (!odd(0.1))
    members.push([
      '"quantity"',
      odd(0.3) ? random.pick(['2147483647', '-2147483648', '0', 'null', '1e1', '2.0']) : String(random.int(1, 9)),
    ]);
  if (!odd(0.1)) members.push(['"product_id"', product]);
  if (odd(0.3)) members.push(random.pick(UNKNOWN));
  return `{${(odd(0.3) ? random.shuffle(members) : members).map(m => m.join(':')).join(',')}}`;
}
