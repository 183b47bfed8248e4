/** Numbers for the files of drops, so that rows that tell of a file need not carry its name. */
import { InvariantError } from '../../shared/errors.js';
import type { OrderMessage } from '../intake/batch.js';
import type { Tables } from '../schema/tables.js';
import type { FileNumbers } from '../transform/batch-rows.js';
import type { Database } from './database.js';

const SEPARATOR = '\0';

export class DropFiles {
  readonly #numbers = new Map<string, number>();

  constructor(
    readonly tables: Tables,
    readonly topic: string,
  ) {}

  /**
   * Learns the files of these messages, outside of any transaction: a number that is then not used does no harm.
   *
   * @returns the numbers of their files, which a forget() from elsewhere does not touch
   */
  async learn(db: Database, messages: OrderMessage[]): Promise<FileNumbers> {
    const of = new Map<string, number>();
    const unknown = new Map<string, [drop: string, file: string]>();
    let last: OrderMessage['place'] | undefined;
    for (const message of messages) {
      const { place } = message;
      // without a text of both for each message
      if (last !== undefined && place?.drop === last?.drop && place?.file === last?.file) continue;
      last = place;
      const key = fileKey(message);
      const number = this.#numbers.get(key);
      if (number !== undefined) of.set(key, number);
      else unknown.set(key, [place?.drop ?? '', place?.file ?? '']);
    }
    if (unknown.size === 0) return lookUp(of);
    const drops = [...unknown.values()].map(([drop]) => drop);
    const files = [...unknown.values()].map(([, file]) => file);
    const { dropFiles } = this.tables;
    await db.query(
      `INSERT INTO ${dropFiles} (topic, drop_id, file) SELECT $1, * FROM unnest($2::text[], $3::text[]) ORDER BY 2, 3 ON CONFLICT DO NOTHING`,
      [this.topic, drops, files],
    );
    const { rows } = await db.query(
      `SELECT file_no, drop_id, file FROM ${dropFiles} JOIN unnest($2::text[], $3::text[]) AS n (drop_id, file) USING (drop_id, file) WHERE topic = $1`,
      [this.topic, drops, files],
    );
    for (const r of rows) {
      this.#numbers.set(r.drop_id + SEPARATOR + r.file, Number(r.file_no));
      of.set(r.drop_id + SEPARATOR + r.file, Number(r.file_no));
    }
    return lookUp(of);
  }

  /** Forgets all: the database may have been put back to an earlier state. */
  forget(): void {
    this.#numbers.clear();
  }
}

function fileKey({ place }: OrderMessage): string {
  return (place?.drop ?? '') + SEPARATOR + (place?.file ?? '');
}

/** Most files of a batch stand in a row: the last answer is right for nearly every message. */
function lookUp(numbers: Map<string, number>): FileNumbers {
  let drop: string | undefined;
  let file: string | undefined;
  let number = 0;
  return message => {
    if (number !== 0 && drop === message.place?.drop && file === message.place?.file) return number;
    const found = numbers.get(fileKey(message));
    if (found === undefined) throw new InvariantError('a file of a drop has no number');
    drop = message.place?.drop;
    file = message.place?.file;
    number = found;
    return found;
  };
}
