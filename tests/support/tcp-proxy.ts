/** A TCP proxy with faults: holds bytes in either direction, resets connections, accepts and says nothing. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

interface Pair {
  readonly client: Socket;
  readonly server: Socket | undefined;
}

/** Which way bytes go: to the client, to the server, or either. */
export type Direction = 'to-client' | 'to-server' | 'both';

export class TcpProxy implements AsyncDisposable {
  readonly port: number;
  #server: Server;
  #pairs = new Set<Pair>();
  #target: number;
  #held = false;
  #silent = false;
  /** Connections accepted so far. */
  accepted = 0;

  private constructor(server: Server, target: number) {
    this.#server = server;
    this.#target = target;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (client) => this.#accept(client));
  }

  /** `host`: the address it listens on; default 127.0.0.1. */
  static async start(target: number, host = '127.0.0.1'): Promise<TcpProxy> {
    const server = createServer({ pauseOnConnect: true });
    server.listen(0, host);
    await once(server, 'listening');
    return new TcpProxy(server, target);
  }

  get open(): number {
    return this.#pairs.size;
  }

  /** Swallows every byte that way from now on, on the connections that are open: no FIN, no RST. */
  hold(direction: Direction = 'both'): void {
    this.#held = true;
    for (const { client, server } of this.#pairs) {
      if (direction !== 'to-client') client.unpipe().resume();
      if (direction !== 'to-server') server?.unpipe().resume();
    }
  }

  /** New connections work again; those that were held stay dead. */
  release(): void {
    this.#held = false;
  }

  /** Accepts connections and never says a word. */
  silence(silent = true): void {
    this.#silent = silent;
  }

  /** New connections go to this port: an address that means another server by now. Those that are open stay. */
  redirect(target: number): void {
    this.#target = target;
  }

  /** Resets every open connection. */
  reset(): void {
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy();
      server?.destroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.reset();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(client: Socket): void {
    this.accepted++;
    const mute = this.#silent || this.#held;
    const server = mute ? undefined : connect(this.#target, '127.0.0.1');
    const pair: Pair = { client, server };
    this.#pairs.add(pair);
    client.on('error', () => undefined);
    client.on('close', () => {
      this.#pairs.delete(pair);
      server?.destroy();
    });
    client.resume();
    if (server === undefined) return;
    server.on('error', () => client.destroy());
    server.on('close', () => client.destroy());
    client.setNoDelay(true);
    server.setNoDelay(true);
    client.pipe(server);
    server.pipe(client);
  }
}
