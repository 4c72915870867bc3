/** A broker of either kind with nothing in it, and raw looks into its queues. */
import { type DevBroker, startBroker } from '@celeriac/dev-broker';
import amqp, { type ChannelModel, type Options } from 'amqplib';

import { Vhost } from './broker.js';
import { waitFor } from './wait-for.js';

export type PlaceKind = 'the embedded broker' | 'RabbitMQ';

export interface Looked {
  readonly id: string;
  readonly redelivered: boolean;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly expiration: string | undefined;
  readonly body: string;
}

interface Properties {
  readonly messageId?: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly expiration?: string;
}

export class Place implements AsyncDisposable {
  readonly url: string;
  #owner: DevBroker | Vhost | undefined;
  #connection: ChannelModel;

  private constructor(url: string, owner: DevBroker | Vhost | undefined, connection: ChannelModel) {
    this.url = url;
    this.#owner = owner;
    this.#connection = connection;
  }

  static async open(kind: PlaceKind): Promise<Place> {
    const owner = kind === 'RabbitMQ' ? await Vhost.create() : await startBroker();
    return new Place(owner.url, owner, await connect(owner.url));
  }

  /** One that somebody else stops. */
  static async at(url: string): Promise<Place> {
    return new Place(url, undefined, await connect(url));
  }

  async declare(queue: string, args: Readonly<Record<string, unknown>>): Promise<void> {
    const channel = await this.#connection.createChannel();
    await channel.assertQueue(queue, { durable: true, arguments: args });
    await channel.close();
  }

  /** Publishes to a queue, confirmed. */
  async publish(queue: string, body: unknown, options: Options.Publish): Promise<void> {
    const channel = await this.#connection.createConfirmChannel();
    channel.sendToQueue(queue, Buffer.from(JSON.stringify(body)), { persistent: true, ...options });
    await channel.waitForConfirms();
    await channel.close();
  }

  /** Messages with the ids `0`, `1`, … and nothing else to tell. */
  async fill(queue: string, count: number): Promise<void> {
    const channel = await this.#connection.createConfirmChannel();
    for (let index = 0; index < count; index++) {
      channel.sendToQueue(queue, Buffer.from('x'), { persistent: true, messageId: String(index) });
    }
    await channel.waitForConfirms();
    await channel.close();
  }

  async depth(queue: string): Promise<number> {
    const channel = await this.#connection.createChannel();
    channel.on('error', () => undefined); // a missing queue closes it
    const { messageCount } = await channel.checkQueue(queue);
    await channel.close();
    return messageCount;
  }

  async untilDepth(queue: string, depth: number): Promise<void> {
    let last = -1;
    const check = async (): Promise<boolean> => (last = await this.depth(queue)) === depth;
    await waitFor(check, { what: `${depth} messages in ${queue}` }).catch((error: unknown) => {
      throw new Error(`${queue} holds ${last} messages, not ${depth}`, { cause: error });
    });
  }

  /** Until there is such a queue, with something in it. */
  async untilSome(queue: string): Promise<void> {
    const check = async (): Promise<boolean> => (await this.depth(queue).catch(() => 0)) > 0;
    await waitFor(check, { what: `messages in ${queue}` });
  }

  async delete(queue: string): Promise<void> {
    const channel = await this.#connection.createChannel();
    await channel.deleteQueue(queue);
    await channel.close();
  }

  /** Takes everything out of a queue. */
  async take(queue: string): Promise<readonly Looked[]> {
    const channel = await this.#connection.createChannel();
    const taken: Looked[] = [];
    for (;;) {
      const message = await channel.get(queue, { noAck: true });
      if (message === false) break;
      const { messageId, headers, expiration } = message.properties as Properties;
      const { redelivered } = message.fields;
      taken.push({
        id: messageId ?? '',
        redelivered,
        headers: headers ?? {},
        expiration,
        body: message.content.toString(),
      });
    }
    await channel.close();
    return taken;
  }

  /** The bodies of all that wait in a queue which knows no basic.get, as quorum queues with a single active consumer. */
  async consumed(queue: string): Promise<readonly string[]> {
    const channel = await this.#connection.createChannel();
    const { messageCount } = await channel.checkQueue(queue);
    const bodies: string[] = [];
    await channel.consume(queue, (message) => message !== null && bodies.push(message.content.toString()));
    await waitFor(() => bodies.length >= messageCount, { what: `the messages of ${queue}` });
    await channel.close();
    return bodies;
  }

  /** Gets the queue's first message and gives it back, so many times. */
  async bounce(queue: string, times: number): Promise<void> {
    const channel = await this.#connection.createChannel();
    for (let count = 0; count < times; count++) {
      const message = await waitFor(() => channel.get(queue), { what: `a message in ${queue}` });
      channel.nack(message, false, true);
    }
    await channel.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.close();
    if (this.#owner instanceof Vhost) await this.#owner[Symbol.asyncDispose]();
    else await this.#owner?.stop();
  }
}

async function connect(url: string): Promise<ChannelModel> {
  const connection = await amqp.connect(url);
  connection.on('error', () => undefined);
  return connection;
}
