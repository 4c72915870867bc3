/**
 * A broker that a test plays: speaks AMQP on a loopback socket, opens what it is asked to open, writes down what is
 * published, and confirms, returns or closes only when told to. Reads and writes frames with amqplib's own codec, not
 * with ours. Stores and routes nothing.
 */
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';

type Fields = Readonly<Record<string, unknown>>;

interface Defs {
  readonly [method: string]: number;
}

interface Codec {
  encodeMethod(id: number, channel: number, fields: Fields): Buffer;
  encodeProperties(id: number, channel: number, size: number, fields: Fields): Buffer;
}

interface FrameCodec {
  parseFrame(bytes: Buffer, max: number): false | { readonly rest: Buffer };
  decodeFrame(frame: object): Decoded;
  makeBodyFrame(channel: number, payload: Buffer): Buffer;
}

interface Decoded {
  readonly id?: number;
  readonly channel: number;
  readonly fields?: Fields;
  readonly size?: number;
  readonly content?: Buffer;
}

const load = createRequire(import.meta.url);
const library = join(dirname(load.resolve('amqplib')), 'lib');
const codec = load(join(library, 'defs.js')) as Codec;
const defs = codec as unknown as Defs;
const frames = load(join(library, 'frame.js')) as FrameCodec;

const protocolHeaderBytes = 8;

/** The name of a method's id, for instance `BasicPublish`. */
const methods = new Map(
  Object.entries(defs).flatMap(([name, id]) =>
    typeof id === 'number' && id > 0xffff ? [[id, name] as const] : [],
  ),
);

/** Text of no length for what RabbitMQ fills and nobody reads. */
const answers: Readonly<Record<string, readonly [string, Fields] | undefined>> = {
  ConnectionStartOk: ['ConnectionTune', { channelMax: 2047, frameMax: 4096, heartbeat: 0 }],
  ConnectionOpen: ['ConnectionOpenOk', { knownHosts: '' }],
  ConnectionClose: ['ConnectionCloseOk', {}],
  ChannelOpen: ['ChannelOpenOk', { channelId: Buffer.alloc(0) }],
  ChannelClose: ['ChannelCloseOk', {}],
  ConfirmSelect: ['ConfirmSelectOk', {}],
  BasicConsume: ['BasicConsumeOk', { consumerTag: 'c' }],
};

/** A message as it arrived. */
export interface Published {
  /** Counts from 1 on each channel: what it is confirmed by. */
  readonly tag: number;
  readonly exchange: string;
  readonly routingKey: string;
  readonly mandatory: boolean;
  readonly properties: Fields;
  readonly id: string;
  readonly body: Buffer;
}

interface Arriving {
  readonly publish: Fields;
  header?: { readonly fields: Fields; readonly size: number };
  readonly body: Buffer[];
  bytes: number;
}

export class ScriptedBroker {
  readonly published: Published[] = [];
  /** The names of all methods that came, in order. */
  readonly methods: string[] = [];
  #server: Server = createServer((socket) => this.#accept(socket));
  #socket: Socket | undefined;
  #rest: Buffer = Buffer.alloc(0);
  #greeted = false;
  #tag = 0;
  #channel = 1;
  #ignoring = false;
  #arriving: Arriving | undefined;

  /** Listens on a free port of the loopback interface. */
  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  /** Ids of what was published, in order. */
  get ids(): readonly string[] {
    return this.published.map(({ id }) => id);
  }

  get socket(): Socket {
    if (this.#socket === undefined) throw new Error('nobody is connected');
    return this.#socket;
  }

  ack(deliveryTag: number, multiple = false): void {
    this.send('BasicAck', { deliveryTag, multiple });
  }

  nack(deliveryTag: number, multiple = false): void {
    this.send('BasicNack', { deliveryTag, multiple, requeue: false });
  }

  /** Gives a message back as unroutable; it is still to be confirmed. */
  giveBack({ exchange, routingKey, properties, body }: Published): void {
    this.send('BasicReturn', { replyCode: 312, replyText: 'NO_ROUTE', exchange, routingKey });
    this.#content(codec.encodeProperties(60, this.#channel, body.length, properties), body);
  }

  /** Delivers a message to the consumer `c`. `header` is a whole content-header frame. */
  deliver(deliveryTag: number, header: Buffer, body: Buffer): void {
    const fields = { consumerTag: 'c', deliveryTag, redelivered: false, exchange: '', routingKey: 'q' };
    this.send('BasicDeliver', fields);
    this.#content(header, body);
  }

  /** As RabbitMQ does it: whatever comes before the client has agreed is ignored. */
  closeChannel(replyCode: number, replyText: string): void {
    this.#ignoring = true;
    this.send('ChannelClose', { replyCode, replyText, classId: 60, methodId: 40 });
  }

  /** Cuts the connection without a word. */
  cut(): void {
    this.socket.destroy();
  }

  async stop(): Promise<void> {
    this.#socket?.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  send(method: string, fields: Fields, channel: number = this.#channel): void {
    this.socket.write(codec.encodeMethod(defs[method] as number, channel, fields));
  }

  #content(header: Buffer, body: Buffer): void {
    this.socket.write(header);
    if (body.length > 0) this.socket.write(frames.makeBodyFrame(this.#channel, body));
  }

  #accept(socket: Socket): void {
    this.#socket = socket;
    this.#rest = Buffer.alloc(0);
    this.#greeted = false;
    socket.setNoDelay(true); // else answers wait 40 ms for the peer's acknowledgement
    socket.on('error', () => undefined); // cut by either side
    socket.on('data', (bytes: Buffer) => {
      this.#rest = Buffer.concat([this.#rest, bytes]);
      this.#read();
    });
  }

  #read(): void {
    if (!this.#greeted) {
      if (this.#rest.length < protocolHeaderBytes) return;
      this.#greeted = true;
      this.#rest = this.#rest.subarray(protocolHeaderBytes);
      const start = { versionMajor: 0, versionMinor: 9, serverProperties: {} };
      this.send('ConnectionStart', { ...start, mechanisms: Buffer.from('PLAIN') }, 0);
    }
    for (;;) {
      const frame = frames.parseFrame(this.#rest, 0);
      if (frame === false) return;
      this.#rest = frame.rest;
      this.#frame(frames.decodeFrame(frame));
    }
  }

  #frame(frame: Decoded): void {
    const method = methods.get(frame.id ?? 0);
    if (method === undefined) this.#part(frame);
    else this.#method(method, frame);
  }

  #method(method: string, { channel, fields = {} }: Decoded): void {
    this.methods.push(method);
    if (method === 'BasicPublish' && !this.#ignoring) {
      this.#arriving = { publish: fields, body: [], bytes: 0 };
    }
    if (method === 'ChannelOpen') {
      this.#channel = channel;
      this.#tag = 0;
    }
    if (method === 'ChannelCloseOk') this.#ignoring = false;
    const answer = answers[method];
    if (answer !== undefined) this.send(answer[0], answer[1], channel);
  }

  /** A content header or a piece of a body. */
  #part({ fields, size, content }: Decoded): void {
    const arriving = this.#arriving;
    if (arriving === undefined) return;
    if (fields !== undefined && size !== undefined) arriving.header = { fields, size };
    else if (content !== undefined) {
      arriving.body.push(content);
      arriving.bytes += content.length;
    }
    const { publish, header, body, bytes } = arriving;
    if (header === undefined || bytes < header.size) return;
    this.#arriving = undefined;
    this.published.push({
      tag: ++this.#tag,
      exchange: String(publish['exchange']),
      routingKey: String(publish['routingKey']),
      mandatory: publish['mandatory'] === true,
      properties: header.fields,
      id: String(header.fields['messageId']),
      body: Buffer.concat(body),
    });
  }
}
