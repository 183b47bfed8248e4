/** What workers and those who run them do all day, in this process and on a connection of a given user: each call writes a month, users and rejects of its own. */

import { enterRequests } from '../../consumer/forget/forget-users.js';
import { messageOf } from '../../consumer/intake/batch.js';
import { Database } from '../../consumer/load/database.js';
import { writeDrops } from '../../consumer/load/drop-sync.js';
import { Loader } from '../../consumer/load/loader.js';
import { claimTopic } from '../../consumer/load/positions.js';
import { mergeUsers } from '../../consumer/merge/merge-users.js';
import { readCertificates } from '../../consumer/proof/certificate.js';
import { retryRejects } from '../../consumer/retry/retry-rejects.js';
import { migrate } from '../../consumer/schema/migrate.js';
import { readRebuildDue } from '../../consumer/schema/rebuild-due.js';
import type { Tables } from '../../consumer/schema/tables.js';
import { untoldDrift } from '../../consumer/status/drift.js';
import { dropSummary } from '../../consumer/status/drop-summary.js';
import { listRejects } from '../../consumer/status/rejects.js';
import { verify } from '../../consumer/status/verify.js';
import { listConflicts } from '../../consumer/why/conflicts.js';
import { whyDrop } from '../../consumer/why/drop.js';
import { createLog } from '../../shared/log.js';
import { ServiceState } from '../../shared/outage.js';
import { resolveSettings } from '../../shared/settings.js';
import { freshName } from '../support/services.js';
import { batchOf } from './direct.js';
import { order } from './shop.js';

/** Milliseconds that a right which is missing in the middle of the work is waited for; the program has 5 s. */
const PATIENCE = 200;

let calls = 0;

/** @throws whatever Postgres says first */
export async function mainJob(url: string, tables: Tables): Promise<void> {
  const n = ++calls;
  const topic = freshName('job');
  const drop = n.toString(16).padStart(16, '0');
  const month = `${1900 + Math.floor(n / 12)}_${String(1 + (n % 12)).padStart(2, '0')}`;
  const log = await createLog('silent', null);
  const { signal } = new AbortController();
  const loader = new Loader({
    databaseUrl: url,
    target: { tables, topic, topicId: 'x', worker: topic, version: 'test' },
    postgres: new ServiceState('Postgres', log, PATIENCE),
    maxDepth: 512,
    signal,
  });
  const db = await Database.connect(url, 'glossier worker of a test');
  try {
    await migrate(db.client, tables.analysts);
    await readRebuildDue(db, tables);
    await claimTopic(db, tables, topic, 'x', [{ partition: 0, low: 0, end: 5 }], new Map());
    // one that is new, of a new user and of one who was there; one that was loaded before with another content; one that is refused
    const orders = [order(n, { user: n }), order(1_000_000 + n), order(2_000_000, { price: `${n}.00` }), order(0)];
    const batch = batchOf({ partition: 0, from: 0, orders });
    batch.messages = batch.messages.map((m, index) => messageOf(0, m.offset, m.value, { drop, file: 'a.json', index, month }));
    await loader.load(await loader.prepare(batch));
    const sums = { bytes: 1, items: 1, price: '1.0000', content: '0'.repeat(16) };
    const fault = { reason: 'cut off', byte: 1, orders: 4 };
    const files = [{ name: 'a.json', month, bytes: 1, orders: 4, sums, fault }];
    const now = new Date().toISOString();
    const manifest = { format: 1, id: drop, name: 'a', sha256: '', bytes: 1, partitions: 1, state: 'published' as const, files, orders: 4 };
    await writeDrops(db, tables, topic, {
      drops: [{ manifest: { ...manifest, startedAt: now, finishedAt: now }, progress: null }],
      forgets: [],
      movedTo: null,
      next: 1,
    });
    await enterRequests(db, tables, [{ user: String(1000 + n), keeps: 'money', reason: 'T', at: now }]);
    await mergeUsers(db, tables);
    await untoldDrift(db, tables, topic);
    await dropSummary(db, tables, topic, drop, 0);
    await listRejects(db, tables, topic);
    await listConflicts(db, tables, topic, {});
    const { settings } = resolveSettings({ topic, databaseSchema: tables.analysts, outageTimeout: `${PATIENCE}ms` }, {});
    await retryRejects({ settings, databaseUrl: url, log, version: 'test', signal, choice: {} });
    await whyDrop(db, tables, topic, drop);
    await readCertificates(db, tables, topic, [drop]);
    await verify(db, tables, { topic, ends: null, part: { drop } });
  } finally {
    loader.destroy();
    await db.end();
  }
}
