/** Python as a second judge (judge.py), where the machine has it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { REPOSITORY } from '../support/services.js';

/** What a reader says of a zip: the wanted files with their sha256, or why it refuses. */
export type ZipVerdict = { files: [name: string, sha256: string][] } | { error: string };
export type JsonVerdict = { error?: string };

export class Python {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor() {
    this.#child = spawn('python3', [join(REPOSITORY, 'test', 'fuzz', 'judge.py')], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  /** Null where there is none, with the reason said. */
  static start(say: (line: string) => void): Python | null {
    const { error, status } = spawnSync('python3', ['-c', 'import json, zipfile']);
    if (error === undefined && status === 0) return new Python();
    say(`python3 does not judge: ${error?.message ?? `it ended with ${status}`}`);
    return null;
  }

  zip(path: string): Promise<ZipVerdict> {
    return this.#ask(`zip ${path}`) as Promise<ZipVerdict>;
  }

  /** @param path of a file to write the values to */
  json(values: readonly Buffer[], path: string): Promise<JsonVerdict[]> {
    writeFileSync(
      path,
      Buffer.concat(
        values.flatMap(v => {
          const length = Buffer.alloc(4);
          length.writeUInt32BE(v.length);
          return [length, v];
        }),
      ),
    );
    return this.#ask(`json ${path}`) as Promise<JsonVerdict[]>;
  }

  async #ask(line: string): Promise<unknown> {
    this.#child.stdin!.write(`${line}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('judge.py ended');
    return JSON.parse(value);
  }

  stop(): void {
    this.#child.kill();
  }
}
