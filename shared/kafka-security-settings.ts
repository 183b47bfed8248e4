/** Settings of TLS and SASL to Kafka; kafka-security.ts gives them to kafkajs. */
import type { Declaration } from './setting-declaration.js';

export const KAFKA_SECURITY_SETTINGS = {
  kafkaSecurityProtocol: {
    env: 'KAFKA_SECURITY_PROTOCOL',
    flag: 'kafka-security-protocol',
    kind: 'choice',
    fallback: 'PLAINTEXT',
    choices: ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'],
    help: 'how Kafka is spoken to; SSL is TLS',
  },
  kafkaSslCa: {
    env: 'KAFKA_SSL_CA',
    flag: 'kafka-ssl-ca',
    kind: 'text',
    help: "file with the certificates (PEM) that sign the brokers'; without it those that Node knows",
  },
  kafkaSslCert: {
    env: 'KAFKA_SSL_CERT',
    flag: 'kafka-ssl-cert',
    kind: 'text',
    help: 'file with the certificate (PEM) of this client, where brokers ask for one',
  },
  kafkaSslKey: {
    env: 'KAFKA_SSL_KEY',
    flag: 'kafka-ssl-key',
    kind: 'text',
    help: 'file with its key (PEM)',
  },
  kafkaSaslMechanism: {
    env: 'KAFKA_SASL_MECHANISM',
    flag: 'kafka-sasl-mechanism',
    kind: 'choice',
    choices: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'],
    help: 'how a client proves itself, with SASL_PLAINTEXT or SASL_SSL',
  },
  kafkaSaslUsername: {
    env: 'KAFKA_SASL_USERNAME',
    flag: 'kafka-sasl-username',
    kind: 'text',
    help: 'its name, for PLAIN and SCRAM',
  },
  kafkaSaslPassword: {
    env: 'KAFKA_SASL_PASSWORD',
    flag: 'kafka-sasl-password',
    kind: 'text',
    secret: true,
    help: 'its password',
  },
  kafkaTokenCommand: {
    env: 'KAFKA_TOKEN_COMMAND',
    flag: 'kafka-token-command',
    kind: 'text',
    help: 'command that prints a token, for OAUTHBEARER; run for each connection',
  },
} as const satisfies Record<string, Declaration>;
