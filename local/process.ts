/** Processes that outlive the command: start them detached, know them again by their command line, stop them. */
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { oneLine, ServiceError } from '../shared/errors.js';

/** The user that a server runs as. */
export interface Account {
  uid: number;
  gid: number;
}

export interface LaunchOptions {
  /** Standard output and error go to this file; the one of the start before is kept beside it as `.1`. */
  log: string;
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** Undefined: the user that runs the command. */
  account?: Account;
}

export interface Launched {
  pid: number;
  /** True once it has ended. Nothing waits for that. */
  ended(): boolean;
}

/**
 * Starts a process in its own session, so that neither Ctrl-C nor the end of the command reaches it.
 *
 * @throws ServiceError when the program cannot be run
 */
export async function launch(command: string, args: string[], options: LaunchOptions): Promise<Launched> {
  if (existsSync(options.log)) renameSync(options.log, `${options.log}.1`);
  const fd = openSync(options.log, 'a', 0o600);
  try {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env,
      detached: true,
      stdio: ['ignore', fd, fd],
      ...options.account,
    });
    let ended = false;
    child.once('exit', () => (ended = true));
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.unref();
    return { pid: child.pid!, ended: () => ended };
  } catch (e) {
    throw new ServiceError(`${command} cannot be run: ${oneLine(e)}`, { cause: e });
  } finally {
    closeSync(fd);
  }
}

/**
 * Runs a program to its end.
 *
 * @param onLine told every line of its output
 * @returns exit code and all output (both streams)
 * @throws Error with code ENOENT when there is no such program; AbortError
 */
export function run(
  command: string,
  args: string[],
  options: {
    cwd?: string;
    env?: NodeJS.ProcessEnv;
    account?: Account;
    signal?: AbortSignal;
    onLine?: (line: string) => void;
  } = {},
): Promise<{ code: number | null; output: string }> {
  const { account, onLine, ...rest } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...rest, stdio: ['ignore', 'pipe', 'pipe'], ...account });
    let output = '';
    let line = '';
    const take = (text: string): void => {
      output += text;
      const lines = (line + text).split('\n');
      line = lines.pop()!;
      for (const l of lines) onLine?.(l);
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    child.once('error', reject);
    child.once('close', code => resolve({ code, output }));
  });
}

/** The command line of a process with a space before, between and behind its parts; null when it is gone (or only a zombie is left). */
function commandLine(pid: number): string | null {
  try {
    const text =
      process.platform === 'linux'
        ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trimEnd()
        : execFileSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8', stdio: 'pipe' }).trim();
    return text === '' ? null : ` ${text} `;
  } catch {
    return null;
  }
}

/**
 * True when the process lives and one of its arguments is `mark`.
 *
 * A pid alone says little: after a crash or a reboot it may belong to anybody.
 */
export function isOurs(pid: number | null | undefined, mark: string): pid is number {
  return typeof pid === 'number' && (commandLine(pid)?.includes(` ${mark} `) ?? false);
}

export type Stopped = 'stopped' | 'killed' | 'not running';

/**
 * Asks a process of ours to end, and ends it by SIGKILL when it has not within `graceMs` milliseconds.
 *
 * @returns `killed` when it took SIGKILL
 */
export async function terminate(pid: number | null, mark: string, signal: NodeJS.Signals, graceMs: number): Promise<Stopped> {
  if (!isOurs(pid, mark)) return 'not running';
  let result: Stopped = 'stopped';
  kill(pid, signal);
  const deadline = Date.now() + graceMs;
  while (isOurs(pid, mark)) {
    if (Date.now() > deadline && result === 'stopped') {
      result = 'killed';
      kill(pid, 'SIGKILL');
    }
    await sleep(15);
  }
  await untilGone(pid);
  return result;
}

/**
 * Waits, two seconds at the most, for the end of a process that has lost its command line: for a moment it still holds its ports and
 * locks. A process that is somebody else's is not waited for, nor is a zombie that nobody collects.
 */
export async function untilGone(pid: number): Promise<void> {
  for (const deadline = Date.now() + 2000; isEnding(pid) && Date.now() < deadline; ) await sleep(10);
}

function isEnding(pid: number): boolean {
  if (process.platform !== 'linux' || commandLine(pid) !== null) return false;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const isZombie = stat[stat.lastIndexOf(')') + 2] === 'Z';
    // The first thread may be a zombie while others still end.
    return !isZombie || readdirSync(`/proc/${pid}/task`).length > 1;
  } catch {
    return false;
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (e) {
    // Gone between the look and the signal: that is what was wanted.
    if ((e as NodeJS.ErrnoException).code !== 'ESRCH') throw e;
  }
}

/**
 * A port of 127.0.0.1 that nobody listens on just now.
 *
 * It lies below the range that Linux and macOS take for outgoing connections: in there a client that tries again and again to reach
 * a stopped server can be given the server's own port, connects to itself, and the server cannot come back.
 *
 * @param preferred taken when it is free
 */
export async function freePort(preferred?: number): Promise<number> {
  for (let port = preferred ?? anyPort(); ; port = anyPort()) if (await isFree(port)) return port;
}

function anyPort(): number {
  return 15_000 + Math.floor(Math.random() * 17_000);
}

export function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** The end of a log file, for an error message and for what it says of a failed start; empty when there is none. */
export function tail(file: string, bytes = 8192): string {
  try {
    return readFileSync(file).subarray(-bytes).toString('utf8');
  } catch {
    return '';
  }
}
