/** Erlang's port mapper (epmd) on a port of its own, where private nodes find each other. Knows no RabbitMQ. */
import { accepts, freePorts } from './free-port.js';
import { type Running, start } from './processes.js';
import { waitFor } from './wait-for.js';

export class PortMapper {
  readonly port: number;
  #running: Running;

  private constructor(port: number, running: Running) {
    this.port = port;
    this.#running = running;
  }

  /** Up before a node is: a node that finds none starts a daemon of its own, which nobody would stop. */
  static async start(): Promise<PortMapper> {
    const [port] = (await freePorts(1)) as [number];
    const env = { ...process.env, ERL_EPMD_PORT: String(port), ERL_EPMD_ADDRESS: '127.0.0.1' };
    const running = start('epmd', [], { env });
    await waitFor(() => accepts(port), { what: 'epmd to listen' });
    return new PortMapper(port, running);
  }

  async stop(): Promise<void> {
    await this.#running.stop();
  }
}
