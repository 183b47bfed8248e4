/** Runs the compiled program as a child process, the way a user does. */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

export interface CliResult {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  seconds: number;
  /** Greatest resident set seen; null where the system does not tell (only Linux does here). */
  maxRssKiB: number | null;
}

export interface RunningCli {
  child: ChildProcess;
  /** Ends when the process has ended. */
  done: Promise<CliResult>;
  /** What it has written so far. */
  output(): { stdout: string; stderr: string };
  /** Waits until a text has been written to either stream. */
  waitFor(text: RegExp, milliseconds?: number): Promise<void>;
  /** Asks it to stop; after `milliseconds` it is killed. */
  stop(signal?: NodeJS.Signals, milliseconds?: number): Promise<CliResult>;
}

export type CliEnv = Record<string, string | undefined>;

export interface CliOptions {
  /** Killed after this long; default four minutes, so that a test that hangs ends by itself. */
  timeout?: number;
  cwd?: string;
  /** Its standard input, to the end; `open` is one that does not end (child.stdin). Default none. */
  input?: Buffer | 'open';
  /** Another one than the program as it was built here. */
  program?: string;
}

const PROGRAM = 'dist/bin/glossier.js';
const builtAt = (file: string) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
if (builtAt(PROGRAM) < builtAt('dist/.tsbuildinfo')) throw new Error('dist/bin is older than what was compiled: npm run build');

/** Starts the program and leaves it running. Settings of this process' environment do not reach it unless given. */
export function startCli(args: readonly string[], env: CliEnv, options: CliOptions = {}): RunningCli {
  const started = performance.now();
  // as a shell starts it: with the flags of its first line
  const child = spawn(path.resolve(options.program ?? PROGRAM), args, {
    cwd: options.cwd ?? process.cwd(),
    // by the Node that runs the test
    env: {
      PATH: `${path.dirname(process.execPath)}${path.delimiter}${process.env.PATH}`,
      HOME: process.env.HOME,
      LANG: process.env.LANG,
      ...env,
    },
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  if (child.stdin !== null) child.stdin.on('error', () => {}); // it may have ended without reading
  if (options.input instanceof Buffer) child.stdin?.end(options.input);
  let stdout = '';
  let stderr = '';
  let maxRssKiB: number | null = null;
  child.stdout!.setEncoding('utf8').on('data', text => (stdout += text));
  child.stderr!.setEncoding('utf8').on('data', text => (stderr += text));
  const watch = setInterval(async () => {
    // the kernel forgets a process' high-water mark when it ends, so it is read as it runs
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
    const peak = /^VmHWM:\s+(\d+) kB/m.exec(status);
    if (peak !== null) maxRssKiB = Math.max(maxRssKiB ?? 0, Number(peak[1]));
  }, 50);
  const limit = setTimeout(() => child.kill('SIGKILL'), options.timeout ?? 240_000);

  const done = new Promise<CliResult>((resolve, reject) => {
    child.on('error', reject);
    // `close` and not `exit`: the streams may still hold the last lines
    child.on('close', (code, signal) => {
      clearInterval(watch);
      clearTimeout(limit);
      keepPrinted(args, env, stdout, stderr);
      resolve({ code, signal, stdout, stderr, seconds: (performance.now() - started) / 1000, maxRssKiB });
    });
  });

  return {
    child,
    done,
    output: () => ({ stdout, stderr }),
    async waitFor(text, milliseconds = 60_000) {
      const until = performance.now() + milliseconds;
      while (!text.test(stdout) && !text.test(stderr)) {
        const ended = child.exitCode !== null || child.signalCode !== null;
        if (ended || performance.now() > until) {
          throw new Error(
            `${text} was not written by glossier ${args.join(' ')} (${ended ? 'it ended' : 'too late'})\n${stdout}\n${stderr}`,
          );
        }
        await new Promise(resolve => setTimeout(resolve, 20));
      }
    },
    async stop(signal = 'SIGTERM', milliseconds = 30_000) {
      const kill = setTimeout(() => child.kill('SIGKILL'), milliseconds);
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      try {
        return await done;
      } finally {
        clearTimeout(kill);
      }
    },
  };
}

/** What a process wrote, for the test that looks through all of it when all others have ended. */
export interface Printed {
  args: readonly string[];
  stdout: string;
  stderr: string;
  /** That it was given. */
  passwords: string[];
}

/** The folder that run.ts keeps what was written in. */
export const PRINTED_DIR = 'GLOSSIER_TEST_PRINTED';

function keepPrinted(args: readonly string[], env: CliEnv, stdout: string, stderr: string): void {
  const dir = process.env[PRINTED_DIR];
  if (dir === undefined) return;
  const passwords = [
    env.PGPASSWORD,
    env.HTTP_TOKEN,
    ...Object.values(env).map(value => /^postgres\w*:\/\/[^:@/]*:([^@/]+)@/.exec(value ?? '')?.[1]),
  ];
  const printed: Printed = { args, stdout, stderr, passwords: passwords.filter(p => p !== undefined) };
  appendFileSync(path.join(dir, `${process.pid}.jsonl`), `${JSON.stringify(printed)}\n`);
}

/** Runs the program to its end. */
export function runCli(args: readonly string[], env: CliEnv, options: CliOptions = {}): Promise<CliResult> {
  return startCli(args, env, options).done;
}

/** A result as the message of a failed assertion. */
export function describe(r: CliResult): string {
  return `exit ${r.code ?? r.signal} after ${r.seconds.toFixed(1)} s\n--- stdout\n${r.stdout.slice(-4000)}\n--- stderr\n${r.stderr.slice(-8000)}`;
}
