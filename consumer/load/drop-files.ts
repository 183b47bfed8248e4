/** Numbers for the files of drops, so that rows that tell of a file need not carry its name. */
import type { OrderMessage } from '../intake/batch.js';
import type { Tables } from '../schema/tables.js';
import type { Database } from './database.js';

const SEPARATOR = '\0';

export class DropFiles {
  readonly #numbers = new Map<string, number>();
  /** Most files of a batch stand in a row: the last answer is right for nearly every message. */
  #lastDrop = '';
  #lastFile = '';
  #lastNumber = 0;

  constructor(
    readonly tables: Tables,
    readonly topic: string,
  ) {}

  /** The number of a message's file; it must have been learned. */
  readonly numberOf = (message: OrderMessage): number => {
    const drop = message.place?.drop ?? '';
    const file = message.place?.file ?? '';
    if (this.#lastNumber !== 0 && drop === this.#lastDrop && file === this.#lastFile) return this.#lastNumber;
    this.#lastDrop = drop;
    this.#lastFile = file;
    this.#lastNumber = this.#numbers.get(drop + SEPARATOR + file)!;
    return this.#lastNumber;
  };

  /** Learns the files of these messages, outside of any transaction: a number that is then not used does no harm. */
  async learn(db: Database, messages: OrderMessage[]): Promise<void> {
    const unknown = new Map<string, [drop: string, file: string]>();
    let last: OrderMessage['place'] | undefined;
    for (const { place } of messages) {
      if (last !== undefined && place?.drop === last?.drop && place?.file === last?.file) continue;
      last = place;
      const key = (place?.drop ?? '') + SEPARATOR + (place?.file ?? '');
      if (!this.#numbers.has(key)) unknown.set(key, [place?.drop ?? '', place?.file ?? '']);
    }
    if (unknown.size === 0) return;
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
    for (const r of rows) this.#numbers.set(r.drop_id + SEPARATOR + r.file, Number(r.file_no));
  }

  /** Forgets all: the database may have been put back to an earlier state. */
  forget(): void {
    this.#numbers.clear();
    this.#lastNumber = 0;
  }
}
