/**
 * Settings, each declared once: flag, environment variable, default, bounds and help. Flags win over the environment, the
 * environment over defaults. All faults are reported together.
 */
import { UsageError } from './errors.js';

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

const MEBI = 1024 * 1024;

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
  shutdownTimeout: {
    env: 'SHUTDOWN_TIMEOUT',
    flag: 'shutdown-timeout',
    kind: 'seconds',
    fallback: '10s',
    min: 0,
    max: 600_000,
    help: 'how long a stop may take',
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
    help: 'unpacked size over packed size of a drop at the most',
  },
} as const satisfies Record<string, Declaration>;

export type SettingName = keyof typeof SETTINGS;

type ValueOf<D> = D extends { kind: 'text' | 'choice' }
  ? string
  : D extends { kind: 'list' }
    ? string[]
    : D extends { kind: 'boolean' }
      ? boolean
      : number;
type Given<D> = D extends { fallback: string } ? ValueOf<D> : ValueOf<D> | undefined;

export type Settings = { -readonly [N in SettingName]: Given<(typeof SETTINGS)[N]> };

const UNITS: Record<string, Record<string, number>> = {
  bytes: { '': 1, B: 1, KB: 1000, MB: 1e6, GB: 1e9, TB: 1e12, KIB: 1024, MIB: MEBI, GIB: 1024 * MEBI },
  seconds: { '': 1000, MS: 1, S: 1000, M: 60_000, MIN: 60_000, H: 3_600_000, D: 86_400_000 },
};

function parse(d: Declaration, text: string): string | number | string[] | boolean {
  switch (d.kind) {
    case 'text':
      if (text === '') throw new Error('is empty');
      return text;
    case 'list': {
      const parts = text
        .split(',')
        .map(s => s.trim())
        .filter(s => s !== '');
      if (parts.length === 0) throw new Error('is empty');
      return parts;
    }
    case 'boolean':
      if (!/^(true|false|1|0|yes|no)$/i.test(text)) throw new Error('is not true or false');
      return /^(true|1|yes)$/i.test(text);
    case 'choice':
      if (!d.choices!.includes(text)) throw new Error(`is not one of ${d.choices!.join(', ')}`);
      return text;
    default: {
      const m = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
      const units = UNITS[d.kind] ?? { '': 1 };
      const unit = m ? units[m[2].toUpperCase()] : undefined;
      if (!m || unit === undefined || (d.kind === 'integer' && m[1].includes('.'))) {
        throw new Error(
          d.kind === 'integer' ? 'is not a whole number' : `is not a number with a unit (like ${d.fallback})`,
        );
      }
      const value = Math.round(Number(m[1]) * unit);
      if (value < d.min! || value > d.max!) throw new Error(`is outside ${bound(d, d.min!)}…${bound(d, d.max!)}`);
      return value;
    }
  }
}

function bound(d: Declaration, n: number): string {
  if (d.kind === 'seconds') return n < 1000 ? `${n}ms` : `${n / 1000}s`;
  if (d.kind === 'bytes') return n < MEBI ? `${n}B` : `${Math.round(n / MEBI)}MiB`;
  return String(n);
}

/** Where a setting's value came from. */
export type Source = 'flag' | 'environment' | 'default' | 'none';

/**
 * @param flags values by setting name, as given on the command line
 * @param env the environment; an empty variable counts as not set
 * @throws UsageError naming every faulty setting, its value (not a secret's) and its bounds
 */
export function resolveSettings(
  flags: Partial<Record<SettingName, string>>,
  env: NodeJS.ProcessEnv,
): { settings: Settings; sources: Record<SettingName, Source> } {
  const settings: Record<string, unknown> = {};
  const sources = {} as Record<SettingName, Source>;
  const faults: string[] = [];
  for (const name of Object.keys(SETTINGS) as SettingName[]) {
    const d: Declaration = SETTINGS[name];
    const fromFlag = flags[name];
    const fromEnv = env[d.env] === '' ? undefined : env[d.env];
    const text = fromFlag ?? fromEnv ?? d.fallback;
    const source: Source =
      fromFlag !== undefined ? 'flag' : fromEnv !== undefined ? 'environment' : text !== undefined ? 'default' : 'none';
    sources[name] = source;
    if (text === undefined) continue;
    try {
      settings[name] = parse(d, text);
    } catch (e) {
      faults.push(
        `${source === 'flag' ? `--${d.flag}` : d.env} ${d.secret ? '' : `"${text}" `}${(e as Error).message}`,
      );
    }
  }
  check(settings as unknown as Settings, faults);
  if (faults.length > 0) throw new UsageError(faults.join('; '), { hint: 'see glossier --help for the settings' });
  return { settings: settings as unknown as Settings, sources };
}

/** Rules between settings. */
function check(s: Settings, faults: string[]): void {
  if ((s.databaseUrl === undefined) !== (s.kafkaBrokers === undefined)) {
    faults.push(
      s.databaseUrl === undefined
        ? 'KAFKA_BROKERS is set and DATABASE_URL is not'
        : 'DATABASE_URL is set and KAFKA_BROKERS is not',
    );
  }
  if (s.topic !== undefined && (!/^[a-zA-Z0-9._-]{1,243}$/.test(s.topic) || s.topic === '.' || s.topic === '..')) {
    faults.push('ORDERS_TOPIC may hold letters, digits, ".", "_" and "-" only, 243 at the most');
  }
  if (s.databaseSchema !== undefined) {
    if (Buffer.byteLength(s.databaseSchema) > 63 || s.databaseSchema.includes('\0'))
      faults.push('DATABASE_SCHEMA is longer than 63 bytes');
    if (/^(pg_.*|information_schema|glossier)$/i.test(s.databaseSchema))
      faults.push(`DATABASE_SCHEMA "${s.databaseSchema}" is not for analysts' tables`);
  }
}
