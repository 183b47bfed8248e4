/** One at a time: a lock file that holds the pid of its owner, and is nobody's once that process is gone. */
import { closeSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { throwIfAborted } from '../shared/errors.js';

/** A lock file with nothing in it is being written, unless it is older than this many milliseconds. */
const WRITING_MS = 2000;

/**
 * Runs `work` while no other process (and no other call in this one) runs under the same lock file; waits for its turn.
 *
 * A lock that is left behind by a dead process is taken over. Two that take it over at the same instant could both get in; behind the
 * lock stand Kafka's and Postgres' own locks on their data.
 *
 * @param onWait told once, when somebody else has it
 * @throws InterruptedError while waiting
 */
export async function withLock<T>(
  file: string,
  options: { signal?: AbortSignal; onWait?: () => void },
  work: () => Promise<T>,
): Promise<T> {
  for (let waits = 0; !take(file); waits++) {
    throwIfAborted(options.signal, 'waiting for another command');
    // A lock that was left behind is gone at the second look.
    if (waits === 1) options.onWait?.();
    await sleep(40);
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

function take(file: string): boolean {
  try {
    const fd = openSync(file, 'wx', 0o600);
    writeSync(fd, `${process.pid} ${startOf(process.pid)}`);
    closeSync(fd);
    return true;
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code !== 'EEXIST') throw e;
    if (isStale(file)) rmSync(file, { force: true });
    return false;
  }
}

function isStale(file: string): boolean {
  try {
    const [pid, start] = readFileSync(file, 'utf8').split(' ');
    if (!pid || start === undefined) return Date.now() - statSync(file).mtimeMs > WRITING_MS;
    return startOf(Number(pid)) !== start;
  } catch {
    // Given back meanwhile.
    return false;
  }
}

/** Tells a process from a later one with the same pid; empty when it is gone. Without /proc only that it lives is known. */
function startOf(pid: number): string {
  try {
    if (process.platform !== 'linux') return process.kill(pid, 0) ? 'alive' : '';
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in brackets and may hold anything; start time is the 22nd.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return '';
  }
}
