/** glossier settings [--json] */
import { table, trimLines } from '../../consumer/status/text-table.js';
import { withoutPassword } from '../../shared/postgres-url.js';
import { printable } from '../../shared/printable.js';
import { type Declaration, SETTINGS, type SettingName, type Source } from '../../shared/settings.js';
import { type CommandRun, type Context, EXIT } from '../context.js';

const HIDDEN = '***';

/** Connects to nothing: what stands here is what the other commands would use. */
export const run: CommandRun = async context => {
  const settings = (Object.keys(SETTINGS) as SettingName[]).map(name => entry(context, name));
  const postgres = Object.fromEntries(
    Object.entries(context.postgres).map(([name, p]) => [name, { ...p, value: name === 'password' ? HIDDEN : p.value }]),
  );
  if (context.options.json === true) {
    context.print(JSON.stringify({ settings, postgres }, null, 2));
    return EXIT.ok;
  }
  const all = table(['setting', 'value', 'from']);
  for (const s of settings) all.push([s.env, printable(s.value ?? '-'), s.source === 'file' ? `${s.env}_FILE` : WORDS[s.source]]);
  const parts = table(['Postgres', 'value', 'from']);
  for (const [name, p] of Object.entries(postgres)) parts.push([name, printable(p.value), p.from]);
  if (parts.length > 0 && context.postgres.password === undefined) parts.push(['password', '-', 'the password file, if the server asks']);
  context.print(trimLines(parts.length > 0 ? `${all.toString()}\n\n${parts.toString()}` : all.toString()));
  return EXIT.ok;
};

const WORDS: Record<Source, string> = {
  flag: 'flag',
  environment: 'environment',
  file: 'file',
  libpq: 'PGHOST and its like',
  default: 'default',
  none: 'not set',
};

interface Entry {
  setting: string;
  env: string;
  flag: string;
  value: string | null;
  source: Source;
}

function entry({ texts, sources, settings }: Context, name: SettingName): Entry {
  const d: Declaration = SETTINGS[name];
  const text =
    name === 'databaseUrl' ? settings.databaseUrl && withoutPassword(settings.databaseUrl) : d.secret && texts[name] ? HIDDEN : texts[name];
  return { setting: name, env: d.env, flag: `--${d.flag}`, value: text ?? null, source: sources[name] };
}
