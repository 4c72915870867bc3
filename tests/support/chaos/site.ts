/** The brokers of a chaos run, how its processes get to them, and how the run itself looks into them. */
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import amqp, { type Channel, type ChannelModel } from 'amqplib';

import { RabbitCluster } from '../cluster.js';
import { Rabbit } from '../rabbit.js';
import { TcpProxy } from '../tcp-proxy.js';
import { waitFor } from '../wait-for.js';

export interface Site extends AsyncDisposable {
  readonly nodes: readonly Rabbit[];
  /** For the n-th process. */
  readonly url: (index: number) => string;
  /** One that was not taken down. */
  readonly node: () => Rabbit;
}

/** One node behind a proxy. */
export interface NodeSite extends Site {
  readonly proxy: TcpProxy;
}

export interface ClusterSite extends Site {
  readonly cluster: RabbitCluster;
}

export async function nodeSite(): Promise<NodeSite> {
  const node = await Rabbit.start();
  const proxy = await TcpProxy.start(node.port);
  const url = node.url.replace(`:${node.port}`, `:${proxy.port}`);
  return {
    nodes: [node],
    proxy,
    url: () => url,
    node: () => node,
    [Symbol.asyncDispose]: async () => {
      await proxy[Symbol.asyncDispose]();
      await node.stop();
    },
  };
}

/** Each process begins at another node, and knows them all. */
export async function clusterSite(): Promise<ClusterSite> {
  const cluster = await RabbitCluster.start();
  return {
    nodes: cluster.nodes,
    cluster,
    url: (index) => cluster.url(index % cluster.nodes.length),
    node: () => cluster.living,
    [Symbol.asyncDispose]: () => cluster.stop(),
  };
}

/** Raw looks into queues, by whichever node is up; asked again until one answers. */
export class View implements AsyncDisposable {
  #site: Site;
  #connection: ChannelModel | undefined;

  constructor(site: Site) {
    this.#site = site;
  }

  /** Undefined when the queue cannot be asked: a queue without a leader answers nothing. */
  async queue(name: string): Promise<{ messageCount: number; consumerCount: number } | undefined> {
    const patience = new AbortController();
    const late = sleep(5_000, undefined, { signal: patience.signal }).then(() => this.#forget());
    late.catch(() => undefined); // the answer came in time
    const answer = this.#once((channel) => channel.checkQueue(name)).catch(() => undefined);
    return Promise.race([answer, late]).finally(() => patience.abort());
  }

  /** Takes everything out of a queue, which may be missing; resolves with the ids. */
  async take(queue: string): Promise<string[]> {
    const taken: string[] = [];
    await waitFor(
      () =>
        this.#once(async (channel) => {
          for (;;) {
            const message = await channel.get(queue, { noAck: true });
            if (message === false) return true;
            taken.push(String(message.properties.messageId));
          }
        }).catch((error: unknown) => String(error).includes('404') || Promise.reject(error as Error)),
      { what: `what is in ${queue}` },
    );
    return taken;
  }

  async #once<T>(look: (channel: Channel) => Promise<T>): Promise<T> {
    const channel = await (await this.#connected()).createChannel();
    channel.on('error', () => undefined); // a missing queue closes it
    try {
      return await look(channel);
    } finally {
      await channel.close().catch(() => undefined);
    }
  }

  async #connected(): Promise<ChannelModel> {
    if (this.#connection !== undefined) return this.#connection;
    const connection = await amqp.connect(this.#site.node().url, { timeout: 5000 });
    connection.on('error', () => undefined);
    connection.on('close', () => (this.#connection = undefined));
    return (this.#connection = connection);
  }

  #forget(): undefined {
    // Closing it would wait for an answer as well.
    (this.#connection?.connection as unknown as { stream: Socket } | undefined)?.stream.destroy();
    this.#connection = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection?.close().catch(() => undefined);
  }
}
