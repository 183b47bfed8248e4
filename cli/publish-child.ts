/**
 * The publisher of `load`, a process of its own: unpacking and cutting take one core while the worker's parsing takes another, and
 * neither's memory adds to the other's.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type ProduceProgress, type ProduceResult, produceDrop } from '../producer/produce-drop.js';
import { GlossierError, InterruptedError, oneLine } from '../shared/errors.js';
import { createKafka } from '../shared/kafka.js';
import { kafkaSecurity } from '../shared/kafka-security.js';
import { createLog } from '../shared/log.js';
import type { Settings } from '../shared/settings.js';

export interface PublishOrder {
  /** As `produce` takes it; `-` is read by the child itself. */
  source: string;
  sha256?: string;
  brokers: string[];
  settings: Settings;
  again: boolean;
  logLevel: string;
}

type Answer =
  | { progress: ProduceProgress }
  | { result: ProduceResult }
  | { failure: { message: string; hint?: string; interrupted: boolean } };

/** Milliseconds between two messages about progress. */
const PROGRESS_EVERY = 100;

/** What a failed child says, as an error here. */
class PublishError extends GlossierError {}

/**
 * Publishes a drop in a child process.
 *
 * @param signal asks the child to stop; it writes down how far it came
 * @throws PublishError with the child's own words; InterruptedError
 */
export function publishInChild(order: PublishOrder, signal: AbortSignal, onProgress: (p: ProduceProgress) => void): Promise<ProduceResult> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL('./publish-process.js', import.meta.url)), [], {
      execArgv: ['--max-semi-space-size=4', '--v8-pool-size=1'],
      stdio: [order.source === '-' ? 'inherit' : 'ignore', 'ignore', 'inherit', 'ipc'],
    });
    const stop = () => child.kill('SIGTERM');
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    let answer: Answer | null = null;
    child.on('message', (message: Answer) => {
      if ('progress' in message) onProgress(message.progress);
      else answer = message;
    });
    child.on('error', reject);
    child.on('exit', (code, killedBy) => {
      signal.removeEventListener('abort', stop);
      if (answer !== null && 'result' in answer) resolve(answer.result);
      else if (answer !== null && 'failure' in answer) {
        const { message, hint, interrupted } = answer.failure;
        reject(interrupted ? new InterruptedError(message, { hint }) : new PublishError(message, { hint }));
      } else
        reject(
          new PublishError(`the publisher ended (${killedBy ?? `exit ${code}`})`, {
            hint: 'the same command goes on from here',
          }),
        );
    });
    child.send(order);
  });
}

/** The child's side. */
export async function publish({ source, sha256, brokers, settings, again, logLevel }: PublishOrder): Promise<void> {
  const tell = (answer: Answer) => process.send?.(answer);
  // a Ctrl-C at a terminal reaches this process too, but it is the parent that says when to stop, or that is gone
  const stop = new AbortController();
  process.on('SIGINT', () => {});
  process.once('SIGTERM', () => stop.abort('SIGTERM'));
  process.once('disconnect', () => stop.abort('the parent is gone'));
  let told = 0;
  let answer: Answer;
  try {
    const log = await createLog(logLevel, null);
    const result = await produceDrop({
      source,
      input: source === '-' ? process.stdin : undefined,
      sha256,
      kafka: createKafka({ brokers, log, security: kafkaSecurity(settings) }),
      settings,
      log,
      again,
      signal: stop.signal,
      onProgress: progress => {
        if (Date.now() - told < PROGRESS_EVERY && progress.bytesDone < progress.bytesTotal) return;
        told = Date.now();
        tell({ progress });
      },
    });
    answer = { result };
  } catch (error) {
    if (!(error instanceof GlossierError) && process.env.GLOSSIER_DEBUG) console.error(error);
    const hint = error instanceof GlossierError ? error.hint : undefined;
    answer = { failure: { message: oneLine(error), hint, interrupted: error instanceof InterruptedError } };
  }
  // only once the answer is out: ending earlier cuts a long one, of ten thousand files, in two
  if (process.connected) process.send!(answer, () => process.exit());
  else process.exit();
}
