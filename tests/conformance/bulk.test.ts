/** Many messages at once, as a group of tasks makes them: nothing is held back that a client is ready for. */
import { expect } from 'chai';

import { waitFor } from '../support/wait-for.js';
import { RawClient, type Received } from './raw-client.js';
import { onEveryBroker } from './subjects.js';

const count = 1000;
const expected = Array.from({ length: count }, (_, index) => String(index));
const texts = (all: readonly Received[]): string[] => all.map(({ body }) => (body ?? '').toString());

onEveryBroker('a thousand messages', (opened) => {
  const clients: RawClient[] = [];
  async function open(): Promise<RawClient> {
    const raw = await RawClient.open(opened().subject.url);
    clients.push(raw);
    return raw;
  }

  afterEach(() => {
    for (const raw of clients.splice(0)) raw.close();
  });

  async function take(raw: RawClient, amount: number): Promise<Received[]> {
    const all: Received[] = [];
    while (all.length < amount) all.push(await raw.receive('basic.deliver'));
    return all;
  }

  it('come to their end through a window of two, answered on other connections at the same time', async () => {
    const [asking, working, answering] = [await open(), await open(), await open()];
    for (const queue of ['tasks', 'results']) await asking.call('queue.declare', { queue });
    await asking.call('basic.consume', { queue: 'results', noAck: true });
    await working.call('basic.qos', { prefetchCount: 2 });
    await working.call('basic.consume', { queue: 'tasks' });
    for (const body of expected) asking.publish({ routingKey: 'tasks' }, body);

    for (let done = 0; done < count; done += 2) {
      // Not before both are in hand: then nothing but these acknowledgements brings the next two.
      const window = await take(working, 2);
      for (const body of texts(window)) answering.publish({ routingKey: 'results' }, body);
      for (const { fields } of window.reverse()) {
        working.send('basic.ack', { deliveryTag: Number(fields.deliveryTag) });
      }
    }

    expect(texts(await take(asking, count))).to.deep.equal(expected);
  });

  it('are taken from a client that reads none of its own until it has written them all', async () => {
    const raw = await open();
    const filler = '.'.repeat(20_000);
    await raw.call('queue.declare', { queue: 'q' });
    await raw.call('basic.consume', { queue: 'q', noAck: true });
    raw.socket.pause();
    for (const body of expected) raw.publish({ routingKey: 'q' }, body + filler);
    await waitFor(() => raw.socket.writableLength === 0, { what: 'all bytes to be on their way' });
    raw.socket.resume();

    const bodies = texts(await take(raw, count));
    expect(bodies.map((body) => body.replace(filler, ''))).to.deep.equal(expected);
  });
});
