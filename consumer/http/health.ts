/** What /live and /ready say: pure. Their words hold no value of an order and no name, as they are told to anybody who can ask. */
import type { WorkerView } from '../worker-view.js';

/** What Postgres says of the schema; `away` where it says nothing. */
export type SchemaState = 'current' | 'older' | 'newer' | 'away';

export interface Health {
  /** False when only a new process can help. */
  live: boolean;
  /** Why it is not live, in words. */
  dead: string | null;
  /** All checks are ok, and it is live and not stopping. */
  ready: boolean;
  checks: Record<'postgres' | 'schema' | 'kafka' | 'group', string>;
}

/** Milliseconds for which an answer of Kafka counts; it is asked every two seconds. */
const ANSWER_COUNTS = 10_000;

const SCHEMA_WORDS: Record<SchemaState, string> = {
  current: 'ok',
  older: 'older than this version needs',
  newer: 'migrated by a newer version',
  away: 'unknown',
};

/** @param view null before the worker has begun */
export function healthOf(view: WorkerView | null, schema: SchemaState, now: number): Health {
  const dead = view?.dead(now) ?? null;
  // the look that asks Kafka waits for Postgres, too: its silence says nothing of Kafka then
  const answered = view !== null && view.kafkaAnswered > 0 && (now - view.kafkaAnswered < ANSWER_COUNTS || view.postgres.away);
  const checks = {
    postgres: schema === 'away' ? 'does not answer' : 'ok',
    schema: SCHEMA_WORDS[schema],
    kafka: answered && !view.kafka.away ? 'ok' : 'does not answer',
    group: view?.consumer?.joined ? 'ok' : 'not joined',
  };
  const stopping = view === null || view.stopping;
  return { live: dead === null, dead, ready: dead === null && !stopping && Object.values(checks).every(c => c === 'ok'), checks };
}
