import { expect } from 'chai';

import { waitFor } from '../support/wait-for.js';
import { type Arrived, type NodeClient, nodeClients, type Returned } from './node-clients.js';
import { bodies, onEveryBroker, publish } from './subjects.js';

for (const [name, openClient] of Object.entries(nodeClients)) {
  onEveryBroker(name, (opened) => {
    const clients: NodeClient[] = [];

    /** A client, and what it was told. */
    async function open(): Promise<{ client: NodeClient; returned: Returned[]; connected: () => number }> {
      const returned: Returned[] = [];
      let connections = 0;
      const client = await openClient(opened().subject.url, {
        returned: (message) => void returned.push(message),
        connected: () => {
          connections++;
        },
      });
      clients.push(client);
      return { client, returned, connected: () => connections };
    }

    /** Consumes, and keeps what came. */
    async function collect(client: NodeClient, queue: string): Promise<Arrived[]> {
      const all: Arrived[] = [];
      await client.consume(queue, (arrived) => {
        all.push(arrived);
        return 'ack';
      });
      return all;
    }

    const waiting = async (queue: string): Promise<number> =>
      (await opened().channel.checkQueue(queue)).messageCount;

    afterEach(async () => {
      for (const client of clients.splice(0)) await client.close();
    });

    it('publishes with confirms, in order, bodies of no byte and of several frames too', async () => {
      const { client } = await open();
      const large = 'abcdefghij'.repeat(30_000);
      await client.declare('q');
      for (const body of ['1', '', large, '4']) await client.publish('q', body);

      expect(await bodies(opened().channel, 'q')).to.deep.equal(['1', '', large, '4']);
    });

    it('consumes what amqplib published, and what it acks is gone', async () => {
      const { client } = await open();
      await client.declare('q');
      const large = 'abcdefghij'.repeat(30_000);
      await publish(opened().channel, 'q', ['1', large, '3']);
      const arrived = await collect(client, 'q');
      await waitFor(() => arrived.length === 3);
      await client.close(); // what was not acked would be back then
      clients.length = 0;

      expect(arrived.map(({ body }) => body)).to.deep.equal(['1', large, '3']);
      expect(await waiting('q')).to.equal(0);
    });

    it('has a message again that it gave back, marked as redelivered, and not one that it dropped', async () => {
      const { client } = await open();
      await client.declare('q', { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' });
      await client.declare('dead');
      await publish(opened().channel, 'q', ['again', 'never']);
      const arrived: Arrived[] = [];
      await client.consume('q', (message) => {
        arrived.push(message);
        if (message.body === 'never') return 'drop';
        return message.redelivered ? 'ack' : 'requeue';
      });
      await waitFor(() => arrived.length === 3);
      await waitFor(async () => (await waiting('dead')) === 1);

      const again = arrived.filter(({ body }) => body === 'again');
      expect(again.map(({ redelivered }) => redelivered)).to.deep.equal([false, true]);
      expect(await bodies(opened().channel, 'dead')).to.deep.equal(['never']);
    });

    it('is sent back what is mandatory and has no queue', async () => {
      const { client, returned } = await open();
      await client.publishMandatory('nowhere', 'lost').catch(() => undefined); // some say it by rejecting
      await waitFor(() => returned.length > 0);

      expect(returned).to.deep.equal([{ code: 312, routingKey: 'nowhere', body: 'lost' }]);
    });

    it('asks and is answered over direct reply-to, many at once', async () => {
      const { client } = await open();
      const { client: server } = await open();
      await server.declare('requests');
      await server.serve('requests');
      const requests = Array.from({ length: 50 }, (_, index) => `request ${index}`);
      const answers = await Promise.all(requests.map((request) => client.ask('requests', request)));

      expect(answers).to.deep.equal(requests.map((request) => request.toUpperCase()));
    });

    it('gets one message, and none from an empty queue', async () => {
      const { client } = await open();
      await client.declare('q');
      await publish(opened().channel, 'q', ['only']);

      expect(await client.get('q')).to.equal('only');
      expect(await client.get('q')).to.equal(undefined);
    });

    it('consumes no more after its consumer has ended', async () => {
      const { client } = await open();
      await client.declare('q');
      const stop = await client.consume('q', () => 'ack');
      await stop();
      await publish(opened().channel, 'q', ['stays']);

      expect(await opened().channel.checkQueue('q')).to.include({ messageCount: 1, consumerCount: 0 });
    });

    it('connects again after the broker closed its connection, and goes on consuming and publishing', async () => {
      const { client, connected } = await open();
      await client.declare('q', { 'x-expires': 60_000 });
      const arrived = await collect(client, 'q');
      await client.publish('q', 'before');
      await waitFor(() => arrived.length === 1);
      const before = connected();
      await opened().subject.closeConnections();
      await waitFor(() => connected() > before, { what: 'another connection' });
      await waitFor(() => client.publish('q', 'after').then(() => true), { what: 'a confirmed publish' });
      await waitFor(() => arrived.some(({ body }) => body === 'after'));

      expect(arrived.map(({ body }) => body)).to.include.members(['before', 'after']);
    });
  });
}
