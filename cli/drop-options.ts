/** What the command line says of the drops that it names. */
import type { Readable } from 'node:stream';
import { isatty } from 'node:tty';
import { UsageError } from '../shared/errors.js';
import type { Invocation } from './context.js';

export interface DropOptions {
  /** What the sha256 of the one drop must be. */
  sha256?: string;
  /** Standard input, where a drop is `-`; a function, as whoever touches the stream takes its bytes from a child process. */
  input?: () => Readable;
}

/** @throws UsageError for a sum that is none, for one sum of several drops, and for a standard input that cannot be a drop */
export function dropOptions({ options, args }: Pick<Invocation, 'options' | 'args'>): DropOptions {
  const sha256 = options.sha256 as string | undefined;
  if (sha256 !== undefined) {
    if (!/^[0-9a-f]{64}$/i.test(sha256)) throw new UsageError('--sha256 is no sha256', { hint: '64 hex digits, as sha256sum prints them' });
    if (args.length > 1) throw new UsageError('--sha256 is of one drop, and there are several', { hint: 'give them one by one' });
  }
  const standard = args.filter(source => source === '-').length;
  if (standard > 1) throw new UsageError('standard input can be one drop only');
  if (standard === 1 && isatty(0))
    throw new UsageError('standard input is a terminal', { hint: 'give - a drop by a pipe, or by < drop.zip; a file named - is ./-' });
  return { sha256, ...(standard === 1 && { input: () => process.stdin }) };
}
