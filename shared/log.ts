/** The log: pino to standard error, pretty at a terminal, JSON in a pipe. */
import { type Logger, pino } from 'pino';

export type { Logger };

/**
 * @param level one of pino's levels, or `silent`
 * @param terminal where a person's lines go; null for JSON on standard error
 */
export async function createLog(level: string, terminal: NodeJS.WritableStream | null): Promise<Logger> {
  const options = { level, base: undefined, timestamp: pino.stdTimeFunctions.isoTime };
  if (terminal === null) return pino(options, pino.destination({ fd: 2, sync: true }));
  const { default: pretty } = await import('pino-pretty');
  return pino(options, pretty({ destination: terminal, translateTime: 'SYS:HH:MM:ss', colorize: true, singleLine: true }));
}
