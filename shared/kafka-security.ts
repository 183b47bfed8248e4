/** How a client proves itself to Kafka, and Kafka itself to the client: Kafka's own terms, as kafkajs takes them. */
import { exec } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { errorCode, oneLine, ServiceError, UsageError } from './errors.js';
import type { KafkaConfig, SASLOptions } from './kafka.js';
import type { Settings } from './settings.js';

export type KafkaSecurity = Pick<KafkaConfig, 'ssl' | 'sasl'>;

/** Milliseconds that the command for a token may take. */
const TOKEN_TIMEOUT = 10_000;

/**
 * @throws UsageError where settings do not belong together, or a file cannot be read
 */
export function kafkaSecurity(s: Settings): KafkaSecurity {
  const protocol = s.kafkaSecurityProtocol;
  const [tls, sasl] = [protocol.endsWith('SSL'), protocol.startsWith('SASL')];
  const refuse = (name: string, why: string): never => {
    throw new UsageError(`${name} ${why}`, { hint: 'see glossier --help for the settings' });
  };
  if (!tls && (s.kafkaSslCa ?? s.kafkaSslCert ?? s.kafkaSslKey) !== undefined)
    refuse('KAFKA_SSL_CA, KAFKA_SSL_CERT or KAFKA_SSL_KEY', `is set, and KAFKA_SECURITY_PROTOCOL is ${protocol}, without TLS`);
  if ((s.kafkaSslCert === undefined) !== (s.kafkaSslKey === undefined))
    refuse('KAFKA_SSL_CERT and KAFKA_SSL_KEY', 'go together: one of them is not set');
  if (!sasl && (s.kafkaSaslMechanism ?? s.kafkaSaslUsername ?? s.kafkaSaslPassword ?? s.kafkaTokenCommand) !== undefined)
    refuse('KAFKA_SASL_… or KAFKA_TOKEN_COMMAND', `is set, and KAFKA_SECURITY_PROTOCOL is ${protocol}, without SASL`);
  return {
    ...(tls && {
      ssl: { ca: pem(s.kafkaSslCa, 'KAFKA_SSL_CA'), cert: pem(s.kafkaSslCert, 'KAFKA_SSL_CERT'), key: pem(s.kafkaSslKey, 'KAFKA_SSL_KEY') },
    }),
    ...(sasl && { sasl: proof(s, refuse) }),
  };
}

function proof(s: Settings, refuse: (name: string, why: string) => never): SASLOptions {
  const mechanism = s.kafkaSaslMechanism ?? refuse('KAFKA_SASL_MECHANISM', 'is not set');
  if (mechanism === 'OAUTHBEARER') {
    const command = s.kafkaTokenCommand ?? refuse('KAFKA_TOKEN_COMMAND', 'is not set: OAUTHBEARER needs a command that prints a token');
    return { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value: await token(command) }) };
  }
  const username = s.kafkaSaslUsername ?? refuse('KAFKA_SASL_USERNAME', 'is not set');
  const password = s.kafkaSaslPassword ?? refuse('KAFKA_SASL_PASSWORD', 'is not set');
  return { mechanism: mechanism.toLowerCase() as 'plain' | 'scram-sha-256' | 'scram-sha-512', username, password };
}

function pem(file: string | undefined, name: string): string | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${name}: ${file} cannot be read (${errorCode(error)})`);
  }
}

/** Runs the command anew for every connection: only it knows how long a token lasts. What it prints never reaches a log. */
function token(command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    exec(command, { timeout: TOKEN_TIMEOUT, maxBuffer: 1 << 20 }, (error, stdout) => {
      const text = stdout.trim();
      if (error) {
        const { code, killed } = error;
        const why = killed ? `did not end within ${TOKEN_TIMEOUT / 1000} s` : code === undefined ? oneLine(error) : `ended with ${code}`;
        reject(new ServiceError(`KAFKA_TOKEN_COMMAND ${why}`));
      } else if (!/^[\x21-\x7e]+$/.test(text)) reject(new ServiceError('KAFKA_TOKEN_COMMAND printed no token'));
      else resolve(text);
    });
  });
}

/**
 * What TLS refuses, by Node's codes: certificates that cannot be believed, and alerts. Only a person can mend them.
 *
 * @param code of a connection's error
 */
export function isTlsRefusal(code: unknown): boolean {
  return (
    typeof code === 'string' &&
    (/^ERR_(TLS|SSL|OSSL)_/.test(code) ||
      /^(CERT_|CRL_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED)/.test(code))
  );
}
