/** A cluster of private RabbitMQ nodes on this machine, joined with rabbitmqctl. Started and stopped by process id. */
import { randomUUID } from 'node:crypto';

import { PortMapper } from './port-mapper.js';
import { Rabbit } from './rabbit.js';
import { waitFor } from './wait-for.js';

export class RabbitCluster implements AsyncDisposable {
  readonly nodes: readonly Rabbit[];
  #mapper: PortMapper;

  private constructor(mapper: PortMapper, nodes: readonly Rabbit[]) {
    this.#mapper = mapper;
    this.nodes = nodes;
  }

  /** Resolves when every node runs and knows the others. */
  static async start(count = 3): Promise<RabbitCluster> {
    const mapper = await PortMapper.start();
    const nodes: Rabbit[] = [];
    const cluster = new RabbitCluster(mapper, nodes);
    const member = { mapper, cookie: randomUUID() };
    try {
      const starting = Array.from({ length: count }, async () => {
        nodes.push(await Rabbit.start({ cluster: member }));
      });
      const failed = (await Promise.allSettled(starting)).find(({ status }) => status === 'rejected');
      if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
      const [first, ...others] = nodes;
      // One by one: two that join at the same time may wait for each other.
      for (const node of others) await join(node, first!);
      await waitFor(() => cluster.#isWhole(), { what: 'every node to be a member' });
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** Every address, beginning with that of the `first`-th node: clients that begin at different nodes. */
  url(first = 0): string {
    return this.nodes.map((_, index) => this.nodes[(first + index) % this.nodes.length]!.url).join(';');
  }

  /** A node that was not taken down. */
  get living(): Rabbit {
    const node = this.nodes.find(({ isUp }) => isUp);
    if (node === undefined) throw new Error('no node is up');
    return node;
  }

  /** The node that leads a quorum queue, or holds a classic one. */
  async leader(queue: string): Promise<Rabbit> {
    return waitFor(
      async () => {
        const table = await this.living.ctl('list_queues', 'name', 'pid', '--no-table-headers');
        // A process of Erlang prints as <node.…>.
        const pid = table
          .split('\n')
          .map((line) => line.split('\t'))
          .find(([name]) => name === queue)?.[1];
        return this.nodes.find((node) => node.isUp && pid?.includes(node.name));
      },
      { what: `${queue} to have a leader`, every: 200 },
    );
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
    await this.#mapper.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #isWhole(): Promise<boolean> {
    const status = await this.living.ctl('eval', 'length(rabbit_nodes:all_running()).');
    return Number(status) === this.nodes.length;
  }
}

async function join(node: Rabbit, first: Rabbit): Promise<void> {
  await node.ctl('stop_app');
  await node.ctl('join_cluster', first.name);
  await node.ctl('start_app');
}
