/** CPU time and memory of processes, as Linux' /proc tells them; elsewhere NaN. */
import { readdirSync, readFileSync } from 'node:fs';

/** Ticks a second: 100 on every Linux that Node runs on. */
const TICKS = 100;

interface Stat {
  pid: number;
  parent: number;
  /** CPU seconds of its own. */
  own: number;
  /** CPU seconds of its children that have ended and were waited for. */
  ended: number;
}

function stat(pid: number | 'self'): Stat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [, parent, , , , , , , , , , user, system, childUser, childSystem] = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    return { pid: Number.parseInt(text, 10), parent, own: (user + system) / TICKS, ended: (childUser + childSystem) / TICKS };
  } catch {
    return null;
  }
}

/** CPU seconds of all children of this process that have ended. */
export function endedChildrenCpu(): number {
  return stat('self')?.ended ?? Number.NaN;
}

/** CPU seconds of a server: its process, and its children that run and that have ended. */
export function serverCpu(pid: number): number {
  const server = stat(pid);
  if (server === null) return Number.NaN;
  const children = readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(name => stat(Number(name)))
    .filter(s => s?.parent === pid);
  return children.reduce((sum, s) => sum + s!.own, server.own + server.ended);
}
