/** The processes of a run: each is the real program; every end of one is recorded and judged. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CliEnv, type CliResult, type RunningCli, startCli } from '../support/cli.js';

export interface Exit {
  name: string;
  /** Seconds from the start of the run. */
  at: number;
  /** Exit code or signal. */
  how: string;
  /** What the driver had done to it. */
  asked: 'nothing' | 'SIGKILL' | 'SIGTERM';
  /** Its last word on standard error. */
  said: string;
  /** Null where the design calls for this end. */
  problem: string | null;
}

/** Seconds that a stop may take: the deadline and its grace. */
const STOP_LIMIT = 13;

export class Actor {
  asked: Exit['asked'] = 'nothing';
  suspended = false;
  #askedAt = 0;
  readonly #cli: RunningCli;
  readonly done: Promise<CliResult>;

  constructor(
    readonly name: string,
    readonly args: readonly string[],
    env: CliEnv,
    cast: Cast,
  ) {
    this.#cli = startCli(args, env, { timeout: 900_000 });
    this.done = this.#cli.done.then(result => {
      cast.ended(this, result, this.asked === 'SIGTERM' ? (performance.now() - this.#askedAt) / 1000 : 0);
      return result;
    });
  }

  get alive(): boolean {
    return this.#cli.child.exitCode === null && this.#cli.child.signalCode === null;
  }

  get pid(): number {
    return this.#cli.child.pid!;
  }

  output(): string {
    return this.#cli.output().stderr;
  }

  kill(): void {
    if (!this.alive) return;
    this.asked = 'SIGKILL';
    this.#cli.child.kill('SIGKILL');
  }

  stop(): void {
    if (!this.alive || this.asked === 'SIGKILL') return;
    this.asked = 'SIGTERM';
    this.#askedAt = performance.now();
    this.#cli.child.kill('SIGTERM');
  }

  suspend(): void {
    this.suspended = true;
    this.#cli.child.kill('SIGSTOP');
  }

  wake(): void {
    this.suspended = false;
    this.#cli.child.kill('SIGCONT');
  }
}

/** Every process of every run that is alive, so that an interrupted driver leaves none behind. */
const alive = new Set<Actor>();

export function killAll(): void {
  for (const actor of alive) actor.kill();
}

/** All processes of a run, their logs and their ends. */
export class Cast {
  readonly exits: Exit[] = [];
  readonly #actors = new Set<Actor>();
  readonly #start = performance.now();
  #number = 0;

  constructor(
    readonly logs: string,
    readonly say: (line: string) => void,
  ) {
    mkdirSync(logs, { recursive: true });
  }

  get seconds(): number {
    return (performance.now() - this.#start) / 1000;
  }

  /** @param role as in `worker 2` */
  start(role: string, args: readonly string[], env: CliEnv): Actor {
    const actor = new Actor(`${role} #${++this.#number}`, args, env, this);
    this.#actors.add(actor);
    alive.add(actor);
    return actor;
  }

  ended(actor: Actor, r: CliResult, stopTook: number): void {
    this.#actors.delete(actor);
    alive.delete(actor);
    writeFileSync(
      join(this.logs, `${actor.name.replaceAll(/\W+/g, '-')}.log`),
      `glossier ${actor.args.join(' ')}\n${r.stderr}\n--- stdout\n${r.stdout}\n--- exit ${r.code ?? r.signal} at ${this.seconds.toFixed(1)} s, asked: ${actor.asked}\n`,
    );
    const said = r.stderr.trim().split('\n').at(-1) ?? '';
    const exit: Exit = {
      name: actor.name,
      at: this.seconds,
      how: String(r.code ?? r.signal),
      asked: actor.asked,
      said: said.slice(0, 300),
      problem: judge(actor, r, stopTook),
    };
    this.exits.push(exit);
    if (actor.asked === 'nothing' && r.code !== 0 && r.code !== 3)
      this.say(`${actor.name} ended by itself with ${exit.how}: ${said.slice(0, 200)}`);
    if (exit.problem !== null) this.say(`PROBLEM ${actor.name}: ${exit.problem}`);
  }

  /** Writes the logs of what still runs, and kills it. */
  async clear(): Promise<void> {
    const left = [...this.#actors];
    for (const actor of left) {
      if (actor.suspended) actor.wake();
      actor.kill();
    }
    await Promise.all(left.map(a => a.done));
  }
}

const STACK = /^\s+at .+:\d+:\d+\)?$|Unhandled|triggerUncaught|uncaughtException/m;

function judge(actor: Actor, r: CliResult, stopTook: number): string | null {
  const last = r.stderr.trim().split('\n').at(-1) ?? '';
  if (STACK.test(r.stderr)) return `a stack trace: ${STACK.exec(r.stderr)![0].trim()}`;
  if (actor.asked === 'SIGKILL' && r.signal === 'SIGKILL') return null;
  if (actor.asked === 'SIGTERM' && r.signal === 'SIGTERM' && r.stderr === '') return null; // before it could listen
  if (r.signal !== null) return `it died of ${r.signal}`;
  if (stopTook > STOP_LIMIT) return `its stop took ${stopTook.toFixed(1)} s`;
  const forEver = actor.args[0] === 'consume' && actor.args.length === 1;
  if (r.code === 0) return forEver && actor.asked === 'nothing' ? 'a worker ended without being asked' : null;
  if (r.code === 3) return forEver ? 'a worker ended with 3' : null;
  // merge asks Postgres once and says so when it is away; the others wait
  if (r.code === 1 && actor.args[0] === 'merge' && last.startsWith('glossier: ')) return null;
  if (r.code === 1 && actor.args[0] === 'rebuild' && last.includes('another rebuild of this database is running')) return null;
  return `exit ${r.code}: ${last.slice(0, 300)}`;
}
