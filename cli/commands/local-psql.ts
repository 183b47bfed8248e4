/** glossier local psql: opens psql on the local database where there is one, else prints the URL. */
import { spawnSync } from 'node:child_process';
import { quote } from '../../consumer/schema/tables.js';
import { startLocal } from '../../local/local.js';
import { type CommandRun, EXIT } from '../context.js';

export const run: CommandRun = async context => {
  const { databaseUrl } = await startLocal({
    dir: context.settings.localDir,
    only: 'postgres',
    onStep: t => context.display.line(t),
    signal: context.signal,
  });
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    context.print(databaseUrl);
    return EXIT.ok;
  }
  // by the environment, as a URL on the command line would show the password to every user of the machine
  const url = new URL(databaseUrl);
  const { error, status } = spawnSync('psql', ['-X'], {
    stdio: 'inherit',
    env: {
      ...process.env,
      PGHOST: url.hostname,
      PGPORT: url.port,
      PGUSER: decodeURIComponent(url.username),
      PGPASSWORD: decodeURIComponent(url.password),
      PGDATABASE: url.pathname.slice(1),
      PGOPTIONS: searchPath(context.settings.databaseSchema),
    },
  });
  if (error !== undefined) context.print(databaseUrl);
  return status === 0 || error !== undefined ? EXIT.ok : EXIT.failed;
};

/** Unqualified names mean the analysts' tables, in whatever schema they are. Spaces and backslashes end an option unless escaped. */
function searchPath(schema: string): string {
  return `-c search_path=${`${quote(schema)},public`.replace(/[\\\s]/g, '\\$&')}`;
}
