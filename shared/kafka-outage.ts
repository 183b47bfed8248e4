/** Which failures of Kafka pass by themselves, and which are for a person. */
import { GlossierError } from './errors.js';
import { isTlsRefusal } from './kafka-security.js';

const HOPELESS_TYPES =
  /AUTHORIZATION_FAILED|POLICY_VIOLATION|INVALID_(TOPIC|CONFIG|PARTITIONS|REPLICATION|GROUP_ID|SESSION_TIMEOUT)|INCONSISTENT_GROUP_PROTOCOL|GROUP_MAX_SIZE|UNSUPPORTED|SASL/;
const HOPELESS_NAMES = /SASLAuthentication|NotImplemented|DoesNotSupportApiKey|InvariantViolation|PartialMessage/;

/** False for what a person must see to: our own errors, bugs, missing rights. kafkajs nests the real error as cause or in a list. */
export function isKafkaOutage(error: unknown): boolean {
  if (error instanceof GlossierError) return error.retryable;
  // kafkajs itself trips over the metadata that it lacks while no broker answers ("Cannot destructure property 'topicMetadata' of null"); bundled,
  // it stands in a folder of this name as well
  if (error instanceof TypeError) return /[\\/]kafkajs[\\/]/.test(error.stack ?? '');
  if (error instanceof RangeError || error instanceof ReferenceError) return false;
  const { type, name, code, cause, errors } = (error ?? {}) as {
    type?: unknown;
    name?: unknown;
    code?: unknown;
    cause?: unknown;
    errors?: unknown;
  };
  if (isTlsRefusal(code)) return false;
  if (typeof type === 'string' && HOPELESS_TYPES.test(type)) return false;
  if (typeof name === 'string' && HOPELESS_NAMES.test(name)) return false;
  if (Array.isArray(errors) && !errors.every(isKafkaOutage)) return false;
  return cause === undefined || cause === null || cause === error || isKafkaOutage(cause);
}
