/**
 * Reads connection strings the way Kombu 5 does (`kombu.utils.url`, `kombu.connection`), where that is
 * unambiguous; ADR 9 lists the differences. Never touches the network, and never puts any part of the text that
 * could be a password into an error.
 */
import { isIPv6 } from 'node:net';

import { CeleriacError } from '../errors.js';
import { BrokerAddress, type BrokerProtocol, ConnectionString } from './broker-address.js';
import { nearest } from '../policy/nearest.js';

export {
  BrokerAddress,
  type BrokerAddressParts,
  type BrokerProtocol,
  ConnectionString,
  formatConnectionString,
} from './broker-address.js';

/** What is wrong, before it is known which of several addresses it is about. */
interface Fault {
  readonly part: string;
  readonly message: string;
  readonly hint: string;
}

class FaultError extends Error {
  readonly fault: Fault;

  constructor(part: string, message: string, hint: string) {
    super(message);
    this.fault = { part, message, hint };
  }
}

const schemes: Readonly<Record<string, BrokerProtocol>> = {
  amqp: 'amqp',
  pyamqp: 'amqp',
  amqps: 'amqps',
  memory: 'memory',
};
const defaultPorts: Readonly<Record<BrokerProtocol, number>> = { amqp: 5672, amqps: 5671, memory: 0 };
const shape = 'The form is amqp://, then user:password@host:port/vhost.';
const encode =
  'Percent-encode special characters of user, password and vhost: "@" is %40, "/" is %2F, "#" is %23, "?" is %3F, "%" is %25, ";" is %3B, a blank is %20.';

/**
 * Reads one address, or several separated by `;`. Left out: user and password are `guest`, the host is
 * `localhost`, the port 5672 (`amqps`: 5671), the vhost `/`. Query: `heartbeat` (seconds) and
 * `connection_timeout` (milliseconds), as in RabbitMQ's URI query parameters. `memory://` is a broker inside this
 * process.
 * Throws ERR_CONNECTION_STRING, which names the part and what is allowed, never the text.
 */
export function parseConnectionString(text: string): ConnectionString {
  if (typeof text !== 'string') throw failure({ part: 'text', message: 'It is not a text.', hint: shape });
  const parts = text.split(';');
  return new ConnectionString(
    parts.map((part, index) => {
      try {
        return parseAddress(part, index);
      } catch (error) {
        if (!(error instanceof FaultError)) throw error;
        throw failure(error.fault, parts.length > 1 ? `address ${index + 1} of ${parts.length}` : undefined);
      }
    }),
  );
}

function failure(fault: Fault, which?: string): CeleriacError {
  const subject = which === undefined ? 'connection string' : `connection string (${which})`;
  return new CeleriacError('ERR_CONNECTION_STRING', {
    message: `The ${fault.part} of the ${subject} cannot be used: ${fault.message}`,
    hint: fault.hint,
    values: { part: fault.part, ...(which === undefined ? {} : { which }) },
  });
}

function parseAddress(text: string, index: number): BrokerAddress {
  if (text === '') throw new FaultError('text', 'it is empty.', shape);
  if (/[\s\p{Cc}]/u.test(text))
    throw new FaultError('text', 'it holds a blank, a line break or a control character.', encode);
  const { protocol, rest } = splitScheme(text, index);
  if (protocol === 'memory') return parseMemoryAddress(rest);
  const { userInfo, host, path, query } = splitRest(rest);
  const settings = parseQuery(query);
  return new BrokerAddress({
    protocol,
    ...parseHost(host, defaultPorts[protocol]),
    ...parseUserInfo(userInfo),
    vhost: parseVhost(path),
    ...settings,
  });
}

/** `memory://`, `memory://name`, `memory://name/vhost`: there is nobody to log in to and nowhere to go. */
function parseMemoryAddress(rest: string): BrokerAddress {
  const match = /^([\p{L}\p{N}._-]*)(\/[^?#]*)?$/u.exec(rest);
  if (match === null)
    throw new FaultError(
      'text',
      'memory:// takes neither user, port nor query.',
      'The form is memory://, or memory://name/vhost.',
    );
  const [, hostname = '', path = ''] = match;
  const login = { username: 'guest', password: 'guest' };
  return new BrokerAddress({ protocol: 'memory', hostname, port: 0, ...login, vhost: parseVhost(path) });
}

function splitScheme(text: string, index: number): { protocol: BrokerProtocol; rest: string } {
  const match = /^([a-z][a-z0-9+.-]{0,30}):\/\/(.*)$/iu.exec(text);
  if (match === null) {
    // A raw ";" in a password cuts the text, and what follows has no scheme: so say nothing of what is there.
    const hint = index === 0 ? shape : `Each address after ";" has its own scheme. ${encode}`;
    throw new FaultError('scheme', 'there is none (no "://").', hint);
  }
  const scheme = (match[1] ?? '').toLowerCase();
  const protocol = Object.hasOwn(schemes, scheme) ? schemes[scheme] : undefined;
  if (protocol !== undefined) return { protocol, rest: match[2] ?? '' };
  const found = index === 0 ? `"${scheme}" is not one of amqp, amqps, pyamqp, memory.` : 'it is not known.';
  throw new FaultError('scheme', found, schemeHint(scheme));
}

function schemeHint(scheme: string): string {
  if (/^(amqp|pyamqp|rabbitmq)\+?(s|ssl|tls)$/u.test(scheme)) return 'For TLS write amqps://.';
  const near = nearest(scheme, Object.keys(schemes));
  return near === undefined
    ? 'Celeriac speaks AMQP 0-9-1: write amqp:// or amqps://.'
    : `Did you mean ${near}://?`;
}

interface Rest {
  readonly userInfo: string | undefined;
  readonly host: string;
  readonly path: string;
  readonly query: string;
}

function splitRest(rest: string): Rest {
  // Kombu cuts at the first "/", "?" or "#" and goes on with another host; here a raw one before "@" is an error.
  if (rest.includes('#')) throw new FaultError('password', 'there is a raw "#" in the text.', encode);
  const at = rest.indexOf('@');
  if (at !== rest.lastIndexOf('@'))
    throw new FaultError('password', 'there is more than one raw "@" in the text.', encode);
  const userInfo = at === -1 ? undefined : rest.slice(0, at);
  if (userInfo !== undefined && /[/?[\]]/u.test(userInfo))
    throw new FaultError('password', 'there is a raw "/", "?", "[" or "]" before the "@".', encode);
  const match = /^([^/?]*)([^?]*)(?:\?(.*))?$/u.exec(rest.slice(at + 1));
  return { userInfo, host: match?.[1] ?? '', path: match?.[2] ?? '', query: match?.[3] ?? '' };
}

function parseUserInfo(userInfo = ''): { username: string; password: string } {
  const colon = userInfo.indexOf(':');
  const user = colon === -1 ? userInfo : userInfo.slice(0, colon);
  const password = colon === -1 ? '' : userInfo.slice(colon + 1);
  // Kombu: whatever is missing or empty is `guest` (py-amqp's defaults).
  return {
    username: user === '' ? 'guest' : decoded(user, 'user'),
    password: password === '' ? 'guest' : decoded(password, 'password'),
  };
}

function decoded(text: string, part: string): string {
  let result: string;
  try {
    result = decodeURIComponent(text);
  } catch {
    // The engine's message says no more than this, and holds no position.
    throw new FaultError(part, 'a "%" does not start a percent-encoded UTF-8 character.', encode);
  }
  // NUL separates user and password in SASL PLAIN.
  if (result.includes('\0')) throw new FaultError(part, 'it holds a NUL character.', 'Remove %00.');
  return result;
}

function parseHost(host: string, defaultPort: number): { hostname: string; port: number } {
  const match = /^(?:\[([^[\]]*)\]|([^:[\]]*))(?::(.*))?$/u.exec(host);
  // Neither host nor port is shown: with the "@" forgotten, the password stands where the port should be.
  if (match === null)
    throw new FaultError('host', 'it is not host, host:port or [IPv6]:port.', `${shape} ${encode}`);
  const [, bracketed, plain = '', port] = match;
  if (bracketed !== undefined && !isIPv6(decoded(bracketed, 'host')))
    throw new FaultError(
      'host',
      'what is in brackets is not an IPv6 address.',
      'Write [::1] or a host name.',
    );
  if (bracketed === undefined && !/^[\p{L}\p{N}._-]*$/u.test(plain))
    throw new FaultError('host', 'it holds a character that no host name has.', `${shape} ${encode}`);
  const hostname = bracketed === undefined ? plain : decoded(bracketed, 'host');
  return { hostname: hostname === '' ? 'localhost' : hostname, port: parsePort(port, defaultPort) };
}

function parsePort(port: string | undefined, defaultPort: number): number {
  if (port === undefined || port === '') return defaultPort;
  const number = /^[0-9]{1,5}$/u.test(port) ? Number(port) : 0;
  if (number >= 1 && number <= 65_535) return number;
  throw new FaultError('port', 'it is not a whole number from 1 to 65535.', `${shape} ${encode}`);
}

function parseVhost(path: string): string {
  // Kombu: `amqp://h`, `amqp://h/` and `amqp://h//` all mean the vhost "/".
  if (path === '' || path === '/' || path === '//') return '/';
  if (path.endsWith('/'))
    throw new FaultError(
      'vhost',
      'it ends with a "/", which would be part of its name.',
      'Leave the slash out, or write it %2F if the vhost is really called so.',
    );
  const vhost = decoded(path.slice(1), 'vhost');
  if (Buffer.byteLength(vhost) > 255)
    throw new FaultError('vhost', 'it is longer than 255 bytes.', 'AMQP allows no longer one.');
  return vhost;
}

interface QuerySettings {
  heartbeat?: number;
  connectTimeout?: number;
}

/** Largest values: a short integer of AMQP for the heartbeat, a day for the timeout. */
const queryLimits: Readonly<Record<string, readonly [number, number]>> = {
  heartbeat: [0, 65_535],
  connection_timeout: [1, 86_400_000],
};

function parseQuery(query: string): QuerySettings {
  const settings: QuerySettings = {};
  const seen = new Set<string>();
  for (const pair of query === '' ? [] : query.split('&')) {
    const [key = '', value = ''] = pair.split(/=(.*)/su);
    if (!Object.hasOwn(queryLimits, key)) throw unknownQueryKey(key);
    if (seen.has(key)) throw new FaultError('query', `"${key}" is there twice.`, 'Leave one.');
    seen.add(key);
    const number = queryNumber(key, value);
    if (key === 'heartbeat') settings.heartbeat = number;
    else settings.connectTimeout = number / 1000;
  }
  return settings;
}

function queryNumber(key: string, value: string): number {
  const [least, most] = queryLimits[key] ?? [0, 0];
  const number = /^[0-9]{1,8}$/u.test(value) ? Number(value) : -1;
  if (number >= least && number <= most) return number;
  const unit = key === 'heartbeat' ? 'seconds' : 'milliseconds';
  throw new FaultError(
    'query',
    `"${key}" is not a whole number of ${unit}.`,
    `Allowed: ${least} to ${most}.`,
  );
}

function unknownQueryKey(key: string): FaultError {
  const allowed = 'Allowed: heartbeat (seconds), connection_timeout (milliseconds).';
  if (/^(cacertfile|certfile|keyfile|verify|server_name_indication|ssl\w{0,20})$/u.test(key))
    return new FaultError('query', `TLS settings ("${key}") are not read from it.`, 'Use the section "tls".');
  const near = nearest(key, Object.keys(queryLimits));
  const hint = near === undefined ? allowed : `Did you mean ${near}? ${allowed}`;
  return new FaultError('query', 'it has an unknown key.', hint);
}
