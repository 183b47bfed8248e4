/** glossier local status [--json] */
import { localStatus } from '../../local/local.js';
import { type CommandRun, EXIT } from '../context.js';

export const run: CommandRun = async context => {
  const status = await localStatus({ dir: context.settings.localDir });
  if (context.options.json === true) {
    context.print(JSON.stringify(status, null, 2));
    return EXIT.ok;
  }
  for (const [name, s] of Object.entries(status)) {
    context.print(s.running ? `${name.padEnd(9)} runs as process ${s.pid}, ${s.endpoint}` : `${name.padEnd(9)} is not running`);
  }
  return EXIT.ok;
};
