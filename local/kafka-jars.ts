/** Kafka's jars, fetched once by Maven. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { errorCode, oneLine, ServiceError, throwIfAborted } from '../shared/errors.js';
import { packageFile } from '../shared/package-root.js';
import { OTHERWISE } from './kafka-java.js';
import { withLock } from './lock.js';
import { run } from './process.js';

const POM = packageFile('local', 'pom.xml');

/**
 * Fetches the jars of pom.xml into `libDir`, unless they are there.
 *
 * They are fetched beside it and moved into place, with a marker that holds the hash of pom.xml: an interrupted fetch is done again,
 * and so is one of another Kafka.
 *
 * @throws ServiceError when Maven is missing or fails; InterruptedError
 */
export async function fetchJars(libDir: string, onStep: (text: string) => void, signal?: AbortSignal): Promise<void> {
  const wanted = createHash('sha256').update(readFileSync(POM)).digest('hex');
  const marker = join(libDir, 'complete');
  const isThere = (): boolean => existsSync(marker) && readFileSync(marker, 'utf8') === wanted;
  if (isThere()) return;
  mkdirSync(dirname(libDir), { recursive: true });
  await withLock(`${libDir}.lock`, { signal }, async () => {
    if (isThere()) return;
    onStep('Fetching Kafka with Maven (once; about 45 MB)…');
    for (const name of readdirSync(dirname(libDir))) {
      if (name.startsWith(`${basename(libDir)}.part-`)) rmSync(join(dirname(libDir), name), { recursive: true });
    }
    // A name of its own, because the Maven of a killed command works on for a while.
    const part = `${libDir}.part-${process.pid}`;
    await runMaven(part, `${libDir}.maven.log`, onStep, signal);
    writeFileSync(join(part, 'complete'), wanted);
    rmSync(libDir, { recursive: true, force: true });
    renameSync(part, libDir);
  });
}

async function runMaven(outputDirectory: string, log: string, onStep: (text: string) => void, signal?: AbortSignal): Promise<void> {
  let megabytes = 0;
  let told = Date.now();
  const onLine = (line: string): void => {
    const size = /^(?:\[INFO\] )?Downloaded from .*\(([\d.]+) (k|M)B/.exec(line);
    if (size) megabytes += Number(size[1]) / (size[2] === 'k' ? 1000 : 1);
    if (!size || Date.now() - told < 2000) return;
    told = Date.now();
    onStep(`Fetching Kafka with Maven: ${Math.round(megabytes)} MB so far…`);
  };
  const args = ['-B', '-f', POM, 'dependency:copy-dependencies', `-DoutputDirectory=${outputDirectory}`, '-DincludeScope=runtime'];
  try {
    const { code, output } = await run('mvn', args, { signal, onLine });
    writeFileSync(log, output);
    if (code === 0) return;
    const reason = /^\[ERROR\] (.+)$/m.exec(output)?.[1] ?? `exit code ${code}`;
    throw new ServiceError(`Maven could not fetch Kafka: ${oneLine(reason)}`, {
      hint: `see ${log}, and try again; ${OTHERWISE.slice(3)} to do without`,
    });
  } catch (e) {
    throwIfAborted(signal, 'fetching Kafka');
    if (errorCode(e) !== 'ENOENT') throw e;
    throw new ServiceError('Maven is not installed', {
      hint: `install it (Debian: apt-get install maven) ${OTHERWISE}`,
      cause: e,
    });
  }
}
