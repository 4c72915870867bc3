/** What a client hears and can still do while the broker is short of memory. RabbitMQ: a node of its own, alarmed. */
import { startBroker } from '@celeriac/dev-broker';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { Rabbit } from '../support/rabbit.js';
import { RawClient } from './raw-client.js';
import type { SubjectName } from './subjects.js';

interface Alarmed {
  readonly url: string;
  readonly alarm: (on: boolean) => Promise<void> | void;
  readonly close: () => Promise<void>;
}

const subjects: Readonly<Record<SubjectName, () => Promise<Alarmed>>> = {
  'the embedded broker': async () => {
    const broker = await startBroker();
    const { faults } = broker;
    const alarm = (on: boolean): void => (on ? faults.block() : faults.unblock());
    return { url: broker.url, alarm, close: () => broker.stop() };
  },
  RabbitMQ: async () => {
    const rabbit = await Rabbit.start();
    const { url } = await Vhost.create(rabbit);
    return { url, alarm: (on) => rabbit.memoryAlarm(on), close: () => rabbit.stop() };
  },
};

const capabilities = { 'connection.blocked': true };

for (const [name, start] of Object.entries(subjects)) {
  describe(`a broker that blocks, on ${name}`, function () {
    let subject: Alarmed;
    const clients: RawClient[] = [];

    async function open(options: Parameters<typeof RawClient.open>[1] = {}): Promise<RawClient> {
      const raw = await RawClient.open(subject.url, options);
      clients.push(raw);
      return raw;
    }

    before(async function () {
      if (name === 'RabbitMQ') requireRabbit(this);
      subject = await start();
    });
    after(() => subject.close());
    beforeEach(() => subject.alarm(true));
    afterEach(async () => {
      await subject.alarm(false);
      for (const raw of clients.splice(0)) raw.close();
    });

    it('tells a client that publishes, takes its message only when the alarm is over, and says that, too', async () => {
      const [raw, other] = [await open({ capabilities }), await open({ capabilities })];
      await raw.call('queue.declare', { queue: 'q1' });
      await raw.call('confirm.select', {});
      raw.publish({ routingKey: 'q1' });

      const { fields } = await raw.receive('connection.blocked');
      expect(fields).to.deep.equal({ reason: 'low on memory' });
      other.send('basic.get', { queue: 'q1', noAck: true });
      await other.receive('basic.get-empty');

      await subject.alarm(false);
      await raw.receive('connection.unblocked');
      await raw.receive('basic.ack');
      other.send('basic.get', { queue: 'q1', noAck: true });
      await other.receive('basic.get-ok');
    });

    it('reads nothing from it until then, not even what is no publish', async () => {
      const [raw, other] = [await open({ capabilities }), await open()];
      raw.publish({ routingKey: 'nowhere' });
      await raw.receive('connection.blocked');
      raw.send('queue.declare', { queue: 'q2', exclusive: false });
      expect(await other.call('queue.declare', { queue: 'q2', passive: true })).to.include({
        name: 'channel.close',
      });

      await subject.alarm(false);
      await raw.receive('queue.declare-ok');
    });

    it('tells a client nothing that does not say it would understand', async () => {
      const raw = await open({ capabilities: {} });
      await raw.call('confirm.select', {});
      raw.publish({ routingKey: 'nowhere' });
      await subject.alarm(false);
      await raw.receive('basic.ack');

      expect((await raw.rest()).map((one) => one.name)).to.deep.equal([]);
    });

    it('lets those go on who consume only', async () => {
      const [raw, blocked] = [await open({ capabilities }), await open({ capabilities })];
      await raw.call('queue.declare', { queue: 'q3' });
      await raw.call('basic.consume', { queue: 'q3' });
      blocked.publish({ routingKey: 'q3' });
      await blocked.receive('connection.blocked');
      await raw.call('basic.qos', { prefetchCount: 3 });

      await subject.alarm(false);
      await raw.receive('basic.deliver');
    });

    it('keeps a silent blocked client beyond its heartbeat', async () => {
      const raw = await open({ capabilities, heartbeat: 1 });
      raw.publish({ routingKey: 'nowhere' });
      await raw.receive('connection.blocked');
      for (let beat = 0; beat < 6; beat++) await raw.receive('heartbeat'); // sends none itself
      await subject.alarm(false);

      await raw.receive('connection.unblocked');
    });
  });
}
