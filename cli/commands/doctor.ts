/** glossier doctor [--json] */
import { type Finding, renderFindings, unknown } from '../../consumer/doctor/finding.js';
import { checkKafka } from '../../consumer/doctor/kafka-checks.js';
import { kafkaFacts } from '../../consumer/doctor/kafka-facts.js';
import { checkPositions, checkPostgres } from '../../consumer/doctor/postgres-checks.js';
import { type PostgresFacts, postgresFacts } from '../../consumer/doctor/postgres-facts.js';
import { Tables } from '../../consumer/schema/tables.js';
import type { Kafka } from '../../shared/kafka.js';
import { printable } from '../../shared/printable.js';
import { type CommandRun, type Context, EXIT, quiet } from '../context.js';

export const run: CommandRun = async context => {
  quiet(context);
  const { settings } = context;
  const findings: Finding[] = [];
  const places = await reachable(context);
  const kafka = places.kafka === undefined ? null : await kafkaFacts(places.kafka, places.brokers, settings.topic, settings.kafkaGroup);
  if (kafka === null) findings.push(unknown('kafka.reach', 'KAFKA_BROKERS is not set: Kafka was not looked at'));
  else findings.push(...checkKafka(kafka, settings));
  if (places.url === undefined) findings.push(unknown('postgres.reach', 'DATABASE_URL is not set: Postgres was not looked at'));
  else {
    const facts = await postgresFacts(places.url, Tables.of(settings), settings.topic);
    findings.push(...checkPostgres(facts, settings, placeOf(places.url)));
    if (facts.error === null && kafka?.error === null) findings.push(checkPositions(kafka, facts as PostgresFacts, settings));
  }
  const sound = !findings.some(f => f.state === 'problem');
  if (context.options.json === true) context.print(JSON.stringify({ ok: sound, checks: findings }, null, 2));
  else for (const line of renderFindings(findings, process.stdout.columns ?? 120).split('\n')) context.print(printable(line));
  return sound ? EXIT.ok : EXIT.failed;
};

/** What is set, the one without the other too; with neither the local servers, which are started when they do not run. */
async function reachable(context: Context): Promise<{ kafka?: Kafka; brokers: string[]; url?: string }> {
  const { databaseUrl, kafkaBrokers } = context.settings;
  if (databaseUrl === undefined && kafkaBrokers === undefined) {
    const { kafka, brokers, databaseUrl: url } = await context.services();
    return { kafka, brokers, url };
  }
  return {
    ...(kafkaBrokers === undefined ? {} : await context.kafka()),
    brokers: kafkaBrokers ?? [],
    url: databaseUrl && (await context.database()).databaseUrl,
  };
}

function placeOf(text: string): { host: string; user: string; database: string } {
  const url = new URL(text);
  return {
    host: url.searchParams.get('host') ?? decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, '$1'),
    user: decodeURIComponent(url.username),
    database: decodeURIComponent(url.pathname.slice(1)),
  };
}
