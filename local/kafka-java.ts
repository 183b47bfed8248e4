/** The Java that runs Kafka: which one, with what arguments. */
import { randomBytes } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { ServiceError } from '../shared/errors.js';
import { run } from './process.js';

/** End of every hint. */
export const OTHERWISE = 'or set KAFKA_BROKERS and DATABASE_URL';
const OLDEST_JAVA = 17;
/**
 * Bounded, and quick to start: one compiler tier and the serial collector halve the work of the first seconds, and a broker that
 * hands on bytes gains little from the second tier.
 */
const JVM =
  '-Xms96m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData -XX:+ExitOnOutOfMemoryError -Xlog:disable -Xlog:all=error:stderr -Djava.awt.headless=true'.split(
    ' ',
  );

export interface Java {
  command: string;
  /** As in `17.0.15`. */
  version: string;
}

/**
 * Finds Java: JAVA_HOME's, or the one of the path.
 *
 * @throws ServiceError when there is none, or it is older than 17
 */
export async function findJava(): Promise<Java> {
  const hint = `install it (Debian: apt-get install openjdk-17-jre-headless) ${OTHERWISE}`;
  const command = process.env.JAVA_HOME ? join(process.env.JAVA_HOME, 'bin', 'java') : 'java';
  let output: string;
  try {
    ({ output } = await run(command, ['-version']));
  } catch (e) {
    throw new ServiceError(`Java ${OLDEST_JAVA} is not installed`, { hint, cause: e });
  }
  const version = /version "([^"]+)"/.exec(output)?.[1] ?? '';
  // Java 8 says 1.8.
  const major = Number.parseInt(version.replace(/^1\./, ''), 10);
  if (!(major >= OLDEST_JAVA))
    throw new ServiceError(`Java ${version || '(of unknown version)'} is too old, Kafka needs ${OLDEST_JAVA}`, {
      hint,
    });
  return { command, version };
}

/** Everything before the main class, but for the class archive. `mark` is passed through, to know the process by. */
export function javaArguments(mark: string, libDir: string): string[] {
  return [...JVM, mark, '-Dlog4j2.configurationFile=log4j2.properties', '-cp', join(realpathSync(libDir), '*')];
}

/**
 * Java's archive of loaded classes (CDS) takes two of the four seconds of a start. The first Kafka on these jars writes one when it
 * is stopped; those after it start from that. Java itself checks that jars and version fit and goes on without it otherwise.
 *
 * @returns the argument for Java, and the file that is being written if any
 */
export function sharedClasses(java: Java, libDir: string): [argument: string, archive: string | undefined] {
  const whole = join(realpathSync(libDir), `classes-${java.version}.jsa`);
  if (existsSync(whole)) return [`-XX:SharedArchiveFile=${whole}`, undefined];
  const part = `${whole}.${randomBytes(4).toString('hex')}.part`;
  return [`-XX:ArchiveClassesAtExit=${part}`, part];
}

/** The properties file is Latin-1 and arguments follow the locale; so paths in them are relative and the locale is given. */
export function javaEnvironment(): NodeJS.ProcessEnv {
  return {
    ...process.env,
    LC_ALL: 'C.UTF-8',
    KAFKA_OPTS: undefined,
    JAVA_TOOL_OPTIONS: undefined,
    CLASSPATH: undefined,
  };
}
