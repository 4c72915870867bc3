/**
 * The opening of a connection: protocol header, start, authentication, tune, open. Source: AMQP 0-9-1 §2.2.4.
 */
import { readTable } from '@celeriac/core';

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
}

export interface HandshakeSteps {
  readonly send: <Name extends MethodName>(name: Name, fields: MethodFields<Name>) => void;
  readonly tuned: (agreed: { readonly frameMax: number; readonly heartbeat: number }) => void;
  readonly opened: (vhost: Vhost) => void;
}

const protocolHeader = Buffer.from('AMQP\0\0\x09\x01', 'latin1');
const channelMax = 2047;
const frameMax = 131_072;

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

  /** Takes the first eight bytes. Gives what follows them, undefined when there is none, `refused` for another protocol. */
  takeProtocolHeader(chunk: Buffer): Buffer | undefined | 'refused' {
    if (this.#header === undefined) return chunk;
    const bytes = Buffer.concat([this.#header, chunk]);
    const given = bytes.subarray(0, protocolHeader.length);
    if (!given.equals(protocolHeader.subarray(0, given.length))) return 'refused';
    if (given.length < protocolHeader.length) {
      this.#header = bytes;
      return undefined;
    }
    this.#header = undefined;
    this.#start();
    return bytes.length > protocolHeader.length ? bytes.subarray(protocolHeader.length) : undefined;
  }

  method(method: Method): void {
    if (method.name !== this.#awaiting) throw new AmqpError(503, `unexpected ${method.name}`, { hard: true });
    switch (method.name) {
      case 'connection.start-ok':
        this.#authenticate(method.fields);
        break;
      case 'connection.tune-ok':
        this.#steps.tuned(method.fields);
        this.#awaiting = 'connection.open';
        break;
      case 'connection.open':
        this.#open(method.fields.virtualHost);
        break;
      default:
        throw new AmqpError(503, `unexpected ${method.name}`, { hard: true });
    }
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
    this.#steps.send('connection.tune', { channelMax, frameMax, heartbeat: this.#options.heartbeat });
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

/** SASL PLAIN (RFC 4616), or AMQPLAIN: a table without its length. */
function credentials(mechanism: string, response: Buffer): { user: string; password: string | undefined } {
  if (mechanism === 'PLAIN') {
    const [, user = '', password] = response.toString('utf8').split('\0');
    return { user, password };
  }
  const length = Buffer.alloc(4);
  length.writeUInt32BE(response.length);
  const { table } = readTable(Buffer.concat([length, response]), 0);
  const { LOGIN: user, PASSWORD: password } = table;
  return {
    user: typeof user === 'string' ? user : '',
    password: typeof password === 'string' ? password : undefined,
  };
}
