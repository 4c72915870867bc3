/** The tier's RabbitMQ node, started once; each test takes a virtual host of its own. */
import { randomUUID } from 'node:crypto';

import amqp, { type ChannelModel, type GetMessage } from 'amqplib';

import { Rabbit, rabbitBin } from './rabbit.js';

let shared: Promise<Rabbit> | undefined;

/** The shared node. A test that stops it or raises alarms starts its own. */
export function sharedRabbit(): Promise<Rabbit> {
  shared ??= Rabbit.start();
  return shared;
}

export async function stopSharedRabbit(): Promise<void> {
  const rabbit = await shared?.catch(() => undefined);
  shared = undefined;
  spare.length = 0;
  await rabbit?.stop();
}

/** Skips loudly without RabbitMQ on a laptop, fails in CI. For `before`. */
export function requireRabbit(context: Mocha.Context): void {
  if (rabbitBin() !== undefined) return;
  const message = 'rabbitmq-server is not installed: these tests need one';
  if (process.env.CI !== undefined) throw new Error(message);
  process.stderr.write(`\n  SKIPPED: ${message}\n`);
  context.skip();
}

const spare: string[] = [];

/** One that was made ahead: rabbitmqctl takes seconds for one virtual host, and no longer for many. */
async function spareVhost(node: Rabbit): Promise<string> {
  if (spare.length === 0) {
    const names = Array.from({ length: 12 }, vhostName);
    await addVhosts(node, names);
    spare.push(...names);
  }
  return spare.pop()!;
}

function vhostName(): string {
  return `t-${randomUUID().slice(0, 8)}`;
}

/** `add_vhost` and `set_permissions` for guest, in one call. */
async function addVhosts(node: Rabbit, names: readonly string[]): Promise<void> {
  const list = names.map((name) => `<<"${name}">>`).join(', ');
  const all = '<<".*">>';
  await node.ctl(
    'eval',
    `[begin rabbit_vhost:add(V, <<"test">>),
      rabbit_auth_backend_internal:set_permissions(<<"guest">>, V, ${all}, ${all}, ${all}, <<"test">>)
      end || V <- [${list}]].`,
  );
}

/** A virtual host and an amqplib connection to look into it. */
export class Vhost implements AsyncDisposable {
  readonly rabbit: Rabbit;
  readonly name: string;
  readonly url: string;
  #connection: ChannelModel | undefined;

  private constructor(rabbit: Rabbit, name: string) {
    this.rabbit = rabbit;
    this.name = name;
    this.url = rabbit.urlFor({ vhost: name });
  }

  static async create(rabbit?: Rabbit): Promise<Vhost> {
    const node = rabbit ?? (await sharedRabbit());
    const name = rabbit === undefined ? await spareVhost(node) : vhostName();
    if (rabbit !== undefined) await addVhosts(node, [name]);
    return new Vhost(node, name);
  }

  /** A raw connection; reopened when a fault closed it. */
  async raw(): Promise<ChannelModel> {
    if (this.#connection === undefined) {
      const connection = await amqp.connect(this.url);
      connection.on('error', () => undefined);
      connection.on('close', () => {
        if (this.#connection === connection) this.#connection = undefined;
      });
      this.#connection = connection;
    }
    return this.#connection;
  }

  /** Publishes bytes to a queue, confirmed. */
  async publish(queue: string, body: Buffer | string, options: amqp.Options.Publish = {}): Promise<void> {
    const channel = await (await this.raw()).createConfirmChannel();
    channel.sendToQueue(queue, Buffer.from(body), { persistent: true, ...options });
    await channel.waitForConfirms();
    await channel.close();
  }

  /** Takes every message out of a queue. */
  async take(queue: string): Promise<GetMessage[]> {
    const channel = await (await this.raw()).createChannel();
    const messages: GetMessage[] = [];
    for (;;) {
      const message = await channel.get(queue, { noAck: true });
      if (message === false) break;
      messages.push(message);
    }
    await channel.close();
    return messages;
  }

  async depth(queue: string): Promise<number> {
    const channel = await (await this.raw()).createChannel();
    channel.on('error', () => undefined);
    try {
      return (await channel.checkQueue(queue)).messageCount;
    } finally {
      await channel.close().catch(() => undefined); // a missing queue has closed it
    }
  }

  /** Messages that are with consumers. */
  async unacknowledged(queue: string): Promise<number> {
    const table = await this.rabbit.ctl(
      'list_queues',
      '-q',
      '-p',
      this.name,
      'name',
      'messages_unacknowledged',
    );
    const row = table.split('\n').find((line) => line.startsWith(`${queue}\t`));
    return Number(row?.split('\t')[1]);
  }

  async consumers(queue: string): Promise<number> {
    const channel = await (await this.raw()).createChannel();
    channel.on('error', () => undefined);
    const { consumerCount } = await channel.checkQueue(queue);
    await channel.close();
    return consumerCount;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The virtual host stays: its node is thrown away with all it holds, and deleting takes seconds.
    await this.#connection?.close().catch(() => undefined); // a fault may have closed it
  }
}
