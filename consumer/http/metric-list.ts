/** Every metric of the program, declared once: pure. README's table, the dashboard and the alert rules are held against it. */

export interface MetricDeclaration {
  name: string;
  kind: 'counter' | 'gauge' | 'histogram';
  labels?: readonly string[];
  /** Upper bounds in seconds, of a histogram. */
  buckets?: readonly number[];
  help: string;
}

const BATCH_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;
const COMMIT_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5] as const;

/** Counters and histograms are this worker's since its start. Gauges whose help says "of all" come out the same from every worker. */
export const METRICS = {
  info: { name: 'glossier_info', kind: 'gauge', labels: ['version', 'worker'], help: 'always 1; version and name of this worker' },
  orders: {
    name: 'glossier_orders_total',
    kind: 'counter',
    labels: ['outcome'],
    help: 'orders by outcome: loaded, bypassed, rejected, repeated',
  },
  rejections: {
    name: 'glossier_rejections_total',
    kind: 'counter',
    labels: ['code'],
    help: 'refused orders by the code of the reason, repeats too',
  },
  rows: { name: 'glossier_rows_total', kind: 'counter', labels: ['table'], help: 'rows added, by table' },
  bytes: { name: 'glossier_message_bytes_total', kind: 'counter', help: 'bytes of the messages that were loaded, unpacked' },
  batches: {
    name: 'glossier_batches_total',
    kind: 'counter',
    labels: ['reason'],
    help: 'committed batches by why they were closed: orders, bytes, time',
  },
  batchSeconds: {
    name: 'glossier_batch_seconds',
    kind: 'histogram',
    buckets: BATCH_SECONDS,
    help: 'from taking a batch out of what was fetched to its commit; the batch before is loaded meanwhile',
  },
  commitSeconds: { name: 'glossier_commit_seconds', kind: 'histogram', buckets: COMMIT_SECONDS, help: "Postgres' answer to COMMIT" },
  mergeSeconds: {
    name: 'glossier_merge_seconds',
    kind: 'histogram',
    buckets: BATCH_SECONDS,
    help: 'a merge of user_staging, waiting for others included',
  },
  mergedUsers: { name: 'glossier_merged_users_total', kind: 'counter', labels: ['kind'], help: 'users that merges inserted or updated' },
  lag: {
    name: 'glossier_partition_lag_messages',
    kind: 'gauge',
    labels: ['partition'],
    help: 'messages that are not in the tables; of all partitions',
  },
  position: { name: 'glossier_partition_position', kind: 'gauge', labels: ['partition'], help: 'next offset to load; of all partitions' },
  end: {
    name: 'glossier_partition_end',
    kind: 'gauge',
    labels: ['partition'],
    help: 'offset that the next message will get; of all partitions',
  },
  assigned: {
    name: 'glossier_partition_assigned',
    kind: 'gauge',
    labels: ['partition'],
    help: '1 where the partition belongs to this worker, else 0',
  },
  freshness: {
    name: 'glossier_freshness_timestamp_seconds',
    kind: 'gauge',
    help: 'the tables hold everything that was published until then; of all partitions, missing while it is not known',
  },
  staging: { name: 'glossier_staging_rows', kind: 'gauge', help: 'rows of user_staging that wait for a merge; of all workers' },
  rejects: {
    name: 'glossier_rejects',
    kind: 'gauge',
    labels: ['kind', 'code'],
    help: 'orders and files that are rejected now, the newest 100,000; of all workers',
  },
  rebuildRunning: { name: 'glossier_rebuild_running', kind: 'gauge', help: '1 while a rebuild runs; of the deployment' },
  rebuildReplayed: {
    name: 'glossier_rebuild_replayed_messages',
    kind: 'gauge',
    help: 'messages that the rebuild has replayed; 0 while it does not replay',
  },
  rebuildTotal: {
    name: 'glossier_rebuild_messages',
    kind: 'gauge',
    help: 'messages that the rebuild is to replay; 0 while it does not replay',
  },
  breakerRatio: {
    name: 'glossier_breaker_ratio',
    kind: 'gauge',
    help: "of this worker's last orders the share that was refused for the most frequent reason, 0 to 1",
  },
  breakerLimit: {
    name: 'glossier_breaker_limit_ratio',
    kind: 'gauge',
    help: 'the share that stops the worker (BREAKER_SHARE); missing with --accept-rejects',
  },
  live: { name: 'glossier_live', kind: 'gauge', help: '1 as long as /live says so' },
  ready: { name: 'glossier_ready', kind: 'gauge', help: '1 as long as /ready says so' },
  serviceUp: { name: 'glossier_service_up', kind: 'gauge', labels: ['service'], help: '1 while postgres or kafka answers this worker' },
  groupJoined: { name: 'glossier_group_joined', kind: 'gauge', help: '1 while this worker is a member of its group' },
} as const satisfies Record<string, MetricDeclaration>;

export type MetricKey = keyof typeof METRICS;
