/** Files of a drop, one line a case; all of them stand in one zip. */
import { goodOrder } from './case.js';

/** How many of its orders load; that and the words of the fault of a broken file; or that it is not looked at. */
export type FileOutcome = number | readonly [orders: number, fault: RegExp] | 'skipped';

export type FileCase = readonly [why: string, name: string, data: string | Buffer, outcome: FileOutcome];

let id = 600_000;
/** JSON of so many good orders with commas between. */
const some = (n: number): string => Array.from({ length: n }, () => goodOrder(++id)).join(',');
const list = (n: number): string => `{"orders":[${some(n)}]}`;
const CUT = /cut off/;
const COMMA = /a comma or the end of the/;
const NONE = /no `orders` array/;
const DAY = '2017-12-04.json';

export const FILES: readonly FileCase[] = [
  ['one order', 'a01/2017-12-04.json', list(1), 1],
  ['no order', 'a02/2017-12-04.json', '{"orders":[]}', 0],
  ['blanks everywhere', 'a03/2017-12-04.json', `\r\n{ "orders" :\t[ ${some(1)} , ${some(1)} ] }\n `, 2],
  ['fields before the list', 'a04/2017-12-04.json', `{"page":1,"shop":{"orders":[{}]},"orders":[${some(2)}]}`, 2],
  ['fields behind the list', 'a05/2017-12-04.json', `{"orders":[${some(2)}],"next":null,"n":[1,{"orders":2}]}`, 2],
  ['the key by escapes', 'a06/2017-12-04.json', `{"\\u006frders":[${some(2)}]}`, 2],
  ['a name without a date', 'a07/orders.json', list(1), 1],
  ['a date inside the name', 'a08/shop 2016-03-01 (1).json', list(1), 1],
  ['a date in the folder alone', 'a09/2016-03-01/orders.json', list(1), 1],
  ['a day that there is not', 'a10/2017-11-31.json', list(1), 1],
  ['a month that there is not', 'a11/2017-13-01.json', list(1), 1],
  ['a date with more digits', 'a12/12017-12-041.json', list(1), 1],
  ['a name in other scripts', 'a13/日本 2017-12-04 😀.json', list(1), 1],
  ['a bad order between good ones', 'a14/2017-12-04.json', `{"orders":[${some(1)},{"id":0},5,null,${some(1)}]}`, 2],
  ['a name with quotes and SQL', 'a15/\'; DROP TABLE orders; -- " 2017-12-04.json', list(1), 1],
  ['4,200 elements that are no orders', 'a16/2017-12-04.json', `{"orders":[${'0,'.repeat(4200)}${some(1)}]}`, 1],
  ['another ending', 'b01/2017-12-04.txt', list(1), 'skipped'],
  ['an ending behind the ending', 'b02/2017-12-04.json.bak', list(1), 'skipped'],
  ['an ending without its dot', 'b03/2017-12-04json', list(1), 'skipped'],
  ['a folder named as a file', 'b04/2017-12-04.json/', '', 'skipped'],
  ['a dot file', 'b05/.2017-12-04.json', list(1), 'skipped'],
  ['a name of its ending alone', 'b06/.json', list(1), 'skipped'],
  ['what macOS adds', '__MACOSX/b07/._2017-12-04.json', 'junk', 'skipped'],
  ['what macOS adds, deeper', 'b08/__MACOSX/2017-12-04.json', list(1), 'skipped'],
  ['.DS_Store', 'b09/.DS_Store', 'junk', 'skipped'],
  ['an empty file', `c01/${DAY}`, '', [0, /empty/]],
  ['blanks alone', `c02/${DAY}`, ' \n', [0, /blanks alone/]],
  ['cut off inside an order', `c03/${DAY}`, list(3).slice(0, -20), [2, CUT]],
  ['cut off behind an order', `c04/${DAY}`, list(3).slice(0, -2), [3, CUT]],
  ['cut off behind a comma', `c05/${DAY}`, `{"orders":[${some(2)},`, [2, CUT]],
  ['cut off behind the list', `c06/${DAY}`, list(3).slice(0, -1), [3, CUT]],
  ['cut off in the key', `c07/${DAY}`, '{"ord', [0, CUT]],
  ['cut off in an escape', `c08/${DAY}`, `{"orders":[${some(1)},{"id":1,"note":"\\u00`, [1, CUT]],
  ['cut off in a number', `c09/${DAY}`, `{"orders":[${some(1)},{"id":12`, [1, CUT]],
  ['cut off behind a backslash', `c10/${DAY}`, `{"orders":[${some(1)},{"id":1,"note":"\\`, [1, CUT]],
  ['a comma is missing', `d01/${DAY}`, `{"orders":[${some(2)} ${some(1)}]}`, [2, COMMA]],
  ['a comma too many', `d02/${DAY}`, `{"orders":[${some(2)},]}`, [2, /no value starts/]],
  ['a comma at the start', `d03/${DAY}`, `{"orders":[,${some(2)}]}`, [0, /no value starts/]],
  ['a brace is missing', `d04/${DAY}`, `{"orders":[${some(1)},${some(1).slice(0, -1)}]}`, [1, COMMA]],
  ['the list is closed by a brace', `d05/${DAY}`, `{"orders":[${some(2)}}}`, [2, COMMA]],
  ['an order is closed by a bracket', `d06/${DAY}`, `{"orders":[${some(1)},{"id":1]]}`, [1, COMMA]],
  ['NaN', `d07/${DAY}`, `{"orders":[${some(1)},{"id":NaN}]}`, [1, /no value starts/]],
  ['a word that is none', `d08/${DAY}`, `{"orders":[${some(1)},{"id":nul}]}`, [1, /neither true, false nor null/]],
  ['single quotes', `d09/${DAY}`, `{"orders":[${some(1)},{'id':1}]}`, [1, /key is not a string/]],
  ['a raw line break in a text', `d10/${DAY}`, `{"orders":[${some(1)},{"id":1,"note":"a\nb"}]}`, [1, /control character/]],
  ['a NUL byte in a text', `d11/${DAY}`, `{"orders":[${some(1)},{"id":1,"note":"a\0b"}]}`, [1, /control character/]],
  ['an unknown escape', `d12/${DAY}`, `{"orders":[${some(1)},{"id":1,"note":"\\x41"}]}`, [1, /escape in a string is unknown/]],
  ['half a \\u', `d13/${DAY}`, `{"orders":[${some(1)},{"id":1,"note":"\\u12"}]}`, [1, /four hex digits/]],
  ['a leading nought', `d14/${DAY}`, `{"orders":[${some(1)},{"id":012}]}`, [1, COMMA]],
  ['a number that ends in its point', `d15/${DAY}`, `{"orders":[${some(1)},{"id":1.}]}`, [1, /behind its point/]],
  ['a plus', `d16/${DAY}`, `{"orders":[${some(1)},{"id":+1}]}`, [1, /no value starts/]],
  ['a comment', `d17/${DAY}`, `{"orders":[${some(1)},/* none */${some(1)}]}`, [1, /no value starts/]],
  ['a colon is missing', `d18/${DAY}`, `{"orders":[${some(1)},{"id" 1}]}`, [1, /not followed by a colon/]],
  ['broken behind the list', `d19/${DAY}`, `{"orders":[${some(2)}],"next":}`, [2, /no value starts/]],
  ['something behind the end', `d20/${DAY}`, `{"orders":[${some(2)}]}x`, [2, /more follows/]],
  ['two lists of orders', `d21/${DAY}`, `{"orders":[${some(2)}],"orders":[{"id":1}]}`, [2, /twice/]],
  ['no orders', `e01/${DAY}`, '{"order":[]}', [0, NONE]],
  ['an empty object', `e02/${DAY}`, '{}', [0, NONE]],
  ['orders deeper down', `e03/${DAY}`, '{"data":{"orders":[{"id":1}]}}', [0, NONE]],
  ['orders in another case', `e04/${DAY}`, '{"Orders":[{"id":1}]}', [0, NONE]],
  ['orders is null', `e05/${DAY}`, '{"orders":null}', [0, /not an array/]],
  ['orders is an object', `e06/${DAY}`, '{"orders":{"id":1}}', [0, /not an array/]],
  ['orders is text', `e07/${DAY}`, '{"orders":"[]"}', [0, /not an array/]],
  ['null at the top', `e08/${DAY}`, 'null', [0, /not an object/]],
  ['a web page', `e09/${DAY}`, '<html>502 Bad Gateway</html>', [0, /not an object/]],
];
