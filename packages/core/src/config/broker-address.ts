/**
 * The address of a broker, decoded, and a list of them. Printed, logged, inspected or turned into JSON they show
 * `***` for the password: only the `password` property gives it, and it is on no own key.
 */
import { inspect } from 'node:util';

/** `memory` is a broker inside this process: its `hostname` is its name, it has no port and asks for no password. */
export type BrokerProtocol = 'amqp' | 'amqps' | 'memory';

/** What an address is made of, raw (nothing percent-encoded). */
export interface BrokerAddressParts {
  readonly protocol: BrokerProtocol;
  /** Host name or IP address, IPv6 without brackets. */
  readonly hostname: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly vhost: string;
  /** Seconds; 0 turns heartbeats off. Wins over the configured one. */
  readonly heartbeat?: number | undefined;
  /** Seconds. Wins over the configured one. */
  readonly connectTimeout?: number | undefined;
}

/** Makes `util.inspect` and `console.log` print the redacted text. */
function printAs(type: { readonly prototype: object }, name: string): void {
  Object.defineProperty(type.prototype, inspect.custom, {
    value(this: { toString(): string }) {
      return `${name}(${this.toString()})`;
    },
  });
}

/** One broker to try. */
export class BrokerAddress implements BrokerAddressParts {
  readonly protocol: BrokerProtocol;
  readonly hostname: string;
  readonly port: number;
  readonly username: string;
  readonly vhost: string;
  readonly heartbeat: number | undefined;
  readonly connectTimeout: number | undefined;
  readonly #password: string;

  constructor(parts: BrokerAddressParts) {
    this.protocol = parts.protocol;
    this.hostname = parts.hostname;
    this.port = parts.port;
    this.username = parts.username;
    this.vhost = parts.vhost;
    this.heartbeat = parts.heartbeat;
    this.connectTimeout = parts.connectTimeout;
    this.#password = parts.password;
    Object.freeze(this);
  }

  /** The secret. A getter of the class: copies made by spreading do not hold it. */
  get password(): string {
    return this.#password;
  }

  /** The address with `***` for the password. */
  toString(): string {
    return format(this, '***');
  }

  toJSON(): string {
    return this.toString();
  }

  static {
    printAs(this, 'BrokerAddress');
  }
}

/** A connection string, read. */
export class ConnectionString {
  /** In the order they are tried; at least one. */
  readonly addresses: readonly BrokerAddress[];

  constructor(addresses: readonly BrokerAddress[]) {
    this.addresses = Object.freeze([...addresses]);
    Object.freeze(this);
  }

  /** Every address with `***` for the password, separated by `;`. */
  toString(): string {
    return this.addresses.join(';');
  }

  toJSON(): string {
    return this.toString();
  }

  static {
    printAs(this, 'ConnectionString');
  }
}

/**
 * Writes a connection string from raw parts, each percent-encoded, with the password in it: for credentials that
 * come apart from the address. The result is a secret.
 */
export function formatConnectionString(addresses: readonly BrokerAddressParts[]): string {
  return addresses.map((parts) => format(parts, encodeURIComponent(parts.password))).join(';');
}

function format(parts: BrokerAddressParts, password: string): string {
  const { protocol, hostname, port, username, vhost, heartbeat, connectTimeout } = parts;
  if (protocol === 'memory')
    return `memory://${hostname}${vhost === '/' ? '' : `/${encodeURIComponent(vhost)}`}`;
  const host = hostname.includes(':') ? `[${hostname.replace('%', '%25')}]` : hostname;
  const query = [
    ...(heartbeat === undefined ? [] : [`heartbeat=${heartbeat}`]),
    ...(connectTimeout === undefined ? [] : [`connection_timeout=${Math.round(connectTimeout * 1000)}`]),
  ].join('&');
  const address = `${protocol}://${encodeURIComponent(username)}:${password}@${host}:${port}`;
  return `${address}/${encodeURIComponent(vhost)}${query === '' ? '' : `?${query}`}`;
}
