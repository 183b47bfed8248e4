/** Work that a worker does again and again beside the loading. */
import { isKafkaOutage } from '../shared/kafka-outage.js';
import { pause } from '../shared/outage.js';

/**
 * Runs `work` every so many milliseconds until the signal fires. A failure of Kafka is for the consumer to report; any other is handed on.
 *
 * @param onFailure ends the worker
 */
export async function every(
  milliseconds: number,
  stop: AbortSignal,
  work: () => Promise<void>,
  onFailure: (error: unknown) => void,
): Promise<void> {
  while (!stop.aborted) {
    await pause(milliseconds, stop);
    if (stop.aborted) return;
    await work().catch(error => {
      if (!stop.aborted && !isKafkaTrouble(error)) onFailure(error);
    });
  }
}

/** kafkajs' own errors that pass by themselves; those of Postgres have been waited out below. */
function isKafkaTrouble(error: unknown): boolean {
  return error instanceof Error && (error.name.startsWith('KafkaJS') || error instanceof TypeError) && isKafkaOutage(error);
}
