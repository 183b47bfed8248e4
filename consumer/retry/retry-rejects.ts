/** Rejected orders once more through transform and load, as if their messages came again; no position is moved. */
import { randomBytes } from 'node:crypto';
import { throwIfAborted } from '../../shared/errors.js';
import type { Logger } from '../../shared/log.js';
import { ServiceState } from '../../shared/outage.js';
import type { Settings } from '../../shared/settings.js';
import { Loader } from '../load/loader.js';
import { type ChosenReject, RejectLedger } from '../load/reject-ledger.js';
import { migrate } from '../schema/migrate.js';
import { Tables } from '../schema/tables.js';
import { chooseRejects, parts, type RejectChoice, readRejects } from './choose-rejects.js';

export interface RetryOptions {
  settings: Settings;
  databaseUrl: string;
  log: Logger;
  version: string;
  signal: AbortSignal;
  choice: RejectChoice;
  /** What to load in place of the bytes delivered, by id. */
  mended?: ReadonlyMap<string, Buffer>;
  onProgress?: (done: number, total: number) => void;
}

/** What the chosen orders are when all is done, whoever did it. */
export interface RetryResult {
  loaded: number;
  bypassed: number;
  refused: number;
}

/**
 * Tries the chosen orders again, a batch a transaction. Killed at any moment it has done whole batches, and may be run again.
 *
 * @throws UsageError when an id is no rejected order; InterruptedError on the signal, between two batches
 */
export async function retryRejects(o: RetryOptions): Promise<RetryResult> {
  const { settings, databaseUrl, log, signal, version } = o;
  const tables = Tables.of(settings);
  const loader = new Loader({
    databaseUrl,
    target: { tables, topic: settings.topic, topicId: '', worker: `retry ${randomBytes(4).toString('hex')}`, version },
    postgres: new ServiceState('Postgres', log, settings.outageTimeout),
    maxDepth: settings.maxDepth,
    signal,
  });
  try {
    await loader.link.use(db => migrate(db.client, settings.databaseSchema, settings.ownSchema));
    const chosen = await loader.link.use(db => chooseRejects(db, tables, settings.topic, o.choice, o.mended));
    let done = 0;
    for (const part of parts(chosen, settings.batchOrders, settings.batchBytes)) {
      await retryPart(loader, tables, part, signal);
      done += part.length;
      o.onProgress?.(done, chosen.length);
    }
    const ids = o.choice.ids ?? chosen.map(r => r.id);
    return await loader.link.use(async db => {
      const { rows } = await db.query(
        `SELECT count(*) FILTER (WHERE settled = 'loaded') AS loaded, count(*) FILTER (WHERE settled = 'bypassed') AS bypassed,
           count(*) FILTER (WHERE settled IS NULL) AS refused FROM ${tables.rejects} WHERE id = ANY($1::bigint[])`,
        [ids],
      );
      return { loaded: Number(rows[0].loaded), bypassed: Number(rows[0].bypassed), refused: Number(rows[0].refused) };
    });
  } finally {
    await loader.end();
  }
}

/** Tries these until each was tried, by us or by somebody else: a retry that runs at the same time, or our own COMMIT whose answer was lost. */
async function retryPart(loader: Loader, tables: Tables, part: readonly ChosenReject[], signal: AbortSignal): Promise<void> {
  for (;;) {
    throwIfAborted(signal, 'trying rejects again');
    const { rejects, batch } = await loader.link.use(db => readRejects(db, tables, part));
    if (rejects.length === 0) return;
    if ((await loader.load(await loader.prepare(batch), new RejectLedger(tables, loader.options.target.topic, rejects))) !== null) return;
  }
}
