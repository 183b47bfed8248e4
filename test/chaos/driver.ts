/**
 * One run: a seed makes a plan (schedule.ts); workers, producers and merges run against servers that are killed, cut off and brought
 * back, while the tables are read, damaged and rebuilt; then everything is healed, drained, and held against the oracle to the last value.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CliEnv } from '../support/cli.js';
import { dropDatabase, freshDatabase, freshName } from '../support/services.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { type Actor, Cast, type Exit } from './actors.js';
import { damageTables, readBeside } from './beside.js';
import { inject, type Scene } from './inject.js';
import { judgeBooks, judgeTables, waitUntilLoaded, within } from './judge.js';
import type { Pool } from './pool.js';
import { makePlan, type Plan } from './schedule.js';
import type { ChaosServers } from './servers.js';

export interface RunResult {
  seed: number;
  problems: string[];
  /** Faults that took effect, and those that found nothing to hit. */
  done: { kind: string; at: number; what: string }[];
  exits: Exit[];
  seconds: number;
  /** Seconds from the healing until all was in the tables. */
  recovery: number;
  logs: string;
}

/** Seconds from the healing within which the workers must have loaded everything. Kafka's black connections take the longest. */
const DRAIN_LIMIT = 120;
/** Seconds within which a command must end when nothing is broken any more. */
const COMMAND_LIMIT = 300;

export async function chaosRun(
  servers: ChaosServers,
  pool: Pool,
  seed: number,
  faults: number,
  say: (line: string) => void,
): Promise<RunResult> {
  const run = new Run(servers, pool, makePlan(seed, faults), say);
  try {
    await run.open();
    await run.breakThings();
    await run.heal();
    await run.check();
  } catch (error) {
    run.problems.push(`the driver: ${error instanceof Error ? error.stack : error}`);
  } finally {
    await run.close();
  }
  return run.result();
}

class Run {
  readonly problems: string[] = [];
  readonly #done: RunResult['done'] = [];
  readonly #cast: Cast;
  readonly #workers = new Map<number, Actor>();
  /** One in front of Postgres for each worker, so that one alone can be cut off. */
  readonly #proxies = new Map<number, TcpProxy>();
  readonly #topic = freshName('chaos');
  readonly #lasting = new Set<Promise<unknown>>();
  readonly #published: string[] = [];
  #url = '';
  readonly #producers = new Set<Actor>();
  /** Asked to stop. */
  readonly #leaving: Actor[] = [];
  readonly #rebuilds = new Set<Actor>();
  /** Rows were damaged on purpose: the tables are right behind the next rebuild alone. */
  #damaged = false;
  #closing = false;
  #recovery = 0;
  #chain: Promise<unknown> = Promise.resolve();
  #slots = 0;
  #healed = false;

  constructor(
    readonly servers: ChaosServers,
    readonly pool: Pool,
    readonly plan: Plan,
    readonly tell: (line: string) => void,
  ) {
    this.#cast = new Cast(join(servers.dir, `logs-${plan.seed}-${Date.now().toString(36)}`), line => this.#say(line));
  }

  #say(line: string): void {
    this.tell(`[${this.#cast.seconds.toFixed(1).padStart(5)}] ${line}`);
  }

  /** Everything is given to the program by the environment. */
  #env(databasePort: number): CliEnv {
    const url = new URL(this.#url);
    url.port = String(databasePort);
    return {
      DATABASE_URL: url.href,
      KAFKA_BROKERS: this.servers.brokers,
      ORDERS_TOPIC: this.#topic,
      KAFKA_GROUP: this.#topic,
      ORDERS_PARTITIONS: String(this.plan.partitions),
      SESSION_TIMEOUT: '6s',
      BATCH_ORDERS: String(this.plan.batchOrders),
      BATCH_WAIT: '100ms',
      MERGE_EVERY: `${this.plan.mergeEvery}ms`,
      LOG_LEVEL: process.env.CHAOS_LOG_LEVEL ?? 'info',
    };
  }

  async open(): Promise<void> {
    const { faults: _, ...plan } = this.plan;
    this.#say(`plan ${JSON.stringify(plan)}`);
    await this.servers.whole();
    this.#url = await freshDatabase(this.servers.databaseUrl);
    await this.servers.query(
      `ALTER DATABASE ${new URL(this.#url).pathname.slice(1)} SET synchronous_commit = ${this.plan.synchronousCommit ? 'on' : 'off'}`,
    );
    for (let n = 0; n < this.plan.workers; n++) await this.#addWorker();
  }

  async #addWorker(): Promise<void> {
    const slot = ++this.#slots;
    this.#proxies.set(slot, await TcpProxy.listen(this.servers.postgresPort));
    this.#startWorker(slot);
  }

  /** Starts it, and starts it again as a supervisor does, until it was asked to stop. */
  #startWorker(slot: number): void {
    const actor = this.#cast.start(`worker ${slot}`, ['consume'], this.#env(this.#proxies.get(slot)!.port));
    this.#workers.set(slot, actor);
    void actor.done.then(async () => {
      if (this.#closing || actor.asked === 'SIGTERM') return;
      await sleep(200);
      if (!this.#closing) this.#startWorker(slot);
    });
  }

  async breakThings(): Promise<void> {
    const started = Date.now();
    this.#chain = Promise.all([this.#publishChain(), this.pool.beside && this.#publish(this.pool.beside)]);
    this.#chain.catch(error => this.problems.push(`publishing: ${error}`));
    const scene = this.#scene();
    for (const fault of this.plan.faults) {
      await sleep(Math.max(0, started + fault.at - Date.now()));
      const lasting = inject(scene, fault).then(
        what => {
          this.#done.push({
            kind: what === '' ? `(nothing to hit) ${fault.kind}` : fault.kind,
            at: fault.at / 1000,
            what,
          });
          this.#say(`${fault.kind}${what === '' ? ': nothing to hit' : what === '-' ? '' : `: ${what}`}`);
        },
        error => this.problems.push(`the fault ${fault.kind}: ${error.stack}`),
      );
      this.#lasting.add(lasting);
      void lasting.then(() => this.#lasting.delete(lasting));
    }
    await Promise.all(this.#lasting);
  }

  /** What the faults may lay hands on. */
  #scene(): Scene {
    return {
      servers: this.servers,
      database: new URL(this.#url).pathname.slice(1),
      workers: this.#workers,
      proxies: this.#proxies,
      producers: this.#producers,
      published: this.#published,
      startMerge: () => this.#cast.start('merge', ['merge'], this.#env(this.servers.postgresPort)),
      startRebuild: port => {
        const rebuild = this.#cast.start('rebuild', ['rebuild'], this.#env(port));
        this.#rebuilds.add(rebuild);
        void rebuild.done.then(() => this.#rebuilds.delete(rebuild));
        return rebuild;
      },
      read: async milliseconds => {
        const { reads, problems } = await readBeside(this.#url, milliseconds, () => !this.#damaged);
        this.problems.push(...problems);
        return reads;
      },
      damage: seed => {
        this.#damaged = true;
        return damageTables(this.servers, this.#url, seed);
      },
      addWorker: async () => {
        await this.#addWorker();
        return `worker ${this.#slots}`;
      },
      removeWorker: (slot, worker) => {
        worker.stop();
        this.#workers.delete(slot);
        this.#leaving.push(worker);
      },
      publishAlso: (drop, ...flags) => {
        this.#chain = Promise.all([this.#chain, this.#publish(drop, ...flags)]);
      },
    };
  }

  async #publishChain(): Promise<void> {
    for (const drop of this.pool.chain) {
      await this.#publish(drop);
      if (!this.#healed) await sleep(this.plan.dropEvery);
    }
  }

  /** Publishes a drop, again and again until it is published whole. */
  async #publish(drop: string, ...flags: string[]): Promise<void> {
    for (let tries = 0; !this.#closing; tries++) {
      const actor = this.#cast.start('producer', ['produce', drop, ...flags], this.#env(this.servers.postgresPort));
      this.#producers.add(actor);
      const { code } = await actor.done;
      this.#producers.delete(actor);
      if (code === 0 || code === 3) break;
      if (tries > 50) throw new Error(`${drop} was not published by 50 producers`);
      await sleep(100);
    }
    this.#published.push(drop);
  }

  /** Everything is whole again: from here on nothing may fail, and all must be loaded in time. */
  async heal(): Promise<void> {
    await this.servers.whole();
    for (const p of [this.servers.kafkaProxy, ...this.#proxies.values()]) p.set('forward');
    for (const worker of this.#workers.values()) if (worker.suspended) worker.wake();
    this.#healed = true;
    this.#say('healed');
    const healed = performance.now();
    await within(20, Promise.all(this.#leaving.map(w => w.done)), 'a worker that was asked to stop');
    await within(COMMAND_LIMIT, this.#chain, 'the producers');
    await within(DRAIN_LIMIT, Promise.all([...this.#rebuilds].map(r => r.done)), 'a rebuild');
    this.problems.push(...(await waitUntilLoaded(this.servers, this.#url, this.#topic, line => this.#say(line))));
    this.#recovery = (performance.now() - healed) / 1000;
    this.#say(`all loaded ${this.#recovery.toFixed(1)} s after the healing`);
  }

  async check(): Promise<void> {
    const env = this.#env(this.servers.postgresPort);
    await this.#command(env, [0, 3], 'consume', '--until-drained');
    this.#closing = true;
    for (const worker of this.#workers.values()) worker.stop();
    await within(20, Promise.all([...this.#workers.values()].map(w => w.done)), 'the stop of the workers');
    await this.#command(env, [0], 'merge');
    // a dry run ends with 4 when it finds anything; either sweeps the copies of those that were killed
    await this.#command(env, [0], 'rebuild', ...(this.#damaged ? [] : ['--dry-run']));
    const left = await this.servers.query("SELECT FROM pg_namespace WHERE nspname = 'glossier_rebuild'", [], this.#url);
    if (left.length > 0) this.problems.push('the copy of a rebuild was left behind');
    const verify = await this.#command(env, [0], 'verify');
    if (verify.code !== 0)
      this.problems.push(
        `verify: ${verify.stdout
          .split('\n')
          .filter(l => !l.startsWith('ok'))
          .join('\n')}`,
      );
    const status = await this.#command(env, [0], 'status', '--json');
    this.problems.push(...judgeBooks(JSON.parse(status.stdout), this.pool.oracle), ...(await judgeTables(this.#url, this.pool.oracle)));
  }

  async #command(env: CliEnv, codes: number[], ...args: string[]) {
    const actor = this.#cast.start(args.join(' '), args, env);
    const result = await within(COMMAND_LIMIT, actor.done, args.join(' '));
    if (!codes.includes(result.code!))
      this.problems.push(`${args.join(' ')}: exit ${result.code}: ${result.stdout.slice(-800)}${result.stderr.slice(-500)}`);
    return result;
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#cast.clear();
    await Promise.all([...this.#proxies.values()].map(p => p.close()));
    for (const exit of this.#cast.exits)
      if (exit.problem !== null) this.problems.push(`${exit.name} at ${exit.at.toFixed(1)} s: ${exit.problem}`);
    if (this.problems.length === 0) await dropDatabase(this.#url, this.servers.databaseUrl).catch(() => {});
    for (const p of this.problems.slice(0, 8)) this.#say(`PROBLEM ${p.slice(0, 600)}`);
    if (this.problems.length > 8) this.#say(`… and ${this.problems.length - 8} more`);
  }

  result(): RunResult {
    return {
      seed: this.plan.seed,
      problems: this.problems,
      done: this.#done,
      exits: this.#cast.exits,
      seconds: this.#cast.seconds,
      recovery: this.#recovery,
      logs: this.#cast.logs,
    };
  }
}
