/** What must be true at the end of a run. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createKafka, topicOffsets } from '../../shared/kafka.js';
import { createLog } from '../../shared/log.js';
import { compare } from '../support/compare.js';
import type { Oracle } from '../support/oracle.js';
import type { ChaosServers } from './servers.js';

interface StatusDrop {
  drop: string;
  name: string;
  state: string;
  published: number;
  loaded: number;
  bypassed: number;
  rejected: number;
  waiting: number;
  complete: boolean;
}

/** Every drop is whole and its books are the oracle's; one that was published again brought nothing new. */
export function judgeBooks(status: { lag: number; staging: number; drops: StatusDrop[] }, oracle: Oracle): string[] {
  const problems: string[] = [];
  const expect = (ok: boolean, what: string): void => void (ok || problems.push(`status: ${what}`));
  expect(status.lag === 0, `lag ${status.lag}`);
  expect(status.staging === 0, `staging ${status.staging}`);
  const books = new Map([...oracle.books].map(([sha, book]) => [sha.slice(0, 16), book]));
  for (const d of status.drops) {
    const told = JSON.stringify(d);
    expect(d.state === 'published' && d.complete && d.waiting === 0, `not whole: ${told}`);
    expect(d.published === d.loaded + d.bypassed + d.rejected, `does not balance: ${told}`);
    const [id, again] = d.drop.split('-');
    const book = books.get(id);
    if (book === undefined) expect(false, `not ours: ${told}`);
    else if (again !== undefined) {
      expect(
        d.loaded === 0 && d.published === book.published && d.rejected === book.rejected,
        `again: ${told}, first ${JSON.stringify(book)}`,
      );
    } else {
      const same =
        d.published === book.published && d.loaded === book.loaded && d.bypassed === book.bypassed && d.rejected === book.rejected;
      expect(same, `${told}, should be ${JSON.stringify(book)}`);
    }
  }
  for (const [id, book] of books)
    expect(
      status.drops.some(d => d.drop === id),
      `${book.name} is missing`,
    );
  return problems;
}

export async function judgeTables(url: string, oracle: Oracle): Promise<string[]> {
  return (await compare(url, 'public', oracle)).map(d => `tables: ${d}`);
}

/** Seconds for which no position may stand still in a partition that has more, and for all of it: 19 processes at once on two cores are slow. */
const STILL = 90;
const LONGEST = 400;

/** Waits until the tables hold the topic to its end. @returns what hangs */
export async function waitUntilLoaded(servers: ChaosServers, url: string, topic: string, say: (line: string) => void): Promise<string[]> {
  const started = performance.now();
  let [moved, sum] = [started, -1];
  const admin = createKafka({ brokers: [servers.brokers], log: await createLog('silent', null) }).admin();
  await admin.connect();
  // a broker that has just come back says for a moment that it leads nothing
  const ask = (tries: number): ReturnType<typeof topicOffsets> =>
    topicOffsets(admin, topic).catch(error => (tries > 0 ? sleep(500).then(() => ask(tries - 1)) : Promise.reject(error)));
  const ends = await ask(40);
  await admin.disconnect();
  for (;;) {
    const rows = await servers.query('SELECT partition, next_offset FROM glossier.positions WHERE topic = $1', [topic], url);
    const at = new Map(rows.map(r => [Number(r.partition), Number(r.next_offset)]));
    const behind = ends.filter(e => (at.get(e.partition) ?? 0) < e.end);
    if (behind.length === 0) return [];
    const now = [...at.values()].reduce((n, offset) => n + offset, 0);
    if (now !== sum) [moved, sum] = [performance.now(), now];
    if (performance.now() - moved > STILL * 1000 || performance.now() - started > LONGEST * 1000) {
      const held = await servers.query(
        'SELECT pid, application_name, state, wait_event, left(query, 80) AS query, pg_blocking_pids(pid) AS blocked_by FROM pg_stat_activity WHERE datname = current_database()',
        [],
        url,
      );
      say(`sessions: ${JSON.stringify(held)}`);
      const where = behind.map(e => `partition ${e.partition} stands at ${at.get(e.partition)} of ${e.end}`);
      return [`HANG: ${where.join(', ')} long after the healing`];
    }
    await sleep(100);
  }
}

/** What `work` comes to, or an error that says what hangs. */
export async function within<T>(seconds: number, work: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`HANG: ${what} did not end within ${seconds} s`)), seconds * 1000);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
