/**
 * The address of a Redis server, read as Kombu and redis-py read it. Printed, logged, inspected or turned into JSON it
 * shows `***` for the password: only the `password` property gives it, and it is on no own key. Never connects.
 */
import { isIPv6 } from 'node:net';
import { inspect } from 'node:util';

import { CeleriacError } from '../errors.js';

export interface RedisAddressParts {
  readonly isTls: boolean;
  /** Host name or IP address, IPv6 without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** Number of the database. */
  readonly database: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
}

export class RedisAddress implements RedisAddressParts {
  readonly isTls: boolean;
  readonly hostname: string;
  readonly port: number;
  readonly database: number;
  readonly username: string | undefined;
  readonly #password: string | undefined;

  constructor(parts: RedisAddressParts) {
    this.isTls = parts.isTls;
    this.hostname = parts.hostname;
    this.port = parts.port;
    this.database = parts.database;
    this.username = parts.username;
    this.#password = parts.password;
    Object.freeze(this);
  }

  /** The secret. A getter of the class: copies made by spreading do not hold it. */
  get password(): string | undefined {
    return this.#password;
  }

  /** The address with `***` for the password. */
  toString(): string {
    return this.#text(this.#password === undefined ? undefined : '***');
  }

  /** The address with the password in it, percent-encoded: for one who has to hand it on. The result is a secret. */
  secretText(): string {
    return this.#text(this.#password === undefined ? undefined : encodeURIComponent(this.#password));
  }

  toJSON(): string {
    return this.toString();
  }

  #text(password: string | undefined): string {
    const user = this.username === undefined ? '' : encodeURIComponent(this.username);
    const login = password === undefined ? user : `${user}:${password}`;
    const host = this.hostname.includes(':') ? `[${this.hostname}]` : this.hostname;
    const scheme = this.isTls ? 'rediss' : 'redis';
    return `${scheme}://${login === '' ? '' : `${login}@`}${host}:${this.port}/${this.database}`;
  }

  static {
    Object.defineProperty(this.prototype, inspect.custom, {
      value(this: RedisAddress) {
        return `RedisAddress(${this.toString()})`;
      },
    });
  }
}

const form = 'The form is redis://user:password@host:port/database, or rediss:// for TLS.';
const encode = 'Percent-encode special characters of user and password: "@" is %40, "/" is %2F, ":" is %3A.';
const shape =
  /^(rediss?):\/\/(?:([^:@/?#]*)(?::([^@/?#]*))?@)?(\[[^\]]*\]|[^:@/?#]*)(?::([0-9]{1,5}))?(?:\/([0-9]{0,5}))?$/iu;

/**
 * Reads `redis://` or, for TLS, `rediss://`. Left out: no user and no password, host `localhost`, port 6379, database
 * 0. Throws ERR_CONNECTION_STRING, which names the part and what is allowed, never the text.
 */
export function parseRedisAddress(text: string): RedisAddress {
  const match = shape.exec(text);
  if (match === null) throw failure('text', `it has not the form of an address. ${form}`);
  const [, scheme = '', username = '', password, host = '', port, database = ''] = match;
  return new RedisAddress({
    isTls: scheme.toLowerCase() === 'rediss',
    hostname: hostnameOf(host),
    port: portOf(port),
    database: database === '' ? 0 : Number(database),
    username: username === '' ? undefined : decoded(username, 'user'),
    password: password === undefined || password === '' ? undefined : decoded(password, 'password'),
  });
}

function hostnameOf(host: string): string {
  if (host.startsWith('[')) {
    const address = host.slice(1, -1);
    if (isIPv6(address)) return address;
    throw failure('host', 'what is in brackets is not an IPv6 address.');
  }
  if (/^[\p{L}\p{N}._-]*$/u.test(host)) return host === '' ? 'localhost' : host;
  throw failure('host', 'it holds a character that no host name has.');
}

function portOf(port: string | undefined): number {
  const number = port === undefined ? 6379 : Number(port);
  if (number >= 1 && number <= 65_535) return number;
  throw failure('port', 'it is not a whole number from 1 to 65535.');
}

function decoded(text: string, part: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // The engine's message says no more than this.
    throw failure(part, 'a "%" does not start a percent-encoded UTF-8 character.');
  }
}

function failure(part: string, problem: string): CeleriacError {
  return new CeleriacError('ERR_CONNECTION_STRING', {
    message: `The ${part} of the Redis address cannot be used: ${problem}`,
    hint: encode,
    values: { part },
  });
}
