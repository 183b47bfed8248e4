/** Watches a worker and answers for it: joins what the worker knows of itself with what Postgres says. */
import { reactionTo } from '../load/sqlstate.js';
import { compareSchema } from '../schema/migrate.js';
import { Tables } from '../schema/tables.js';
import type { WorkerObserver } from '../worker-options.js';
import type { WorkerView } from '../worker-view.js';
import { type Answer, json, words } from './answers.js';
import { cached } from './cached.js';
import { type Health, healthOf, type SchemaState } from './health.js';
import type { HttpFaceOptions } from './http-face.js';
import { Metrics } from './metrics.js';
import { type Facts, readDropBooks, readFacts, readRates, readReject } from './page-data.js';
import { Reader } from './reader.js';

/** Milliseconds for which an answer of Postgres is told again. The page asks every three seconds. */
const KEEP = { schema: 1000, facts: 5000, drops: 10_000, rates: 10_000, metrics: 1000 };
/** Drops of one answer at the most. */
const MOST_DROPS = 100;

export class Teller implements WorkerObserver {
  #view: WorkerView | null = null;
  readonly #metrics = new Metrics();
  readonly #reader: Reader;
  readonly #tables: Tables;
  readonly #schema: () => Promise<SchemaState>;
  readonly #facts: () => Promise<Facts>;
  readonly #drops: () => ReturnType<typeof readDropBooks>;
  readonly #rates: () => ReturnType<typeof readRates>;
  readonly #text: () => Promise<string>;

  constructor(readonly options: HttpFaceOptions) {
    const { settings, databaseUrl } = options;
    const { topic } = settings;
    const t = Tables.of(settings);
    this.#tables = t;
    this.#reader = new Reader(databaseUrl, 'glossier http');
    this.#schema = cached(KEEP.schema, () => this.#askSchema());
    this.#facts = cached(KEEP.facts, () => this.#reader.run(db => readFacts(db, t, topic)));
    this.#drops = cached(KEEP.drops, () => this.#reader.run(db => readDropBooks(db, t, topic)));
    this.#rates = cached(KEEP.rates, () => this.#reader.run(db => readRates(db, t, topic)));
    this.#text = cached(KEEP.metrics, () => this.#askMetrics());
  }

  begins(view: WorkerView): void {
    this.#view = view;
  }

  readonly loaded: WorkerObserver['loaded'] = (...batch) => this.#metrics.loaded(...batch);
  readonly merged: WorkerObserver['merged'] = (...merge) => this.#metrics.merged(...merge);

  /** Asks nobody, so that it is told also while a server is away. */
  async live(): Promise<Answer> {
    const { live, dead } = healthOf(this.#view, 'away', Date.now());
    return json(live ? { live } : { live, reason: dead }, live ? 200 : 503);
  }

  async ready(): Promise<Answer> {
    const { ready, live, checks } = await this.#health();
    return json({ ready, live, stopping: this.#view?.stopping ?? false, checks }, ready ? 200 : 503);
  }

  async metrics(): Promise<Answer> {
    return { status: 200, type: this.#metrics.contentType, body: await this.#text() };
  }

  /** What the page shows but for the drops. What Postgres does not say is null. */
  async status(): Promise<Answer> {
    const { settings, version } = this.options;
    const view = this.#view;
    const [health, facts, rates, drops] = await Promise.all([
      this.#health(),
      this.#facts().catch(() => null),
      this.#rates().catch(() => null),
      this.#drops().catch(() => null),
    ]);
    const look = view?.topic ?? null;
    const partitions = (look?.offsets ?? []).map(({ partition, end }) => {
      const position = look!.positions.get(partition) ?? 0;
      return { partition, position, end, lag: Math.max(0, end - position), mine: look!.mine.has(partition) };
    });
    const sum = (pick: (d: NonNullable<typeof drops>[number]) => number) => drops?.reduce((n, d) => n + pick(d), 0);
    return json({
      now: Date.now(),
      version,
      worker: view?.name ?? null,
      topic: settings.topic,
      group: settings.kafkaGroup,
      schema: settings.databaseSchema,
      health: { ...health, stopping: view?.stopping ?? false },
      looked_at: look?.at ?? null,
      until: view?.freshness.until ?? null,
      lag: look === null ? null : partitions.reduce((n, p) => n + p.lag, 0),
      partitions,
      facts,
      rates,
      totals:
        drops === null
          ? null
          : {
              drops: drops.filter(d => d.state !== 'other').length,
              open: drops.filter(d => d.state !== 'other' && !d.whole).length,
              loaded: sum(d => d.loaded),
              bypassed: sum(d => d.bypassed),
              rejected: sum(d => d.rejected),
              line_items: sum(d => d.line_items),
            },
    });
  }

  /** Some of the drops, the newest first: `from` and `count`, and `show=open` for those that are not whole. */
  async drops(query: URLSearchParams): Promise<Answer> {
    const drops = await this.#drops().catch(() => null);
    if (drops === null) return away();
    const open = drops.filter(d => d.state !== 'other' && !d.whole);
    const chosen = query.get('show') === 'open' ? open : drops;
    const from = whole(query.get('from'), 0);
    const count = Math.min(MOST_DROPS, whole(query.get('count'), 25));
    return json({ total: drops.length, open: open.length, of: chosen.length, from, drops: chosen.slice(from, from + count) });
  }

  async reject(query: URLSearchParams): Promise<Answer> {
    const id = query.get('id') ?? '';
    if (!/^[1-9]\d{0,17}$/.test(id)) return words(400, 'id is not the id of a reject');
    try {
      const reject = await this.#reader.run(db => readReject(db, this.#tables, this.options.settings.topic, id));
      return reject === null ? words(404, 'There is no reject of this id') : json(reject);
    } catch {
      return away();
    }
  }

  close(): Promise<void> {
    return this.#reader.close();
  }

  async #health(): Promise<Health> {
    return healthOf(this.#view, await this.#schema(), Date.now());
  }

  async #askSchema(): Promise<SchemaState> {
    try {
      const { newer, lacks } = await this.#reader.run(db => compareSchema(db.client, this.#tables));
      return newer.length > 0 ? 'newer' : lacks ? 'older' : 'current';
    } catch (error) {
      return reactionTo(error) === 'missing' ? 'older' : 'away';
    }
  }

  async #askMetrics(): Promise<string> {
    const [health, facts] = await Promise.all([this.#health(), this.#facts().catch(() => null)]);
    return this.#metrics.text(this.options.version, this.#view, health, facts);
  }
}

function away(): Answer {
  return words(503, 'Postgres does not answer, or took too long');
}

/** A whole number of a query, as it came or `otherwise`. */
function whole(text: string | null, otherwise: number): number {
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : otherwise;
}
