/**
 * One worker for an hour, as it is left to run for months: drops come, servers go away and come back, the tables are rebuilt, and what it holds in
 * memory is written down.
 *
 *     node dist/test/bench/soak.js --drop path.zip [--minutes 62] [--log file]
 *
 * Prints a line every two minutes. Exit 1 when the worker ended, a command failed, or `verify` finds anything.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ChaosServers } from '../chaos/servers.js';
import { describe, runCli, startCli } from '../support/cli.js';
import { freshDatabase, freshName, tempDir } from '../support/services.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { writeBigDrop } from './big-drop.js';

const { values } = parseArgs({
  options: { drop: { type: 'string' }, minutes: { type: 'string', default: '62' }, log: { type: 'string', default: 'soak.log' } },
});
if (values.drop === undefined) throw new Error('--drop names a real drop');
const minutes = Number(values.minutes);
const MINUTE = 60_000;

const servers = await ChaosServers.start();
const dir = tempDir('soak-');
const proxy = await TcpProxy.listen(servers.postgresPort);
const straight = await freshDatabase(servers.databaseUrl);
const through = new URL(straight);
through.port = String(proxy.port);
const topic = freshName('soak');
const env = { KAFKA_BROKERS: servers.brokers, ORDERS_TOPIC: topic, KAFKA_GROUP: topic, DATABASE_URL: straight };
const worker = startCli(
  ['consume', '--http', '127.0.0.1:0'],
  { ...env, DATABASE_URL: through.href, LOG_LEVEL: 'info' },
  { timeout: (minutes + 10) * MINUTE },
);
let failed = 0;
const run = async (...args: string[]) => {
  const result = await runCli(args, env, { timeout: 10 * MINUTE });
  if (result.code === 0) return;
  failed++;
  console.log(`${args[0]}: ${describe(result)}`);
};

/** What happens in a minute of the run, by its number. */
async function disturb(minute: number): Promise<string> {
  if (minute % 10 === 4) {
    await servers.killPostgres(5000, 'SIGQUIT');
    return 'Postgres away for 5 s';
  }
  if (minute % 10 === 6) {
    await servers.killKafka(5000);
    return 'Kafka away for 5 s';
  }
  if (minute % 10 === 8) {
    await run('rebuild');
    return 'rebuild';
  }
  if (minute % 10 === 9) {
    proxy.cut(1);
    return 'connections cut';
  }
  return '';
}

const started = Date.now();
let [copy, ended] = [0, false];
void worker.done.then(() => {
  ended = true;
});
console.log('| minute | resident MB | heap MB | orders | lag | what happened |\n| ---: | ---: | ---: | ---: | ---: | --- |');
let what: string[] = [];
for (let minute = 0; minute < minutes && !ended; minute++) {
  const until = started + (minute + 1) * MINUTE;
  // one drop in a busy minute, none in a quiet one, and one that is known already now and then
  const publishing = minute % 5 === 3 ? undefined : publish().then(() => what.push('a drop'));
  what.push(await disturb(minute));
  await publishing;
  await sleep(Math.max(0, until - Date.now()));
  if (minute % 2 === 0) continue;
  console.log(await line(minute + 1, what));
  what = [];
}

async function publish(): Promise<void> {
  const path = join(dir, `copy-${copy}.zip`);
  await writeBigDrop(values.drop!, path, 1, copy++ % 40);
  await run('produce', path, ...(copy > 40 ? ['--again'] : []));
}

async function line(minute: number, what: string[]): Promise<string> {
  const url = /"url":"(http:[^"]+)"/.exec(worker.output().stderr)?.[1];
  const text = await (async () => (url === undefined ? '' : (await fetch(new URL('metrics', url))).text()))().catch(() => '');
  const sum = (name: string) =>
    [...text.matchAll(new RegExp(`^${name}(?:\\{.*?\\})? ([\\d.e+]+)$`, 'gm'))].reduce((n, [, v]) => n + Number(v), 0);
  const mb = (name: string) => (sum(name) / 1e6).toFixed(0);
  return `| ${minute} | ${mb('process_resident_memory_bytes')} | ${mb('nodejs_heap_size_used_bytes')} | ${sum('glossier_orders_total')} | ${sum('glossier_partition_lag_messages')} | ${what.filter(w => w !== '').join(', ')} |`;
}

const early = ended;
const result = await worker.stop('SIGTERM', 20_000);
writeFileSync(values.log, result.stderr);
const drained = await runCli(['consume', '--until-drained'], env, { timeout: 10 * MINUTE });
const verify = await runCli(['verify'], env, { timeout: 10 * MINUTE });
console.log(
  `worker: exit ${result.code}${early ? ', too early' : ''}, peak ${Math.round(((result.maxRssKiB ?? 0) * 1024) / 1e6)} MB; ${drained.stdout}${verify.stdout}`,
);
await proxy.close();
await servers.stop();
process.exit(early || failed > 0 || result.code !== 0 || drained.code !== 0 || verify.code !== 0 ? 1 : 0);
