/** What is remembered of a started server in a small JSON file: its pid, to know it again, and its port, to take the same next time. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';

export interface ServerRecord {
  /** Null once it was stopped. */
  pid: number | null;
  port: number;
  /** Kafka only: the port of its controller. */
  controllerPort?: number;
  /** Kafka only: where this run writes its class archive when it ends (kafka.ts). */
  archive?: string;
}

/** Null where there is none, or half of one. */
export function readRecord(file: string): ServerRecord | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}

export function writeRecord(file: string, record: ServerRecord): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(record)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
