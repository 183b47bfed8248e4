/** A broker and a Postgres that can be killed and come back on their ports, each behind proxies. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type KafkaServer, type PostgresServer, startKafka, startPostgres } from '../../local/local.js';
import { freePort } from '../../local/process.js';
import { LIB_DIR, removeServices, tempDir } from '../support/services.js';
import { TcpProxy } from '../support/tcp-proxy.js';

export class ChaosServers {
  /** Restarts under way, by server. */
  readonly #coming = new Map<string, Promise<unknown>>();

  private constructor(
    readonly dir: string,
    readonly kafkaProxy: TcpProxy,
    private kafka: KafkaServer,
    private postgres: PostgresServer,
  ) {}

  static async start(): Promise<ChaosServers> {
    const dir = tempDir('chaos-services-');
    const port = await freePort();
    const kafkaProxy = await TcpProxy.listen(port);
    const [kafka, postgres] = await Promise.all([
      startKafka({ dir, libDir: LIB_DIR, port, advertisedPort: kafkaProxy.port }),
      startPostgres({ dir, fast: true }),
    ]);
    return new ChaosServers(dir, kafkaProxy, kafka, postgres);
  }

  /** Through the proxy; there is no other way to the broker, as it tells its clients to come by the proxy. */
  get brokers(): string {
    return `127.0.0.1:${this.kafkaProxy.port}`;
  }

  get postgresPort(): number {
    return this.postgres.port;
  }

  /** Straight to Postgres, past every proxy. */
  get databaseUrl(): string {
    return this.postgres.url;
  }

  /** Kills the broker as the kernel does when memory is short; it is back `down` milliseconds and a start later. */
  killKafka(down: number): Promise<void> {
    return this.#once('kafka', async () => {
      const { pid, port } = this.kafka;
      process.kill(pid, 'SIGKILL');
      await sleep(down);
      this.kafka = await startKafka({ dir: this.dir, libDir: LIB_DIR, port, advertisedPort: this.kafkaProxy.port });
    });
  }

  /** @param signal SIGKILL to the postmaster alone, or SIGQUIT: all its processes at once, without a checkpoint */
  killPostgres(down: number, signal: 'SIGKILL' | 'SIGQUIT'): Promise<void> {
    return this.#once('postgres', async () => {
      const { pid, port } = this.postgres;
      process.kill(pid, signal);
      await sleep(down);
      this.postgres = await startPostgres({ dir: this.dir, port, fast: true });
    });
  }

  /** Waits until both are back. @throws when one did not come back: that is no fault of the program */
  async whole(): Promise<void> {
    await Promise.all(this.#coming.values());
  }

  /** Runs a statement past the proxies. */
  async query(sql: string, values: unknown[] = [], url = this.databaseUrl): Promise<Record<string, string>[]> {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
    client.on('error', () => {});
    await client.connect();
    try {
      return (await client.query(sql, values)).rows;
    } finally {
      await client.end().catch(() => {});
    }
  }

  async stop(keep = false): Promise<void> {
    await Promise.allSettled(this.#coming.values());
    await this.kafkaProxy.close();
    await removeServices(this.dir, keep);
  }

  /** One kill of a server at a time: a second one waits for the first to be over. */
  #once(server: string, work: () => Promise<void>): Promise<void> {
    const turn = (this.#coming.get(server) ?? Promise.resolve()).then(work);
    this.#coming.set(server, turn);
    return turn;
  }
}
