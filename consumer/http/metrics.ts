/**
 * What a worker counts, for Prometheus. A batch adds to a dozen numbers once it is committed; whatever can be asked for is asked when
 * somebody reads.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type MessageBatch, valueBytes } from '../intake/batch.js';
import type { LoadCounts } from '../load/ledger.js';
import type { Committed } from '../load/loader.js';
import type { MergeResult } from '../merge/merge-users.js';
import type { WorkerView } from '../worker-view.js';
import type { Health } from './health.js';
import { METRICS, type MetricDeclaration, type MetricKey } from './metric-list.js';
import type { Facts } from './page-data.js';

type Labels = Record<string, string | number>;

/** Milliseconds between two looks at how late the event loop is: its own default of 10 wakes a resting worker a hundred times a second. */
const LOOP_LOOKS = 100;

export class Metrics {
  readonly #registry = new Registry();
  readonly #counters = new Map<MetricKey, Counter>();
  readonly #gauges = new Map<MetricKey, Gauge>();
  readonly #histograms = new Map<MetricKey, Histogram>();

  constructor() {
    const registers = [this.#registry];
    for (const [key, d] of Object.entries<MetricDeclaration>(METRICS) as [MetricKey, MetricDeclaration][]) {
      const common = { name: d.name, help: d.help, labelNames: [...(d.labels ?? [])], registers };
      if (d.kind === 'counter') this.#counters.set(key, new Counter(common));
      else if (d.kind === 'gauge') this.#gauges.set(key, new Gauge(common));
      else this.#histograms.set(key, new Histogram({ ...common, buckets: [...d.buckets!] }));
    }
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: LOOP_LOOKS });
    // gauges whose names end as a counter's: `promtool check metrics` refuses them, and the same is there by type
    for (const what of ['handles', 'requests', 'resources']) this.#registry.removeSingleMetric(`nodejs_active_${what}_total`);
    // a counter that is not there yet has no rate: its first rise would go unseen
    for (const outcome of ['loaded', 'bypassed', 'rejected', 'repeated']) this.#add('orders', 0, { outcome });
    for (const reason of ['orders', 'bytes', 'time']) this.#add('batches', 0, { reason });
    for (const table of ROW_TABLES) this.#add('rows', 0, { table });
    for (const kind of ['inserted', 'updated']) this.#add('mergedUsers', 0, { kind });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  loaded(batch: MessageBatch, counts: LoadCounts, { rejected, commitMilliseconds }: Committed, milliseconds: number): void {
    for (const outcome of ['loaded', 'bypassed', 'rejected', 'repeated'] as const) this.#add('orders', counts[outcome], { outcome });
    const codes = new Map<string, number>();
    for (const { rejection } of rejected) codes.set(rejection.code, (codes.get(rejection.code) ?? 0) + 1);
    for (const [code, count] of codes) this.#add('rejections', count, { code });
    this.#add('rows', counts.loaded, { table: 'orders' });
    this.#add('rows', counts.lineItems, { table: 'order_line_item_mapping' });
    this.#add('rows', counts.rejected, { table: 'rejects' });
    this.#add('bytes', valueBytes(batch), {});
    this.#add('batches', 1, { reason: batch.reason });
    this.#histograms.get('batchSeconds')!.observe(milliseconds / 1000);
    this.#histograms.get('commitSeconds')!.observe(commitMilliseconds / 1000);
  }

  merged({ inserted, updated }: MergeResult, milliseconds: number): void {
    this.#histograms.get('mergeSeconds')!.observe(milliseconds / 1000);
    this.#add('mergedUsers', inserted, { kind: 'inserted' });
    this.#add('mergedUsers', updated, { kind: 'updated' });
    this.#add('rows', inserted, { table: 'user_stats' });
  }

  /** @param facts null while Postgres does not answer: what only it knows is left out then, and the rest still comes */
  async text(version: string, view: WorkerView | null, health: Health, facts: Facts | null): Promise<string> {
    for (const gauge of this.#gauges.values()) gauge.reset();
    for (const key of LEFT_OUT) this.#gauges.get(key)!.remove();
    this.#set('info', 1, { version, worker: view?.name ?? '' });
    this.#set('live', health.live ? 1 : 0);
    this.#set('ready', health.ready ? 1 : 0);
    this.#set('serviceUp', health.checks.postgres === 'ok' ? 1 : 0, { service: 'postgres' });
    this.#set('serviceUp', health.checks.kafka === 'ok' ? 1 : 0, { service: 'kafka' });
    this.#set('groupJoined', view?.consumer?.joined ? 1 : 0);
    for (const { partition, end } of view?.topic?.offsets ?? []) {
      const position = view!.topic!.positions.get(partition) ?? 0;
      this.#set('position', position, { partition });
      this.#set('end', end, { partition });
      this.#set('lag', Math.max(0, end - position), { partition });
      this.#set('assigned', view!.topic!.mine.has(partition) ? 1 : 0, { partition });
    }
    if (view != null && view.freshness.until !== null) this.#set('freshness', view.freshness.until / 1000);
    if (view?.breaker !== undefined) {
      this.#set('breakerRatio', view.breaker.worst());
      this.#set('breakerLimit', view.breaker.share / 100);
    }
    if (facts !== null) {
      this.#set('staging', facts.staging);
      for (const { kind, code, count } of facts.byCode) this.#set('rejects', count, { kind, code });
      this.#set('rebuildRunning', facts.rebuild?.state === 'running' ? 1 : 0);
      const replay = facts.rebuild?.step === 'replaying' ? facts.rebuild : null;
      this.#set('rebuildReplayed', replay?.done ?? 0);
      this.#set('rebuildTotal', replay?.of ?? 0);
    }
    return this.#registry.metrics();
  }

  #add(key: MetricKey, value: number, labels: Labels): void {
    this.#counters.get(key)!.inc(labels, value);
  }

  #set(key: MetricKey, value: number, labels: Labels = {}): void {
    this.#gauges.get(key)!.set(labels, value);
  }
}

const ROW_TABLES = ['orders', 'order_line_item_mapping', 'user_stats', 'rejects'];

/** Gauges without labels that are missing rather than 0 while nobody knows them. */
const LEFT_OUT = ['freshness', 'staging', 'rebuildRunning', 'rebuildReplayed', 'rebuildTotal', 'breakerRatio', 'breakerLimit'] as const;
