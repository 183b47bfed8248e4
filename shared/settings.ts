/**
 * Settings, each declared once: flag, environment variable, default, bounds and help. Flags win over the environment, the
 * environment over defaults. All faults are reported together.
 */
import { UsageError } from './errors.js';
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
      faults.push(`${source === 'flag' ? `--${d.flag}` : d.env} ${d.secret ? '' : `"${text}" `}${(e as Error).message}`);
    }
  }
  check(settings as unknown as Settings, faults);
  if (faults.length > 0) throw new UsageError(faults.join('; '), { hint: 'see glossier --help for the settings' });
  return { settings: settings as unknown as Settings, sources };
}

/** Rules between settings. */
function check(s: Settings, faults: string[]): void {
  if (s.databaseUrl !== undefined && !/^postgres(ql)?:\/\/./.test(s.databaseUrl)) {
    faults.push('DATABASE_URL is not a URL like postgres://user:password@host:5432/database');
  }
  if (s.topic !== undefined && (!/^[a-zA-Z0-9._-]{1,243}$/.test(s.topic) || s.topic === '.' || s.topic === '..')) {
    faults.push('ORDERS_TOPIC may hold letters, digits, ".", "_" and "-" only, 243 at the most');
  }
  if (s.databaseSchema !== undefined) {
    if (Buffer.byteLength(s.databaseSchema) > 63 || s.databaseSchema.includes('\0')) faults.push('DATABASE_SCHEMA is longer than 63 bytes');
    if (/^(pg_.*|information_schema|glossier)$/i.test(s.databaseSchema))
      faults.push(`DATABASE_SCHEMA "${s.databaseSchema}" is not for analysts' tables`);
  }
}
