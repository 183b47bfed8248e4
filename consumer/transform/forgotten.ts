/** Users who are to be forgotten, and what that means for an order of theirs: pure. */
import { contentHash, hashText } from '../../shared/content-hash.js';
import { JsonKind } from '../../shared/json-scan.js';
import { PERSONAL_FIELDS, USER_FIELDS } from '../../shared/order.js';
import type { Rejection, RejectionCode } from '../../shared/rejection.js';
import * as values from '../../shared/values.js';
import { latin1 } from './fields.js';
import { FIELDS, type OrderScan } from './order-scan.js';

/**
 * What is kept of a forgotten user's orders: `money` keeps their rows, with every personal column empty, so that sums and counts stay what they are;
 * `nothing` keeps no row of them, and of the user none.
 */
export type Keeps = 'money' | 'nothing';

/** By user id, in decimal. */
export type ForgottenUsers = ReadonlyMap<string, Keeps>;

/** Where there are none, or none that matter. */
export const NOBODY: ForgottenUsers = new Map();

/** Tells whether two are the same. */
export function forgottenHash(users: ForgottenUsers): string {
  return hashText(
    contentHash(
      Buffer.from(
        [...users]
          .map(([user, keeps]) => `${user} ${keeps}\n`)
          .sort()
          .join(''),
      ),
    ),
  );
}

/** What an order is judged by. */
export interface OrderRules {
  /** Deepest nesting. */
  maxDepth: number;
  forgotten: ForgottenUsers;
}

/** Which of the order's own and the user's fields are emptied, by field number. */
export const PERSONAL: readonly boolean[] = FIELDS.map(name => PERSONAL_FIELDS.has(name) || USER_FIELDS.includes(name));

const USER_ID = FIELDS.indexOf('user_id');

/** What is kept of the order that was scanned last; all of it, unless its user is to be forgotten. */
export function keptOf(scan: OrderScan, forgotten: ForgottenUsers): Keeps | 'all' {
  if (scan.kind[USER_ID] !== JsonKind.Number || !values.parseBigint(scan.bytes, scan.from[USER_ID], scan.to[USER_ID])) return 'all';
  return forgotten.get(values.normalText ?? latin1(scan.bytes, scan.from[USER_ID], scan.to[USER_ID])) ?? 'all';
}

/** In place of the reason for which an order of a forgotten user was refused, as a reason may quote a value. */
export const REASON = 'its user was forgotten, and with the user its bytes';

/** What is told of the refusal of such an order. */
export function untold({ code, path }: { code: string; path: string }): Rejection {
  return { code: code as RejectionCode, path, reason: REASON };
}

/** Wherever an order is broken off, the id of its user may stand before; in text, too, or in a list, as these are among the faults. */
const USER = /"user_id"\s*:[\s["]*([-+\d.eE]+)/g;
/** Plain characters, written as JSON may write them. */
const ESCAPED = /\\u00([0-7][0-9a-f])/gi;

/** The scan where it has the order's fields: also of bytes that are not UTF-8, which is found behind them. */
export function readable(scan: OrderScan, fault: Rejection | null): OrderScan | null {
  return fault === null || fault.code === 'bad_text' ? scan : null;
}

/**
 * Is this order one of a forgotten user? Bytes that end before the id cannot be told.
 *
 * @param scan the order as `readable` gives it
 */
export function isOfForgotten(scan: OrderScan | null, bytes: Uint8Array, from: number, to: number, forgotten: ForgottenUsers): boolean {
  if (forgotten.size === 0) return false;
  // a nested user_id is somebody else's, of a refund say: where the order's own could be read nothing is searched
  if (scan !== null && scan.kind[USER_ID] === JsonKind.Number && values.parseBigint(scan.bytes, scan.from[USER_ID], scan.to[USER_ID]))
    return keptOf(scan, forgotten) !== 'all';
  const text = latin1(bytes, from, to).replaceAll(ESCAPED, (_, code) => String.fromCharCode(Number.parseInt(code, 16)));
  for (const [, number] of text.matchAll(USER)) if (forgotten.has(plainId(number))) return true;
  return false;
}

/** An id in decimal, however it is written: `7.7e1`, `077`. */
function plainId(number: string): string {
  const digits = Buffer.from(number.replace(/^\+/, '').replace(/^(-?)0+(?=\d)/, '$1'));
  if (!values.parseBigint(digits, 0, digits.length)) return '';
  return values.normalText ?? digits.toString('latin1');
}
