/** Which files of a watched folder are to be published now, by what was seen of it at each look. No I/O and no clock. */
import { isWantedFile } from './drop-entry.js';

/** A file as one look has found it. */
export interface SeenFile {
  name: string;
  /** Whatever differs when the file has been written to, or has got other rights. */
  stamp: string;
}

export interface ReadyFile extends SeenFile {
  /** True where it has not changed for so long that it is what it is, even if it looks cut off. */
  last: boolean;
}

interface Known {
  stamp: string;
  /** When it was first seen so. */
  since: number;
  tried: boolean;
  done: boolean;
}

/** Names that whoever writes a file gives it until it is whole. */
const TEMPORARY = /^\.|~$|\.(part|partial|filepart|tmp|temp|crdownload|download)$/i;

/** What is done about a name in the folder: `pass` is told once, `ignore` is not. */
export function nameIs(name: string): 'drop' | 'pass' | 'ignore' {
  if (TEMPORARY.test(name)) return 'ignore';
  return /\.zip$/i.test(name) || isWantedFile(name) ? 'drop' : 'pass';
}

export class WatchedFolder {
  readonly #known = new Map<string, Known>();

  /**
   * @param still milliseconds for which a file must not have changed
   * @param patience milliseconds for which one that looks cut off, or was refused, is given time to change
   */
  constructor(
    readonly still: number,
    readonly patience: number,
  ) {}

  /**
   * @param files all that lie there, by this look
   * @param now milliseconds of a clock that only goes on
   * @returns those to be tried, by name
   */
  look(files: SeenFile[], now: number): ReadyFile[] {
    const there = new Set(files.map(f => f.name));
    for (const name of this.#known.keys()) if (!there.has(name)) this.#known.delete(name);
    const ready: ReadyFile[] = [];
    for (const { name, stamp } of files) {
      const known = this.#known.get(name);
      if (known === undefined || known.stamp !== stamp) {
        this.#known.set(name, { stamp, since: now, tried: false, done: false });
        continue;
      }
      const last = now - known.since >= this.patience;
      if (!known.done && now - known.since >= this.still && (!known.tried || last)) ready.push({ name, stamp, last });
    }
    return ready.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** It was refused: once more when it has changed, or when its patience is out. */
  later({ name, stamp }: SeenFile): void {
    const known = this.#known.get(name);
    if (known?.stamp === stamp) known.tried = true;
  }

  /** It is published, or refused for good: not before it has changed. */
  done({ name, stamp }: SeenFile): void {
    const known = this.#known.get(name);
    if (known?.stamp === stamp) known.done = true;
  }
}
