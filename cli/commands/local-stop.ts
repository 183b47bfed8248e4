/** glossier local stop */
import { stopLocal } from '../../local/local.js';
import { type CommandRun, EXIT } from '../context.js';

export const run: CommandRun = async context => {
  const stopped = await stopLocal({ dir: context.settings.localDir, signal: context.signal });
  for (const [name, how] of Object.entries(stopped)) context.print(`${name.padEnd(9)} ${how}`);
  return EXIT.ok;
};
