/**
 * A TCP proxy on 127.0.0.1 whose network can be broken while it runs.
 *
 * Kafka's broker tells its clients where it is, so it must advertise the proxy's port (startKafka's `advertisedPort`).
 */
import { createServer, connect as dial, type Server, type Socket } from 'node:net';

/** What becomes of bytes, in both directions. `hold` keeps them until the mode changes, `swallow` loses them, `refuse` resets connections. */
export type Mode = 'forward' | 'hold' | 'swallow' | 'refuse';

export class TcpProxy {
  /** Milliseconds by which each chunk comes later; what is on its way when it changes keeps its order. */
  delay = 0;
  #mode: Mode = 'forward';
  readonly #links = new Set<Link>();
  readonly #server: Server;

  private constructor(readonly target: number) {
    this.#server = createServer(client => this.#accept(client));
  }

  /** @param target port on 127.0.0.1 @param port 0 for any */
  static async listen(target: number, port = 0): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** Connections that are open on the client's side. */
  get connections(): number {
    return [...this.#links].filter(link => !link.client.destroyed).length;
  }

  /**
   * Sets the mode of the connections that there are, and of those that come. A connection that has lost bytes stays lost whatever comes
   * after: its two ends no longer agree on the stream, as when a NAT box has forgotten it.
   */
  set(mode: Mode): void {
    this.#mode = mode;
    for (const link of this.#links) link.set(mode);
  }

  /** Resets connections, each with this probability. @returns how many */
  cut(share = 1, random: () => number = Math.random): number {
    const chosen = [...this.#links].filter(() => random() < share);
    for (const link of chosen) link.reset();
    return chosen.length;
  }

  /** Resets the connections that have lost bytes. */
  cutLost(): void {
    for (const link of this.#links) if (link.lost) link.reset();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise(resolve => this.#server.close(resolve));
  }

  #accept(client: Socket): void {
    if (this.#mode === 'refuse') return void client.resetAndDestroy();
    const link = new Link(
      client,
      this.target,
      () => this.delay,
      () => this.#links.delete(link),
    );
    this.#links.add(link);
    link.set(this.#mode);
  }
}

class Link {
  lost = false;
  #mode: Mode = 'forward';
  readonly #server: Socket;
  readonly #flows: Flow[];

  constructor(
    readonly client: Socket,
    target: number,
    delay: () => number,
    onClosed: () => void,
  ) {
    const server = dial({ port: target, host: '127.0.0.1' });
    this.#server = server;
    this.#flows = [new Flow(client, server, this, delay), new Flow(server, client, this, delay)];
    for (const [side, other] of [
      [client, server],
      [server, client],
    ]) {
      side.setNoDelay(true);
      side.on('error', () => (this.lost ? undefined : other.resetAndDestroy()));
    }
    // one that is held has yet to tell the other end of this end's close
    let ends = 2;
    for (const side of [client, server]) side.once('close', () => (--ends === 0 ? onClosed() : undefined));
    // the other end hears nothing on a lost connection; the server's own keepalive would end it, and the timer stands for that
    client.once('close', () => (this.lost ? setTimeout(() => server.destroy(), 500).unref() : undefined));
  }

  get open(): boolean {
    return this.#mode === 'forward';
  }

  set(mode: Mode): void {
    if (mode === 'refuse') this.reset();
    if (mode === 'swallow') this.lost = true;
    this.#mode = mode;
    for (const flow of this.#flows) flow.pump();
  }

  reset(): void {
    this.client.resetAndDestroy();
    this.#server.resetAndDestroy();
  }
}

/** One direction. */
class Flow {
  readonly #waiting: { at: number; chunk: Buffer | null }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #due = 0;

  constructor(
    from: Socket,
    readonly to: Socket,
    readonly link: Link,
    delay: () => number,
  ) {
    const take = (chunk: Buffer | null) => {
      if (link.lost) return;
      this.#due = Math.max(this.#due, Date.now() + delay());
      this.#waiting.push({ at: this.#due, chunk });
      this.pump();
      if (this.#waiting.length > 256 || to.writableNeedDrain) from.pause();
    };
    from.on('data', take).on('end', () => take(null));
    to.on('drain', () => from.resume());
    this.resume = () => from.resume();
  }

  readonly resume: () => void;

  pump(): void {
    clearTimeout(this.#timer);
    if (this.link.lost) this.#waiting.length = 0;
    while (this.link.open && this.#waiting.length > 0 && !this.to.destroyed) {
      const { at, chunk } = this.#waiting[0];
      const wait = at - Date.now();
      if (wait > 0) {
        this.#timer = setTimeout(() => this.pump(), wait);
        return;
      }
      this.#waiting.shift();
      if (chunk === null) this.to.end();
      else this.to.write(chunk);
    }
    if (!this.to.writableNeedDrain) this.resume();
  }
}
