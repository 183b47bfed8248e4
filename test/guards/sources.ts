/** The project's own files as text, for guards that read rather than run. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from '../support/services.js';

/** Folders of the program itself. */
export const ROOMS = ['shared', 'producer', 'consumer', 'cli', 'local'];

export interface Source {
  /** From the top, with slashes. */
  path: string;
  text: string;
}

/** TypeScript files below these folders. */
export function sources(...folders: string[]): Source[] {
  return folders.flatMap(folder =>
    readdirSync(join(REPOSITORY, folder), { recursive: true, encoding: 'utf8' })
      .map(name => `${folder}/${name.replaceAll('\\', '/')}`)
      .filter(path => path.endsWith('.ts'))
      .sort()
      .map(path => ({ path, text: read(path) })),
  );
}

/** Every file that git holds or would take, or all that is there where this is no checkout. */
export function allFiles(): string[] {
  try {
    const list = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      cwd: REPOSITORY,
      encoding: 'utf8',
      stdio: 'pipe',
    });
    return list.split('\0').filter(f => f !== '' && existsSync(join(REPOSITORY, f)));
  } catch {
    const own = [...ROOMS, 'test'].flatMap(folder =>
      readdirSync(join(REPOSITORY, folder), { recursive: true, withFileTypes: true })
        .filter(e => e.isFile())
        .map(e => join(e.parentPath, e.name).slice(REPOSITORY.length)),
    );
    return [
      ...own,
      ...readdirSync(REPOSITORY, { withFileTypes: true })
        .filter(e => e.isFile())
        .map(e => e.name),
    ];
  }
}

export function read(path: string): string {
  return readFileSync(join(REPOSITORY, path), 'utf8');
}

/** The text without comments; strings that hold `//` behind a blank would lose their end, so none should. */
export function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
}

/** What a file imports, with or without `await`, types too. */
export function imports(text: string): string[] {
  const code = withoutComments(text);
  const still = code.matchAll(/^(?:import|export)\b(?:[^;'"=(]*?\bfrom)?\s*['"]([^'"]+)['"]/gm);
  const late = code.matchAll(/\bimport\(\s*['"]([^'"]+)['"]\s*\)/g);
  return [...still, ...late].map(m => m[1]);
}

/** Names of the tests that a file declares by `test(`. */
export function testNames(text: string): string[] {
  return [...text.matchAll(/^\s*(?:await )?test\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/gm)].map(m => m[2].replace(/\\(['"`\\])/g, '$1'));
}
