/**
 * Other AMQP clients for Node, each through the same few verbs, so that one suite can ask all of them the same. Hides
 * how a client spells things, never what it does.
 */
import { AMQPSession } from '@cloudamqp/amqp-client';
import { Connection, ConsumerStatus } from 'rabbitmq-client';

/** What a handler makes of a message. */
export type Settled = 'ack' | 'requeue' | 'drop';

export interface Arrived {
  readonly body: string;
  readonly redelivered: boolean;
}

export interface Returned {
  readonly code: number | undefined;
  readonly routingKey: string;
  readonly body: string;
}

export interface NodeClient {
  declare(queue: string, args?: Record<string, unknown>): Promise<void>;
  /** Resolves when the broker has confirmed it. */
  publish(queue: string, body: string): Promise<void>;
  /** Publishes as mandatory. Resolves when the broker has confirmed it. */
  publishMandatory(queue: string, body: string): Promise<void>;
  /** Resolves when it consumes. Gives what ends that. */
  consume(queue: string, handle: (arrived: Arrived) => Settled): Promise<() => Promise<void>>;
  /** Answers requests with the request in capitals. */
  serve(queue: string): Promise<void>;
  /** Asks over direct reply-to. */
  ask(queue: string, request: string): Promise<string>;
  get(queue: string): Promise<string | undefined>;
  close(): Promise<void>;
}

export interface ClientEvents {
  readonly returned: (message: Returned) => void;
  /** Connected, or connected again. */
  readonly connected: () => void;
}

type Open = (url: string, events: ClientEvents) => Promise<NodeClient>;

const soon = 20; // milliseconds between attempts to connect again

export const nodeClients: Readonly<Record<string, Open>> = {
  'rabbitmq-client': openRabbitmqClient,
  '@cloudamqp/amqp-client': openAmqpClient,
};

async function openRabbitmqClient(url: string, events: ClientEvents): Promise<NodeClient> {
  const connection = new Connection({ url: rootNamed(url), retryLow: soon, retryHigh: soon });
  connection.on('error', () => undefined); // a lost connection is an error event, and what the tests are about
  connection.on('connection', events.connected);
  await connection.onConnect();
  const publisher = connection.createPublisher({ confirm: true, maxAttempts: 1 });
  publisher.on('basic.return', (message) =>
    events.returned({
      code: message.replyCode,
      routingKey: message.routingKey,
      body: text(message.body),
    }),
  );
  const rpc = connection.createRPCClient({ confirm: true });
  const toClose: { close(): Promise<void> }[] = [publisher, rpc];
  const verdicts = { ack: ConsumerStatus.ACK, requeue: ConsumerStatus.REQUEUE, drop: ConsumerStatus.DROP };
  const consume: NodeClient['consume'] = async (queue, handle) => {
    const options = { queue, queueOptions: { passive: true }, qos: { prefetchCount: 10 } };
    const consumer = connection.createConsumer(
      options,
      (message) => verdicts[handle({ body: text(message.body), redelivered: message.redelivered })],
    );
    toClose.push(consumer);
    consumer.on('error', () => undefined); // its channel goes with the connection
    await new Promise<void>((resolve) => consumer.on('ready', resolve));
    return () => consumer.close();
  };
  return {
    async declare(queue, args) {
      await connection.queueDeclare({ queue, ...(args === undefined ? {} : { arguments: args }) });
    },
    publish: (queue, body) => publisher.send(queue, body),
    publishMandatory: (queue, body) => publisher.send({ routingKey: queue, mandatory: true }, body),
    consume,
    async serve(queue) {
      const consumer = connection.createConsumer({ queue }, (message, reply) =>
        reply(text(message.body).toUpperCase()),
      );
      toClose.push(consumer);
      await new Promise<void>((resolve) => consumer.on('ready', resolve));
    },
    ask: async (queue, request) => text((await rpc.send(queue, request)).body),
    async get(queue) {
      const message = await connection.basicGet({ queue, noAck: true });
      return message === undefined ? undefined : text(message.body);
    },
    async close() {
      for (const one of toClose) await one.close();
      await connection.close();
    },
  };
}

async function openAmqpClient(url: string, events: ClientEvents): Promise<NodeClient> {
  const session = await AMQPSession.connect(rootNamed(url), {
    reconnectInterval: soon,
    maxReconnectInterval: soon,
    logger: null,
    onconnect: events.connected,
    onreturn: (message) =>
      events.returned({
        code: message.replyCode,
        routingKey: message.routingKey,
        body: message.bodyString() ?? '',
      }),
  });
  const queueOf = (name: string): ReturnType<typeof session.queue> => session.queue(name, { durable: false });
  return {
    async declare(name, args) {
      await session.queue(name, {
        durable: false,
        ...(args === undefined ? {} : { arguments: args }),
      });
    },
    async publish(name, body) {
      await (await queueOf(name)).publish(body, { confirm: true });
    },
    async publishMandatory(name, body) {
      const exchange = await session.directExchange('');
      await exchange.publish(body, { routingKey: name, mandatory: true, confirm: true });
    },
    async consume(name, handle) {
      const queue = await queueOf(name);
      const subscription = await queue.subscribe({ prefetch: 10, manualAck: true }, async (message) => {
        const arrived = { body: message.bodyString() ?? '', redelivered: message.redelivered };
        const settled = handle(arrived);
        await (settled === 'ack' ? message.ack() : message.nack(settled === 'requeue'));
      });
      return () => subscription.cancel();
    },
    async serve(name) {
      await session.rpcServer(name, (message) => (message.bodyString() ?? '').toUpperCase());
    },
    ask: async (name, request) => (await session.rpcCall(name, request)).bodyString() ?? '',
    async get(name) {
      return (await (await queueOf(name)).get({ noAck: true }))?.bodyString() ?? undefined;
    },
    close: () => session.stop(),
  };
}

/** The embedded broker's own address ends in an empty virtual host's name, which amqplib reads as `/`. */
function rootNamed(url: string): string {
  return url.endsWith('//') ? `${url.slice(0, -1)}%2F` : url;
}

function text(body: unknown): string {
  return Buffer.isBuffer(body) ? body.toString() : String(body);
}
