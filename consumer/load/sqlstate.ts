/**
 * SQLSTATE and network codes -> what we do: one table, nothing by message text.
 *
 * Source of the codes: PostgreSQL documentation, appendix A, and Node's errno names.
 */
import { errorCode, GlossierError } from '../../shared/errors.js';
import { monthTable } from '../schema/tables.js';

/**
 * - `wait`: the server or the network is at fault and will recover; the same transaction is tried again with backoff
 * - `again`: another transaction was in the way; tried again soon
 * - `stop`: nobody but a person can mend it; ends the program at once at start, and later when it has lasted for a minute
 * - `missing`: a relation of ours is gone; a month table is made anew, anything else ends the program
 * - `duplicate`: a key is there already; the batch is loaded the careful way
 * - `data`: a row is refused; it is found and rejected, the others load
 * - `bug`: none of these: ends the program
 */
export type Reaction = 'wait' | 'again' | 'stop' | 'missing' | 'duplicate' | 'data' | 'bug';

/** Full codes first, then classes (the first two characters). */
export const REACTIONS: readonly (readonly [code: string, reaction: Reaction, why: string])[] = [
  ['23505', 'duplicate', 'unique violation: an order or line item that is known'],
  ['23', 'data', 'a constraint that somebody put on a table refuses a row'],
  ['22', 'data', 'a value does not fit: text, number or date'],
  ['54', 'data', 'a row or value is larger than Postgres can hold'],
  ['21', 'data', 'a value has the wrong number of rows'],
  ['40001', 'again', 'serialization failure'],
  ['40P01', 'again', 'deadlock'],
  ['40', 'again', 'transaction rolled back by the server'],
  ['55P03', 'again', 'lock timeout: somebody holds a lock on a table'],
  ['55006', 'again', 'object in use'],
  ['57014', 'again', 'statement timeout or cancel'],
  ['57', 'wait', 'shutting down, starting up, backend terminated'],
  ['08', 'wait', 'connection failure'],
  ['53', 'wait', 'out of disk, memory or connections'],
  ['58', 'wait', 'I/O error of the server'],
  ['25006', 'wait', 'read-only: a standby, or a disk that is full'],
  ['25', 'wait', 'transaction state lost, for example idle for too long'],
  ['28', 'stop', 'wrong user or password'],
  ['3D', 'stop', 'no such database'],
  ['42501', 'stop', 'a right is missing'],
  ['42P01', 'missing', 'a table is missing'],
  ['42703', 'missing', 'a column is missing'],
  ['3F', 'missing', 'a schema is missing'],
  ['ECONNREFUSED', 'wait', 'nobody listens'],
  ['ECONNRESET', 'wait', 'connection cut'],
  ['ECONNABORTED', 'wait', 'connection cut'],
  ['EPIPE', 'wait', 'connection cut'],
  ['ETIMEDOUT', 'wait', 'no answer'],
  ['EHOSTUNREACH', 'wait', 'no route'],
  ['ENETUNREACH', 'wait', 'no network'],
  ['EAI_AGAIN', 'wait', 'name server away'],
  ['ENOTFOUND', 'stop', 'no such host'],
  ['GLOSSIER_LOST', 'wait', 'our own deadline for an answer passed, or the connection ended'],
];

const OUR_KEYS = new RegExp(`^(known_orders|order_line_item_mapping|${monthTable('\\d{4}_\\d{2}')})_pkey$`);

const BY_CODE = new Map(REACTIONS.map(([code, reaction]) => [code, reaction]));

/** What to do about anything that a statement threw. */
export function reactionTo(error: unknown): Reaction {
  if (error instanceof GlossierError) return error.retryable ? 'wait' : 'bug';
  if (error instanceof AggregateError && error.errors.length > 0) return reactionTo(error.errors[0]);
  const code = errorCode(error);
  if (code === undefined) return isLostConnection(error) ? 'wait' : 'bug';
  // a unique index that somebody put on a table refuses a row; only our own keys tell of known orders and line items
  if (code === '23505' && !OUR_KEYS.test((error as { constraint?: string }).constraint ?? '')) return 'data';
  return BY_CODE.get(code) ?? BY_CODE.get(code.slice(0, 2)) ?? 'bug';
}

/** node-postgres gives a connection that ended no code: its two fixed messages are all there is (pg 8: client.js). */
function isLostConnection(error: unknown): boolean {
  const message = (error as { message?: unknown } | null)?.message;
  return (
    typeof message === 'string' && /^(Connection terminated|Client has encountered a connection error|Client was closed)/.test(message)
  );
}
