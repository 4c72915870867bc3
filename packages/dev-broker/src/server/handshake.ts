/**
 * The opening of a connection: protocol header, start, authentication, tune, open. Source: AMQP 0-9-1 §2.2.4.
 */
import { readTable } from '@celeriac/core';

import { protocolHeader } from '../codec/frames.js';
import type { Method, MethodFields, MethodName } from '../codec/methods.js';
import { AmqpError } from '../engine/amqp-error.js';
import type { Vhost } from '../engine/vhost.js';

export interface HandshakeOptions {
  readonly vhosts: ReadonlyMap<string, Vhost>;
  /** User to password. */
  readonly users: ReadonlyMap<string, string>;
  readonly version: string;
  /** Seconds we propose. */
  readonly heartbeat: number;
  /** Bytes of a frame that every peer takes: the most before it is agreed on, and the least that may be. */
  readonly smallestFrame: number;
}

/** What both sides keep to. */
export interface Agreed {
  readonly channelMax: number;
  readonly frameMax: number;
  /** Seconds. */
  readonly heartbeat: number;
}

export interface HandshakeSteps {
  readonly send: <Name extends MethodName>(name: Name, fields: MethodFields<Name>) => void;
  readonly tuned: (agreed: Agreed) => void;
  readonly opened: (vhost: Vhost) => void;
}

const mostChannels = 2047;
const largestFrame = 131_072;
const nothing = Buffer.alloc(0);

/** By what is awaited, as RabbitMQ calls them. */
const states: Partial<Record<MethodName, string>> = {
  'connection.start-ok': 'starting',
  'connection.tune-ok': 'tuning',
  'connection.open': 'opening',
};

export class Handshake {
  connectionName = '';
  /** What the client said that it understands. */
  clientCapabilities: ReadonlySet<string> = new Set();
  #options: HandshakeOptions;
  #steps: HandshakeSteps;
  #header: Buffer | undefined = Buffer.alloc(0);
  #awaiting: MethodName = 'connection.start-ok';
  #user = '';

  constructor(options: HandshakeOptions, steps: HandshakeSteps) {
    this.#options = options;
    this.#steps = steps;
  }

  /** Takes the first eight bytes. Gives what follows them, `refused` for another protocol. */
  takeProtocolHeader(chunk: Buffer): Buffer | 'refused' {
    if (this.#header === undefined) return chunk;
    const bytes = Buffer.concat([this.#header, chunk]);
    const given = bytes.subarray(0, protocolHeader.length);
    if (!given.equals(protocolHeader.subarray(0, given.length))) return 'refused';
    if (given.length < protocolHeader.length) {
      this.#header = bytes;
      return nothing;
    }
    this.#header = undefined;
    this.#start();
    return bytes.subarray(protocolHeader.length);
  }

  method(method: Method): void {
    if (method.name !== this.#awaiting) throw this.#unexpected();
    switch (method.name) {
      case 'connection.start-ok':
        this.#authenticate(method.fields);
        break;
      case 'connection.tune-ok':
        this.#tune(method.fields);
        this.#awaiting = 'connection.open';
        break;
      case 'connection.open':
        this.#open(method.fields.virtualHost);
        break;
      default:
        throw this.#unexpected();
    }
  }

  #unexpected(): AmqpError {
    const state = states[this.#awaiting] ?? 'running';
    return new AmqpError(504, `unexpected method in connection state ${state}`, { hard: true });
  }

  #tune({ channelMax, frameMax, heartbeat }: Agreed): void {
    assertNegotiated('channel_max', channelMax, { least: 1, most: mostChannels });
    assertNegotiated('frame_max', frameMax, { least: this.#options.smallestFrame, most: largestFrame });
    this.#steps.tuned({ channelMax, frameMax, heartbeat });
  }

  #start(): void {
    const capabilities = {
      publisher_confirms: true,
      exchange_exchange_bindings: true,
      'basic.nack': true,
      consumer_cancel_notify: true,
      'connection.blocked': true,
      consumer_priorities: true,
      authentication_failure_close: true,
      per_consumer_qos: true,
      direct_reply_to: true,
    };
    this.#steps.send('connection.start', {
      versionMajor: 0,
      versionMinor: 9,
      serverProperties: { product: 'Celeriac dev broker', version: this.#options.version, capabilities },
      mechanisms: Buffer.from('PLAIN AMQPLAIN'),
      locales: Buffer.from('en_US'),
    });
  }

  #authenticate({ mechanism, response, clientProperties }: MethodFields<'connection.start-ok'>): void {
    const { connection_name: name, capabilities } = clientProperties;
    if (typeof name === 'string') this.connectionName = name;
    this.clientCapabilities = announced(capabilities);
    const { user, password } = credentials(mechanism, response);
    if (this.#options.users.get(user) !== password || password === undefined) {
      throw new AmqpError(
        403,
        `Login was refused using authentication mechanism ${mechanism}. For details see the broker logfile.`,
        { hard: true },
      );
    }
    this.#user = user;
    this.#awaiting = 'connection.tune-ok';
    this.#steps.send('connection.tune', {
      channelMax: mostChannels,
      frameMax: largestFrame,
      heartbeat: this.#options.heartbeat,
    });
  }

  #open(name: string): void {
    const vhost = this.#options.vhosts.get(name);
    if (vhost === undefined) {
      throw new AmqpError(530, `vhost ${name} not found for user '${this.#user}'`, { hard: true });
    }
    this.#awaiting = 'connection.close';
    this.#steps.opened(vhost);
    this.#steps.send('connection.open-ok', { knownHosts: '' });
  }
}

/** Those that a client's table says yes to. */
function announced(capabilities: unknown): ReadonlySet<string> {
  const entries =
    typeof capabilities === 'object' && capabilities !== null ? Object.entries(capabilities) : [];
  return new Set(entries.filter(([, value]) => value === true).map(([name]) => name));
}

/** Throws 530 when a client asks for less or more than it may (rabbit_reader.erl: fail_negotiation). */
function assertNegotiated(
  field: string,
  value: number,
  { least, most }: { least: number; most: number },
): void {
  const isTooMuch = value === 0 || value > most; // 0 is no limit
  if (!isTooMuch && value >= least) return;
  const unlimited = field === 'channel_max' && value === 0 ? ' (no limit)' : '';
  const allowed = isTooMuch
    ? `higher than the maximum allowed value (${most})`
    : `lower than the minimum allowed value (${least})`;
  throw new AmqpError(530, `negotiated ${field} = ${value}${unlimited} is ${allowed}`, { hard: true });
}

/** SASL PLAIN (RFC 4616), or AMQPLAIN: a table without its length. */
function credentials(mechanism: string, response: Buffer): { user: string; password: string | undefined } {
  if (mechanism === 'PLAIN') {
    const [, user = '', password] = response.toString('utf8').split('\0');
    return { user, password };
  }
  if (mechanism !== 'AMQPLAIN') {
    throw new AmqpError(503, `unknown authentication mechanism '${mechanism}'`, { hard: true });
  }
  const { LOGIN: user, PASSWORD: password } = loginTable(response);
  return {
    user: typeof user === 'string' ? user : '',
    password: typeof password === 'string' ? password : undefined,
  };
}

function loginTable(response: Buffer): Readonly<Record<string, unknown>> {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(response.length);
  try {
    return readTable(Buffer.concat([length, response]), 0).table;
  } catch (error) {
    throw new AmqpError(502, `AMQPLAIN auth info cannot be read: ${(error as Error).message}`, {
      hard: true,
    });
  }
}
