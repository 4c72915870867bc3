/**
 * A bare AMQP client, for what amqplib does not offer or forbids: transactions, methods without an answer, frames of
 * one's own. Sends what it is told and shows what comes; corrects nothing.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import { writeTable } from '@celeriac/core';

import { frames, methodCodec, type MethodFields, type MethodName, methods } from './codec.js';

const { bodyFrames, FrameParser, frameText, frameType } = frames;
const { decodeMethod, encodeMethod } = methodCodec;

/** A method that came, its content with it; `closed` is the end of the connection. */
export interface Received {
  readonly name: MethodName | 'closed' | 'heartbeat';
  readonly channel: number;
  readonly fields: Readonly<Record<string, unknown>>;
  body?: Buffer;
  /** Bytes of each body frame's payload. */
  frames?: number[];
}

export interface RawOptions {
  readonly frameMax?: number;
  readonly channelMax?: number;
  /** Seconds; 0 is none. */
  readonly heartbeat?: number;
  readonly capabilities?: Readonly<Record<string, boolean>>;
  /** As it calls itself. */
  readonly name?: string;
}

const zeros = { octet: 0, short: 0, long: 0, longlong: 0, bit: false, shortstr: '', table: {} };

export class RawClient {
  readonly socket: Socket;
  #parser = new FrameParser(0);
  #received: Received[] = [];
  #awaitingBody: { readonly received: Received; left: number } | undefined;
  #news: (() => void) | undefined;
  #frameMax = 131_072;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#parser.push(chunk);
      for (let frame = this.#parser.next(); frame !== undefined; frame = this.#parser.next())
        this.#frame(frame);
    });
    socket.on('error', () => undefined); // being reset is an answer too: `close` follows
    socket.on('close', () => this.#add({ name: 'closed', channel: 0, fields: {} }));
  }

  /** Connects, and opens channel 1. */
  static async open(url: string, options: RawOptions = {}): Promise<RawClient> {
    const { port, username, password, pathname } = new URL(url);
    const socket = connect(Number(port), '127.0.0.1');
    await once(socket, 'connect');
    const client = new RawClient(socket);
    socket.write(Buffer.from('AMQP\0\0\x09\x01', 'latin1'));
    await client.receive('connection.start');
    client.send(
      'connection.start-ok',
      {
        clientProperties: {
          capabilities: options.capabilities ?? { consumer_cancel_notify: true },
          ...(options.name === undefined ? {} : { connection_name: options.name }),
        },
        mechanism: 'PLAIN',
        response: Buffer.from(`\0${username}\0${password}`),
        locale: 'en_US',
      },
      0,
    );
    await client.receive('connection.tune');
    const { frameMax = 131_072, channelMax = 2047, heartbeat = 0 } = options;
    client.#frameMax = frameMax;
    client.send('connection.tune-ok', { channelMax, frameMax, heartbeat }, 0);
    const vhost = pathname === '//' ? '/' : decodeURIComponent(pathname.slice(1));
    const answer = await client.call('connection.open', { virtualHost: vhost }, { channel: 0 });
    if (answer.name !== 'connection.open-ok') {
      socket.destroy();
      const { replyCode, replyText } = answer.fields as { replyCode?: number; replyText?: string };
      throw new Error(replyCode === undefined ? 'not let in' : `not let in: ${replyCode} ${replyText}`);
    }
    await client.call('channel.open', {});
    return client;
  }

  /** Fields that are left out are zero, false or empty. */
  send<Name extends MethodName>(name: Name, fields: Partial<MethodFields<Name>>, channel = 1): void {
    const definition = methods.find((method) => method.name === name);
    const defaults = (definition?.fields ?? []).map(([field, type]) => [
      field,
      type === 'longstr' ? Buffer.alloc(0) : zeros[type],
    ]);
    const all = { ...Object.fromEntries(defaults), ...fields } as MethodFields<Name>;
    this.frame(frameType.method, channel, encodeMethod(name, all));
  }

  /** A frame as it is; the payload is one character per byte. */
  frame(type: number, channel: number, payload: string): void {
    this.socket.write(Buffer.from(frameText(type, channel, payload), 'latin1'));
  }

  publish(
    fields: Partial<MethodFields<'basic.publish'>>,
    body = 'x',
    properties: { headers?: Record<string, unknown>; replyTo?: string } = {},
  ): void {
    this.send('basic.publish', fields);
    this.header(Buffer.byteLength(body), properties);
    for (const part of bodyFrames(1, Buffer.from(body), this.#frameMax)) this.socket.write(part, 'latin1');
  }

  header(
    size: number,
    { headers, replyTo }: { headers?: Record<string, unknown>; replyTo?: string } = {},
  ): void {
    const head = Buffer.alloc(14);
    head.writeUInt16BE(60, 0);
    head.writeBigUInt64BE(BigInt(size), 4);
    head.writeUInt16BE((headers === undefined ? 0 : 0x2000) | (replyTo === undefined ? 0 : 0x0200), 12);
    const table = headers === undefined ? '' : writeTable(headers);
    const reply = replyTo === undefined ? '' : String.fromCharCode(replyTo.length) + replyTo;
    this.frame(frameType.header, 1, head.toString('latin1') + table + reply);
  }

  /** Sends, and waits for the `-ok` (or the close that comes instead). */
  async call<Name extends MethodName>(
    name: Name,
    fields: Partial<MethodFields<Name>>,
    { channel = 1 }: { readonly channel?: number } = {},
  ): Promise<Received> {
    this.send(name, fields, channel);
    return this.receive(`${name}-ok` as MethodName, 'channel.close', 'connection.close', 'closed');
  }

  /** The next of these names; what came before it stays for later. */
  async receive(...names: Received['name'][]): Promise<Received> {
    for (;;) {
      const index = this.#received.findIndex(
        ({ name, body }) => names.includes(name) && !(hasContent(name) && body === undefined),
      );
      const [found] = index === -1 ? [] : this.#received.splice(index, 1);
      if (found !== undefined) return found;
      if (this.#received.some(({ name }) => name === 'closed')) {
        throw new Error(`the connection is closed; waited for ${names.join(', ')}`);
      }
      await new Promise<void>((resolve) => (this.#news = resolve));
    }
  }

  /** What came and was not asked for, in order: everything the broker had to say before it answered this. */
  async rest(): Promise<Received[]> {
    await this.call('basic.qos', {});
    return this.#received.splice(0);
  }

  close(): void {
    this.socket.destroy();
  }

  #frame({ type, channel, payload }: { type: number; channel: number; payload: Buffer }): void {
    if (type === frameType.heartbeat) {
      this.#add({ name: 'heartbeat', channel, fields: {} });
    } else if (type === frameType.method) {
      const { name, fields } = decodeMethod(payload);
      this.#add({ name, channel, fields: fields });
    } else {
      this.#content(type, payload);
    }
  }

  #content(type: number, payload: Buffer): void {
    if (type === frameType.header) {
      const received = this.#received.at(-1) as Received;
      received.frames = [];
      this.#awaitingBody = { received, left: Number(payload.readBigUInt64BE(4)) };
      if (this.#awaitingBody.left === 0) received.body = Buffer.alloc(0);
    } else if (this.#awaitingBody !== undefined) {
      const { received } = this.#awaitingBody;
      received.frames?.push(payload.length);
      this.#awaitingBody.left -= payload.length;
      const parts = (this.#parts ??= []);
      parts.push(Buffer.from(payload));
      if (this.#awaitingBody.left === 0) {
        received.body = Buffer.concat(parts);
        this.#parts = undefined;
      }
    }
    this.#news?.();
  }

  #parts: Buffer[] | undefined;

  #add(received: Received): void {
    this.#received.push(received);
    this.#news?.();
  }
}

function hasContent(name: Received['name']): boolean {
  return name === 'basic.deliver' || name === 'basic.get-ok' || name === 'basic.return';
}
