/**
 * Settings, each declared once: flag, environment variable, default, bounds and help. Flags win over the environment, the
 * environment over defaults. All faults are reported together.
 */
import { readFileSync } from 'node:fs';
import { errorCode, oneLine, UsageError } from './errors.js';
import { listenFaults } from './listen-address.js';
import { namesPostgres, type PostgresParts, postgresAddress } from './postgres-url.js';
import { isOneLine } from './printable.js';
import { type Declaration, MEBI, SETTINGS } from './setting-list.js';

export { type Declaration, SETTINGS } from './setting-list.js';

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
        throw new Error(d.kind === 'integer' ? 'is not a whole number' : `is not a number with a unit (like ${d.fallback})`);
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

/** Where a setting's value came from. `file`: the environment named the file that holds it. `libpq`: PGHOST and its like. */
export type Source = 'flag' | 'environment' | 'file' | 'libpq' | 'default' | 'none';

export interface Resolved {
  settings: Settings;
  sources: Record<SettingName, Source>;
  /** As it was given, by setting; a secret too. */
  texts: Partial<Record<SettingName, string>>;
  /** Every part of the address of Postgres, where one is set, and who said it. */
  postgres: PostgresParts;
}

/**
 * @param flags values by setting name, as given on the command line
 * @param env the environment; an empty variable counts as not set
 * @throws UsageError naming every faulty setting, its value (not a secret's) and its bounds
 */
export function resolveSettings(flags: Partial<Record<SettingName, string>>, env: NodeJS.ProcessEnv): Resolved {
  const settings: Record<string, unknown> = {};
  const resolved: Resolved = { settings: settings as unknown as Settings, sources: {} as Resolved['sources'], texts: {}, postgres: {} };
  const faults: string[] = [];
  for (const name of Object.keys(SETTINGS) as SettingName[]) {
    const d: Declaration = SETTINGS[name];
    try {
      const [source, text] = look(d, flags[name], env);
      resolved.sources[name] = source;
      if (text === undefined) continue;
      resolved.texts[name] = text;
      try {
        settings[name] = parse(d, text);
      } catch (e) {
        throw new Error(`${source === 'flag' ? `--${d.flag}` : d.env} ${d.secret ? '' : `"${text}" `}${(e as Error).message}`);
      }
    } catch (e) {
      faults.push((e as Error).message);
    }
  }
  completePostgres(resolved, env, faults);
  check(resolved.settings, faults);
  if (faults.length > 0) throw new UsageError(faults.join('; '), { hint: 'see glossier --help for the settings' });
  return resolved;
}

/** Of a secret the environment may name a file instead: containers are handed secrets as files, and a file is in no list of processes. */
function look(d: Declaration, flag: string | undefined, env: NodeJS.ProcessEnv): [Source, string | undefined] {
  const given = env[d.env] || undefined;
  const file = (d.secret && env[`${d.env}_FILE`]) || undefined;
  if (flag !== undefined) return ['flag', flag];
  if (given !== undefined && file !== undefined) throw new Error(`${d.env} and ${d.env}_FILE are both set`);
  if (given !== undefined) return ['environment', given];
  if (file === undefined) return d.fallback === undefined ? ['none', undefined] : ['default', d.fallback];
  let text: string;
  try {
    text = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (e) {
    throw new Error(`${d.env}_FILE: ${file} cannot be read (${errorCode(e)})`);
  }
  if (/[\r\n]/.test(text)) throw new Error(`${d.env}_FILE: ${file} has more than one line`);
  return ['file', text];
}

/** Postgres is that of DATABASE_URL, or, beside a Kafka of one's own, the one that libpq's variables name; what is missing is filled in. */
function completePostgres(resolved: Resolved, env: NodeJS.ProcessEnv, faults: string[]): void {
  const { settings, sources } = resolved;
  if (settings.databaseUrl === undefined) {
    if (sources.databaseUrl !== 'none' || settings.kafkaBrokers === undefined || !namesPostgres(env)) return;
    sources.databaseUrl = 'libpq';
  }
  try {
    const { url, parts } = postgresAddress(settings.databaseUrl ?? 'postgres://', env);
    settings.databaseUrl = url;
    resolved.postgres = parts;
  } catch (e) {
    faults.push(
      `${sources.databaseUrl === 'flag' ? '--database-url' : sources.databaseUrl === 'libpq' ? 'Postgres by PGHOST and its like:' : 'DATABASE_URL'} ${oneLine(e)}`,
    );
  }
}

/** Rules between settings. */
function check(s: Settings, faults: string[]): void {
  if (s.topic !== undefined && (!/^[a-zA-Z0-9._-]{1,243}$/.test(s.topic) || s.topic === '.' || s.topic === '..')) {
    faults.push('ORDERS_TOPIC may hold letters, digits, ".", "_" and "-" only, 243 at the most');
  }
  for (const broker of s.kafkaBrokers ?? []) {
    // not shown: a password may stand before an @
    if (!/^(\[[0-9a-f:.]+\]|[^\s:@/[\]]+):\d{1,5}$/i.test(broker))
      faults.push('KAFKA_BROKERS: each broker is host:port, with commas between');
  }
  if (s.http !== undefined) faults.push(...listenFaults(s.http, s.httpToken));
  if (s.databaseSchema !== undefined) {
    if (Buffer.byteLength(s.databaseSchema) > 63) faults.push('DATABASE_SCHEMA is longer than 63 bytes');
    const own = ['glossier', s.ownSchema ?? ''].flatMap(name => [name, `${name}_rebuild`, `${name}_rebuild_shape`]);
    if (/^(pg_.*|information_schema)$/i.test(s.databaseSchema) || own.includes(s.databaseSchema.toLowerCase()))
      faults.push(`DATABASE_SCHEMA "${s.databaseSchema}" is not for analysts' tables`);
    if (!isOneLine(s.databaseSchema)) faults.push('DATABASE_SCHEMA holds a control character');
  }
  // so it needs no quotes, is told from the analysts' schemas, and is not the copy that a rebuild of another deployment makes
  if (s.ownSchema !== undefined && (!/^glossier[a-z0-9_]{0,32}$/.test(s.ownSchema) || /_rebuild(_shape)?$/.test(s.ownSchema)))
    faults.push('OWN_SCHEMA is glossier, or begins with that: letters a to z, digits and "_", 40 at the most, and no _rebuild at its end');
  if (s.kafkaGroup !== undefined) {
    if (s.kafkaGroup.length > 255) faults.push('KAFKA_GROUP is longer than 255 characters');
    if (!isOneLine(s.kafkaGroup)) faults.push('KAFKA_GROUP holds a control character');
  }
}
