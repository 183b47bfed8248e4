/** Does one fault of a plan to whatever there is to be hit. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TcpProxy } from '../support/tcp-proxy.js';
import type { Actor } from './actors.js';
import type { Fault } from './schedule.js';
import type { ChaosServers } from './servers.js';

/** What a fault may lay hands on. */
export interface Scene {
  servers: ChaosServers;
  /** Name of the database. */
  database: string;
  /** By slot. */
  workers: ReadonlyMap<number, Actor>;
  /** In front of Postgres, by the worker's slot. */
  proxies: ReadonlyMap<number, TcpProxy>;
  producers: ReadonlySet<Actor>;
  /** Drops that are published whole. */
  published: readonly string[];
  startMerge(): Actor;
  /** @param port by which it comes to Postgres */
  startRebuild(port: number): Actor;
  /** Reads the tables for a while. @returns how often */
  read(milliseconds: number): Promise<number>;
  /** Damages the analysts' tables. @returns what was done */
  damage(seed: number): Promise<string>;
  /** @returns its name */
  addWorker(): Promise<string>;
  /** Asks it to stop, for good. */
  removeWorker(slot: number, worker: Actor): void;
  publishAlso(drop: string, ...flags: string[]): void;
}

const MOST_WORKERS = 5;

/** @returns what was hit; '' when nothing was there to be hit, '-' when there is nothing to say */
export async function inject(scene: Scene, { kind, lasts, pick, way }: Fault): Promise<string> {
  const { servers } = scene;
  const workers = [...scene.workers].filter(([, a]) => a.alive && !a.suspended && a.asked === 'nothing');
  const [slot, worker] = workers[Math.floor(pick * workers.length)] ?? [0, null];
  const choose = <T>(from: readonly T[], p = pick): T | undefined => from[Math.floor(p * from.length)];
  const proxies = [...scene.proxies.values()];
  const somePostgres = way < 0.5 ? proxies : proxies.filter((_, i) => i === Math.floor(pick * proxies.length));
  const whose = way < 0.5 ? 'all workers' : 'one worker';
  switch (kind) {
    case 'kill -9 producer': {
      // one that has just started is given some time to publish a part
      for (let n = 0; n < 30 && scene.producers.size === 0; n++) await sleep(100);
      const victim = choose([...scene.producers]);
      await sleep(lasts);
      if (!victim?.alive) return '';
      victim.kill();
      return victim.name;
    }
    case 'kill -9 worker':
      worker?.kill();
      return worker?.name ?? '';
    case 'kill -9 merge': {
      const merge = scene.startMerge();
      await sleep(lasts);
      if (!merge.alive) return '';
      merge.kill();
      return merge.name;
    }
    case 'merge beside': {
      const merge = scene.startMerge();
      void merge.done;
      return merge.name;
    }
    case 'rebuild beside':
    case 'kill -9 rebuild': {
      const rebuild = scene.startRebuild(choose(proxies)!.port);
      if (kind === 'rebuild beside') return rebuild.name;
      await sleep(lasts);
      if (!rebuild.alive) return '';
      rebuild.kill();
      return `${rebuild.name} after ${lasts} ms`;
    }
    case 'reads':
      return `${await scene.read(lasts)} time(s)`;
    case 'damage tables':
      return scene.damage(Math.floor(way * 1e9));
    case 'kill -9 broker':
      await servers.killKafka(lasts);
      return `down ${lasts} ms`;
    case 'kill -9 postgres':
      await servers.killPostgres(lasts, way < 0.5 ? 'SIGKILL' : 'SIGQUIT');
      return `${way < 0.5 ? 'SIGKILL' : 'SIGQUIT'}, down ${lasts} ms`;
    case 'terminate backend': {
      const rows = await servers
        .query(
          `SELECT pid, application_name AS name FROM pg_stat_activity WHERE application_name LIKE 'glossier %' AND datname = $1 ORDER BY pid`,
          [scene.database],
        )
        .catch(() => []);
      const victim = choose(rows);
      if (victim === undefined) return '';
      await servers.query('SELECT pg_terminate_backend($1)', [victim.pid]).catch(() => {});
      return victim.name;
    }
    case 'suspend worker':
      if (worker === null) return '';
      worker.suspend();
      await sleep(lasts);
      if (worker.alive) worker.wake();
      return `${worker.name} for ${lasts} ms`;
    case 'cut kafka':
      return `${servers.kafkaProxy.cut(pick)} connection(s)`;
    case 'cut postgres':
      return `${proxies.reduce((n, p) => n + p.cut(pick), 0)} connection(s)`;
    case 'delay kafka':
      return slow([servers.kafkaProxy], lasts, 20 + way * 300);
    case 'delay postgres':
      return slow(proxies, lasts, 20 + way * 150);
    case 'hold kafka':
      return during([servers.kafkaProxy], 'hold', lasts, 'all');
    case 'swallow kafka':
      return during([servers.kafkaProxy], 'swallow', lasts, 'all');
    case 'hold postgres':
      return during(somePostgres, 'hold', lasts, whose);
    case 'swallow postgres': {
      const what = await during(somePostgres, 'swallow', lasts, whose);
      // an answer of Postgres is waited for a minute, too long for this run: its own test waits for it
      for (const p of somePostgres) p.cutLost();
      return what;
    }
    case 'add worker':
      if (workers.length >= MOST_WORKERS) return '';
      return scene.addWorker();
    case 'remove worker':
      if (worker === null || workers.length === 1) return '';
      scene.removeWorker(slot, worker);
      return worker.name;
    case 'drop again': {
      const drop = choose(scene.published);
      if (drop === undefined) return '';
      const flags = way < 0.5 ? ['--again'] : [];
      scene.publishAlso(drop, ...flags);
      return `${drop.replace(/.*\//, '')} ${flags.join()}`;
    }
  }
}

async function slow(proxies: TcpProxy[], lasts: number, by: number): Promise<string> {
  for (const p of proxies) p.delay = by;
  await sleep(lasts);
  for (const p of proxies) p.delay = 0;
  return `${Math.round(by)} ms for ${lasts} ms`;
}

async function during(proxies: TcpProxy[], mode: 'hold' | 'swallow', lasts: number, whose: string): Promise<string> {
  for (const p of proxies) p.set(mode);
  await sleep(lasts);
  for (const p of proxies) p.set('forward');
  return `${whose}, ${lasts} ms`;
}
