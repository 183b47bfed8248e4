/** Mutations of orders, files and bytes, all by a seeded Random: the same seed gives the same bytes. */
import { type Random, type RawOrder, TEXTS } from '../support/make-drop-orders.js';

/** JSON text of values that some column cannot take, or takes at its edge. */
const VALUES: readonly string[] = (
  'null true false 0 -0 1 -1 5.5 1.0 1e3 -2.5e1 9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809 2147483647 2147483648 -2147483649 ' +
  '3000000000 9007199254740993 1e999999999 1e-999999999 0e999999999 1e131071 1e131072 1.5e-16383 0.00005 -1.00015 104.52000000000001 999999999999999.9999 999999999999999.99995 ' +
  '"" "5" "1.00" "\\u00201.00" "1,00" "1e3" "NaN" "Infinity" "abc" "-0" "+5.50" ".5" "5." "." "999999999999999.99995" "0x10" "true" "false" "null" "[]" ' +
  '"2017-12-04T10:00:00Z" "2017-12-04T10:00:00" "2017-12-04" "2017-02-30T10:00:00Z" "2017-12-04t10:00:00.123456z" "2017-12-04T10:00:00.123456789+05:30" ' +
  '"2017-12-31T23:59:59.999999-15:59" "0001-01-01T00:00:00+15:59" "0001-01-01T00:00:00.000001Z" "9999-12-31T23:59:59.999999-15:59" "9999-12-31T00:00:00Z" "2016-12-31T23:59:60Z" "2017-12-04T24:00:00Z" ' +
  '"1969-07-20T20:17:40.000001Z" "2017-12-04T10:00:00.9999999Z" "infinity" ' +
  '"\\u0000" "a\\u0000b" "\\ud800" "\\udc00x" "\\ud83d\\ude00" "\\ude00\\ud83d" "\\\\u0000" "\\\\N" "\\\\." "\\t\\n\\r\\\\" "\\u005cN" ' +
  '[] {} [1] [null] [{}] [{"id":1}] [{"id":0}] [{"id":"1"}] [[]] {"id":1} {"a":{"b":[1,{"c":"\\u0000"}]}} {"a":1,"a":2} {"a":"\\u0000","a":2} {"__proto__":{"id":1}}'
).split(' ');

const KEYS: readonly string[] = (
  '"id" "\\u0069d" "ID" "user_id" "processed_at" "total_price" "line_items" "line\\u005fitems" "note" "n\\u006fte" "test" "number" "closed_at" "total_tax" "phone" "quantity" "product_id" ' +
  '"extra" "line_item_total" "__proto__" "constructor" "toString" "" "od\\u0000d" "\\ud834" "tab\\t\\\\" "q\\"" "new"'
).split(' ');

/** Any JSON token: what is replaced, doubled or taken away keeps an order JSON most of the time. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[[\]{}:,]/g;

/** The members of an object in its JSON text, keys and values as they stand. */
export function membersOf(text: string): RawOrder {
  const members: RawOrder = [];
  let depth = 0;
  let start = 0;
  let key = '';
  for (const m of text.matchAll(TOKEN)) {
    const [token] = m;
    if (token === '{' || token === '[') depth++;
    else if (token === '}' || token === ']') depth--;
    if (depth === 1 && token === ':' && key === '') {
      key = text.slice(start, m.index).trim();
      start = m.index + 1;
    } else if ((depth === 1 && token === ',') || depth === 0) {
      if (key !== '') members.push([key, text.slice(start, m.index).trim()]);
      key = '';
      start = m.index + 1;
    } else if (depth === 1 && token === '{' && start === 0) start = m.index + 1;
  }
  return members;
}

export function textOf(order: RawOrder): string {
  return `{${order.map(([key, value]) => `${key}:${value}`).join(',')}}`;
}

function value(random: Random): string {
  return random.chance(0.1) ? random.pick(TEXTS) : random.pick(VALUES);
}

/** Another value for one token of a value: of a line item's field as well as of the whole. */
function changeToken(random: Random, text: string): string {
  const tokens = [...text.matchAll(TOKEN)].filter(([t]) => t.length > 1 || /\d/.test(t));
  if (tokens.length === 0) return value(random);
  const m = random.pick(tokens);
  const isKey = /^\s*:/.test(text.slice(m.index + m[0].length));
  return text.slice(0, m.index) + (isKey ? random.pick(KEYS) : value(random)) + text.slice(m.index + m[0].length);
}

/** The order with one to four of its fields swapped, taken away, doubled, renamed, retyped, nested or added to. */
export function mutateOrder(random: Random, order: RawOrder): RawOrder {
  const all = order.map(([k, v]): [string, string] => [k, v]);
  for (let n = random.chance(0.6) ? 1 : random.int(2, 4); n > 0 && all.length > 1; n--) {
    const i = random.int(0, all.length - 1);
    const j = random.int(0, all.length - 1);
    switch (random.int(0, 9)) {
      case 0:
        [all[i][1], all[j][1]] = [all[j][1], all[i][1]];
        break;
      case 1:
        all.splice(i, 1);
        break;
      case 2:
        all.splice(j, 0, [all[i][0], random.chance(0.5) ? value(random) : all[i][1]]);
        break;
      case 3:
        all[i][0] = random.pick(KEYS);
        break;
      case 4:
        all.push([random.pick(KEYS), value(random)]);
        break;
      case 5:
      case 6:
        all[i][1] = changeToken(random, all[i][1]);
        break;
      case 7: {
        const items = all.find(([k]) => k === '"line_items"');
        if (items !== undefined) items[1] = changeToken(random, items[1]);
        break;
      }
      case 8: {
        const deep = random.pick([1, 3, 508, 509, 510, 511, 512, 600]);
        all[i][1] = '['.repeat(deep) + all[i][1] + ']'.repeat(deep);
        break;
      }
      default:
        all[i][1] = value(random);
    }
  }
  return all;
}

/** Bytes flipped, cut, repeated, put in or cut off. */
export function mutateBytes(random: Random, bytes: Buffer): Buffer {
  let b = Buffer.from(bytes);
  for (let n = random.chance(0.7) ? 1 : random.int(2, 5); n > 0 && b.length > 1; n--) {
    const at = random.int(0, b.length - 1);
    const length = Math.min(b.length - at, random.pick([1, 1, 2, 4, random.int(1, 100), random.int(1, b.length)]));
    const piece = b.subarray(at, at + length);
    switch (random.int(0, 6)) {
      case 0:
        b[at] ^= 1 << random.int(0, 7);
        break;
      case 1:
        b[at] = random.int(0, 255);
        break;
      case 2:
        b = Buffer.concat([b.subarray(0, at), b.subarray(at + length)]);
        break;
      case 3:
        b = Buffer.concat([b.subarray(0, at), piece, b.subarray(at)]);
        break;
      case 4:
        b = b.subarray(0, at);
        break;
      case 5:
        b = Buffer.concat([
          b.subarray(0, at),
          Buffer.from(random.pick(['"', '\\', '{', '}', '[', ']', ',', ':', '0', 'e', '-', ' ', '\0', '\n'])),
          b.subarray(at),
        ]);
        break;
      default:
        b = Buffer.concat([
          b.subarray(0, at),
          Buffer.from(random.pick([[0xff], [0xed, 0xa0, 0x80], [0xc0, 0x80], [0xf4, 0x90, 0x80, 0x80]])),
          b.subarray(at),
        ]);
    }
  }
  return Buffer.from(b);
}
