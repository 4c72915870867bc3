/**
 * Says what happens to a connection without flooding: the first failure of a kind at once, the same one again at
 * most every ten seconds, with a count. Never decides anything.
 */
import type { Clock } from '../clock.js';
import type { CeleriacError } from '../errors.js';
import type { Logger } from '../logger.js';
import type { BrokerEndpoint } from './broker-endpoint.js';

const repeatAfterMs = 10_000;

export class ConnectLog {
  #logger: Logger;
  #clock: Clock;
  #name: string;
  #said = new Map<string, { at: number; held: number }>();

  constructor(logger: Logger, clock: Clock, name: string) {
    this.#logger = logger;
    this.#clock = clock;
    this.#name = name;
  }

  connected(endpoint: BrokerEndpoint | undefined, generation: number): void {
    this.#said.clear();
    this.#logger.info(generation === 1 ? 'connected' : 'connection restored', {
      connection: this.#name,
      broker: endpoint === undefined ? undefined : where(endpoint),
      generation,
    });
  }

  lost(error: CeleriacError): void {
    this.#logger.warn('connection lost', { connection: this.#name, error });
  }

  failed(error: CeleriacError, endpoint: BrokerEndpoint): void {
    const broker = where(endpoint);
    const key = `${error.code} ${broker}`;
    const now = this.#clock.monotonic();
    const before = this.#said.get(key);
    if (before !== undefined && now - before.at < repeatAfterMs) {
      before.held++;
      return;
    }
    this.#said.set(key, { at: now, held: 0 });
    this.#logger.warn('cannot connect, trying on', {
      connection: this.#name,
      broker,
      ...(before === undefined ? {} : { attempts: before.held + 1 }),
      error,
    });
  }
}

function where({ protocol, hostname, port, vhost }: BrokerEndpoint): string {
  const host = hostname.includes(':') ? `[${hostname}]` : hostname;
  return `${protocol}://${host}:${port}/${encodeURIComponent(vhost)}`;
}
