/** Where the package lies: files that are read as they are, SQL and the page among them, stand beside the compiled program. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Path of a file of the package, by its path from the package's folder. */
export function packageFile(...path: string[]): string {
  return join(ROOT, ...path);
}

const ROOT = findRoot(dirname(fileURLToPath(import.meta.url)));

/** Bundled and not, this file lies at different depths below it. */
function findRoot(dir: string): string {
  if (existsSync(join(dir, 'package.json'))) return dir;
  if (dirname(dir) === dir) throw new Error('the package.json of glossier is not above its program');
  return findRoot(dirname(dir));
}
