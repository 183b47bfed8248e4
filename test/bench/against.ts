/** This build and that of another commit by turns, on the same drop, servers and topics: is the one slower than the other? */
import { execFileSync } from 'node:child_process';
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY, tempDir } from '../support/services.js';
import { type Bench, HERE, median } from './bench.js';

const COPIES = 10;

/** Seconds and CPU seconds of each command as shares of the other commit's, turn by turn. */
export async function against(bench: Bench, commit: string, say: (text: string) => void): Promise<string> {
  const other = build(commit, say);
  try {
    const zip = await bench.zip(bench.options.full ? COPIES : COPIES / 5);
    const shares = new Map<string, number[]>();
    const keep = (what: string, share: number) => shares.set(what, [...(shares.get(what) ?? []), share]);
    for (let n = 0; n < bench.options.times; n++) {
      // who goes first changes, as the second finds a warm page cache
      const order = n % 2 === 0 ? [HERE, other.program] : [other.program, HERE];
      const turn = new Map<string, { produce: number[]; consume: number[]; load: number[] }>();
      for (const program of order) {
        const { topic, took: produce } = await bench.publish([zip], {}, program);
        const url = await bench.database();
        const consume = await bench.consume(url, topic, 1, {}, program);
        await bench.drop(url);
        const second = await bench.database();
        const load = await bench.measure([['load', zip]], { DATABASE_URL: second, ORDERS_TOPIC: `${topic}-load` }, program);
        await bench.drop(second);
        const figures = (m: typeof load) => [m.seconds, m.cpu, m.postgres, m.memory];
        turn.set(program, { produce: figures(produce), consume: figures(consume), load: figures(load) });
      }
      for (const command of ['produce', 'consume', 'load'] as const)
        for (const [i, what] of ['seconds', 'CPU seconds', "Postgres' CPU seconds", 'memory'].entries())
          keep(`${command}, ${what}`, turn.get(HERE)![command][i] / turn.get(other.program)![command][i]);
      say(`turn ${n + 1} of ${bench.options.times}`);
    }
    const line = ([what, all]: [string, number[]]) =>
      `${what.padEnd(36)} ${median(all).toFixed(2)}   ${all.map(s => s.toFixed(2)).join(' ')}`;
    return `this build as a share of ${commit}: median, and turn by turn\n${[...shares].map(line).join('\n')}\n`;
  } finally {
    git('worktree', 'remove', '--force', other.dir);
  }
}

/** Checks a commit out beside this one and builds it, with the packages that are installed here. */
function build(commit: string, say: (text: string) => void): { dir: string; program: string } {
  const dir = join(tempDir('bench-against-'), 'checkout');
  git('worktree', 'add', '--detach', dir, commit);
  if (git('diff', '--stat', commit, '--', 'package-lock.json') !== '') say('mind that it is run with the packages of this checkout');
  symlinkSync(join(REPOSITORY, 'node_modules'), join(dir, 'node_modules'));
  execFileSync('npm', ['run', 'build'], { cwd: dir, stdio: ['ignore', 'ignore', 'inherit'] });
  const { bin } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'));
  return { dir, program: join(dir, bin.glossier) };
}

function git(...args: string[]): string {
  return execFileSync('git', args, { cwd: REPOSITORY, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}
