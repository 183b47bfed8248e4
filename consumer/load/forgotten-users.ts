/** Whom to forget, as Postgres has it. What the requests come from, and how they are carried out, is in forget/. */
import type { Tables } from '../schema/tables.js';
import type { ForgottenUsers, Keeps, OrderRules } from '../transform/forgotten.js';
import type { Database } from './database.js';

export interface Forgotten {
  users: ForgottenUsers;
  /** Number of the last request; 0 without any. */
  upTo: number;
}

export async function readForgotten(db: Database, { forgottenUsers }: Tables): Promise<Forgotten> {
  const { rows } = await db.query(`SELECT user_id, keeps, no FROM ${forgottenUsers}`);
  return {
    users: new Map(rows.map(r => [r.user_id as string, r.keeps as Keeps])),
    upTo: rows.reduce((last, r) => Math.max(last, Number(r.no)), 0),
  };
}

/** What orders are judged by where no worker loads them: for answers and proofs. */
export async function orderRules(db: Database, tables: Tables, maxDepth: number): Promise<OrderRules> {
  return { maxDepth, forgotten: (await readForgotten(db, tables)).users };
}
