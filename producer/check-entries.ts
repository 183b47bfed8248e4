/** Reads every file of a drop once and throws the bytes away: nothing may be published of a drop that is damaged anywhere. */
import { DropError, throwIfAborted } from '../shared/errors.js';
import type { DropEntry } from './drop-entry.js';

/**
 * Two files at a time: unpacking runs on other threads. 272 MB take 0.54 s so on two cores, 0.78 s one after the other.
 *
 * @param maxDropBytes unpacked bytes of all together at the most
 * @param onBytes told of unpacked bytes as they come
 * @throws DropError
 */
export async function checkEntries(
  entries: DropEntry[],
  maxDropBytes: number,
  signal: AbortSignal | undefined,
  onBytes: (bytes: number) => void,
): Promise<void> {
  let next = 0;
  let failed = false;
  let total = 0;
  const lane = async () => {
    while (next < entries.length && !failed) {
      for await (const chunk of entries[next++].read()) {
        throwIfAborted(signal, 'checking the drop');
        total += chunk.length;
        if (total > maxDropBytes) {
          throw new DropError(`the drop unpacks to more than ${maxDropBytes} bytes`, { hint: 'raise MAX_DROP_BYTES if that is right' });
        }
        onBytes(chunk.length);
        if (failed) return;
      }
    }
  };
  const lanes = await Promise.allSettled(
    [lane(), lane()].map(l =>
      l.catch(error => {
        failed = true;
        throw error;
      }),
    ),
  );
  for (const one of lanes) if (one.status === 'rejected') throw one.reason;
}
