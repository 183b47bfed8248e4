/** What every long piece of work on topic and tables is given. */
import type { Kafka } from '../shared/kafka.js';
import type { Logger } from '../shared/log.js';
import type { Settings } from '../shared/settings.js';

export interface RunOptions {
  settings: Settings;
  databaseUrl: string;
  kafka: Kafka;
  log: Logger;
  version: string;
  /** Ends it. */
  signal: AbortSignal;
}
