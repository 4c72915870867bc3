/** The conformance tier's subjects: the embedded broker and RabbitMQ, each tried with the same tests. */
import { startBroker } from '@celeriac/dev-broker';
import amqp, { type Channel, type ChannelModel, type ConfirmChannel, type GetMessage } from 'amqplib';

import { requireRabbit, Vhost } from '../support/broker.js';
import { waitFor } from '../support/wait-for.js';

export type SubjectName = 'the embedded broker' | 'RabbitMQ';

/** A broker to try things on, empty at the start. */
export interface Subject {
  readonly name: SubjectName;
  readonly url: string;
  /** Closes every client's connection (CONNECTION_FORCED). */
  readonly closeConnections: () => Promise<void>;
  /** Another virtual host of it. */
  readonly neighbour: () => Promise<Pick<Subject, 'url' | 'close'>>;
  readonly close: () => Promise<void>;
}

const subjects: Readonly<Record<SubjectName, () => Promise<Subject>>> = {
  'the embedded broker': async () => {
    const broker = await startBroker();
    const neighbour: Subject['neighbour'] = () => {
      broker.addVhost('next');
      return Promise.resolve({ url: new URL('/next', broker.url).href, close: () => Promise.resolve() });
    };
    return {
      name: 'the embedded broker',
      url: broker.url,
      closeConnections: () => {
        for (const connection of broker.connections) connection.close(320, 'CONNECTION_FORCED - test');
        return Promise.resolve();
      },
      neighbour,
      close: () => broker.stop(),
    };
  },
  RabbitMQ: async () => {
    const vhost = await Vhost.create();
    return {
      name: 'RabbitMQ',
      url: vhost.url,
      closeConnections: () => vhost.rabbit.closeConnections(),
      neighbour: ofRabbit,
      close: () => vhost[Symbol.asyncDispose](),
    };
  },
};

async function ofRabbit(): Promise<Pick<Subject, 'url' | 'close'>> {
  const vhost = await Vhost.create();
  return { url: vhost.url, close: () => vhost[Symbol.asyncDispose]() };
}

export interface Ended {
  readonly code: number | undefined;
  readonly text: string;
}

/** How the broker answers something that it does not allow. */
export async function refusal(
  connection: ChannelModel,
  what: (channel: Channel) => Promise<unknown>,
): Promise<Ended> {
  const channel = await connection.createChannel();
  const ended = new Promise<Ended>((resolve) => {
    channel.on('error', (error: Error & { code?: number }) =>
      resolve({ code: error.code, text: textOf(error) }),
    );
  });
  what(channel).catch(() => undefined);
  return ended;
}

/**
 * The broker's own words, without amqplib's, without the virtual host's name, and without the type of a number: which
 * one it is depends on how small the client writes it.
 */
function textOf(error: Error): string {
  const text = /with message "(.*)"/su.exec(error.message)?.[1] ?? error.message;
  return text
    .replace(/in vhost '[^']*'/gu, "in vhost 'V'")
    .replace(/of type '(?:byte|short|signedint|long)'/gu, "of type 'number'")
    .replace(/type (?:byte|short|signedint|long) /gu, 'type number ')
    .replaceAll('\\"', '"');
}

export async function publish(
  channel: ConfirmChannel,
  queue: string,
  bodies: readonly string[],
): Promise<void> {
  for (const body of bodies) channel.sendToQueue(queue, Buffer.from(body), { persistent: true });
  await channel.waitForConfirms();
}

export async function bodies(channel: Channel, queue: string): Promise<string[]> {
  const all: string[] = [];
  for (;;) {
    const message = await channel.get(queue, { noAck: true });
    if (message === false) return all;
    all.push(message.content.toString());
  }
}

/** Declares queues of these names and binds them: `queue: [exchange, key, arguments]`. */
export async function bind(
  channel: Channel,
  bindings: Readonly<Record<string, readonly [exchange: string, key: string, args?: object]>>,
): Promise<void> {
  for (const [queue, [exchange, key, args]] of Object.entries(bindings)) {
    await channel.assertQueue(queue);
    await channel.bindQueue(queue, exchange, key, args);
  }
}

/** The bodies in each queue, which are empty afterwards. */
export async function contents(
  channel: Channel,
  queues: readonly string[],
): Promise<Record<string, string[]>> {
  const all: Record<string, string[]> = {};
  for (const queue of queues) all[queue] = await bodies(channel, queue);
  return all;
}

/** Takes a message that is there or on its way. */
export function take(
  channel: Channel,
  queue: string,
  options: { noAck?: boolean } = {},
): Promise<GetMessage> {
  return waitFor(() => channel.get(queue, options), { what: `a message in ${queue}` });
}

/** An open connection and channel to the subject. */
export interface Opened {
  readonly subject: Subject;
  readonly connection: ChannelModel;
  readonly channel: ConfirmChannel;
}

/** Describes the same for every subject. `opened` gives the connection of the running test. */
export function onEveryBroker(title: string, define: (opened: () => Opened) => void): void {
  for (const [name, open] of Object.entries(subjects)) {
    describe(`${title}, on ${name}`, function () {
      let current: Opened | undefined;

      before(function () {
        if (name === 'RabbitMQ') requireRabbit(this);
      });

      beforeEach(async () => {
        const subject = await open();
        const connection = await amqp.connect(subject.url);
        connection.on('error', () => undefined);
        const channel = await connection.createConfirmChannel();
        channel.on('error', () => undefined);
        current = { subject, connection, channel };
      });

      define(() => {
        if (current === undefined) throw new Error('no connection yet');
        return current;
      });

      // After those of `define`: what a test has opened is closed while its broker is still there.
      afterEach(async () => {
        await current?.connection.close().catch(() => undefined); // a test may have closed it
        await current?.subject.close();
      });
    });
  }
}
