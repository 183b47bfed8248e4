/** Every setting of the program, declared once; settings.ts reads them. */

type Kind = 'text' | 'list' | 'integer' | 'bytes' | 'seconds' | 'choice' | 'boolean';

export interface Declaration {
  /** Environment variable. */
  env: string;
  /** Long flag without dashes. */
  flag: string;
  kind: Kind;
  /** As a person would write it; undefined where there is none. */
  fallback?: string;
  min?: number;
  max?: number;
  choices?: readonly string[];
  /** True for what must never be printed. */
  secret?: boolean;
  help: string;
}

export const MEBI = 1024 * 1024;

/** Every setting of the program. `seconds` and `bytes` take units (`500ms`, `10s`, `64MB`) and become milliseconds and bytes. */
export const SETTINGS = {
  databaseUrl: {
    env: 'DATABASE_URL',
    flag: 'database-url',
    kind: 'text',
    secret: true,
    help: 'Postgres to load into; without it and KAFKA_BROKERS a local one is run',
  },
  databaseSchema: {
    env: 'DATABASE_SCHEMA',
    flag: 'database-schema',
    kind: 'text',
    fallback: 'public',
    help: "the analysts' schema",
  },
  kafkaBrokers: {
    env: 'KAFKA_BROKERS',
    flag: 'kafka-brokers',
    kind: 'list',
    help: 'Kafka brokers, host:port with commas between',
  },
  kafkaGroup: {
    env: 'KAFKA_GROUP',
    flag: 'kafka-group',
    kind: 'text',
    fallback: 'glossier',
    help: 'consumer group of the workers',
  },
  topic: {
    env: 'ORDERS_TOPIC',
    flag: 'topic',
    kind: 'text',
    fallback: 'orders',
    help: 'topic of the orders; <topic>.drops stands beside it',
  },
  partitions: {
    env: 'ORDERS_PARTITIONS',
    flag: 'partitions',
    kind: 'integer',
    fallback: '8',
    min: 1,
    max: 1000,
    help: 'partitions of the topic when it is made',
  },
  logLevel: {
    env: 'LOG_LEVEL',
    flag: 'log-level',
    kind: 'choice',
    fallback: 'info',
    choices: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    help: 'how much is logged to standard error',
  },
  logEvery: {
    env: 'LOG_EVERY',
    flag: 'log-every',
    kind: 'seconds',
    fallback: '60s',
    min: 1000,
    max: 86_400_000,
    help: 'how often a worker logs what it has read, loaded, bypassed and rejected, the lag and the rate',
  },
  localDir: {
    env: 'GLOSSIER_LOCAL',
    flag: 'local-dir',
    kind: 'text',
    fallback: '.glossier',
    help: 'folder of the local Kafka and Postgres',
  },
  batchOrders: {
    env: 'BATCH_ORDERS',
    flag: 'batch-orders',
    kind: 'integer',
    fallback: '4000',
    min: 1,
    max: 100000,
    help: 'orders in one transaction at the most',
  },
  batchBytes: {
    env: 'BATCH_BYTES',
    flag: 'batch-bytes',
    kind: 'bytes',
    fallback: '6MB',
    min: 1024,
    max: 512 * MEBI,
    help: 'bytes of messages in one transaction at the most',
  },
  memory: {
    env: 'WORKER_MEMORY',
    flag: 'memory',
    kind: 'bytes',
    fallback: '200MB',
    min: 100 * MEBI,
    max: 16_384 * MEBI,
    help: 'resident memory that a worker stays near: it takes less at once where orders are large or transactions slow',
  },
  batchWait: {
    env: 'BATCH_WAIT',
    flag: 'batch-wait',
    kind: 'seconds',
    fallback: '500ms',
    min: 0,
    max: 60_000,
    help: 'how long an order waits for others before it is loaded',
  },
  mergeEvery: {
    env: 'MERGE_EVERY',
    flag: 'merge-every',
    kind: 'seconds',
    fallback: '60s',
    min: 100,
    max: 86_400_000,
    help: 'how often a worker folds user_staging into user_stats',
  },
  sessionTimeout: {
    env: 'SESSION_TIMEOUT',
    flag: 'session-timeout',
    kind: 'seconds',
    fallback: '10s',
    min: 6000,
    max: 300_000,
    help: 'how long the group waits for a silent worker before others take its partitions',
  },
  stallTimeout: {
    env: 'STALL_TIMEOUT',
    flag: 'stall-timeout',
    kind: 'seconds',
    fallback: '120s',
    min: 1000,
    max: 3_600_000,
    help: 'a worker ends when a partition moves and its position does not for so long',
  },
  outageTimeout: {
    env: 'OUTAGE_TIMEOUT',
    flag: 'outage-timeout',
    kind: 'seconds',
    fallback: '15m',
    min: 0,
    max: 86_400_000,
    help: 'how long Postgres or Kafka may be away before the program gives up',
  },
  rebuildLockTimeout: {
    env: 'REBUILD_LOCK_TIMEOUT',
    flag: 'rebuild-lock-timeout',
    kind: 'seconds',
    fallback: '2s',
    min: 100,
    max: 60_000,
    help: 'how long a rebuild waits for a lock before it lets go and tries again',
  },
  shutdownTimeout: {
    env: 'SHUTDOWN_TIMEOUT',
    flag: 'shutdown-timeout',
    kind: 'seconds',
    fallback: '10s',
    min: 0,
    max: 600_000,
    help: 'how long a stop may take',
  },
  breakerOrders: {
    env: 'BREAKER_ORDERS',
    flag: 'breaker-orders',
    kind: 'integer',
    fallback: '500',
    min: 1,
    max: 100_000,
    help: 'last orders of a worker, at the least, of which most may not be refused for one reason',
  },
  breakerShare: {
    env: 'BREAKER_SHARE',
    flag: 'breaker-share',
    kind: 'integer',
    fallback: '50',
    min: 1,
    max: 100,
    help: 'percent of them that, refused for one reason, stop the worker before it commits them',
  },
  http: {
    env: 'HTTP_LISTEN',
    flag: 'http',
    kind: 'text',
    help: 'address on which consume serves health, metrics and a page for people: 127.0.0.1:8080, or a port alone for loopback',
  },
  httpToken: {
    env: 'HTTP_TOKEN',
    flag: 'http-token',
    kind: 'text',
    secret: true,
    help: 'bearer token that metrics and data of the page are given for; must be set to listen beyond loopback',
  },
  maxOrderBytes: {
    env: 'MAX_ORDER_BYTES',
    flag: 'max-order-bytes',
    kind: 'bytes',
    fallback: '900KB',
    min: 1024,
    max: 64 * MEBI,
    help: "largest order that is published; the topic's message limit must be above it",
  },
  maxDepth: {
    env: 'MAX_DEPTH',
    flag: 'max-depth',
    kind: 'integer',
    fallback: '512',
    min: 4,
    max: 5000,
    help: 'deepest nesting of an order',
  },
  maxEntries: {
    env: 'MAX_ENTRIES',
    flag: 'max-entries',
    kind: 'integer',
    fallback: '10000',
    min: 1,
    max: 1_000_000,
    help: 'files in a drop at the most',
  },
  maxFileBytes: {
    env: 'MAX_FILE_BYTES',
    flag: 'max-file-bytes',
    kind: 'bytes',
    fallback: '2GB',
    min: 1024,
    max: 2 ** 40,
    help: 'unpacked size of one file of a drop at the most',
  },
  maxDropBytes: {
    env: 'MAX_DROP_BYTES',
    flag: 'max-drop-bytes',
    kind: 'bytes',
    fallback: '16GB',
    min: 1024,
    max: 2 ** 42,
    help: 'unpacked size of a drop at the most',
  },
  maxRatio: {
    env: 'MAX_RATIO',
    flag: 'max-ratio',
    kind: 'integer',
    fallback: '200',
    min: 2,
    max: 100_000,
    help: 'unpacked size over packed size of a drop above 64 MiB at the most',
  },
} as const satisfies Record<string, Declaration>;
