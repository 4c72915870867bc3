/** Publishing what nobody misses: as it goes out, and what happens where the broker does not take it. */
import { expect } from 'chai';

import { TransientPublisher } from '../../../dist/amqp/transient-publisher.js';
import { silentLogger } from '../../../dist/logger.js';
import { ManualClock } from '../../support/manual-clock.js';
import { ScriptedBroker } from './scripted-broker.js';
import { ScriptedSession, until } from './scripted-session.js';

describe('a publisher of transient messages', () => {
  let broker: ScriptedBroker;
  let session: ScriptedSession;
  let clock: ManualClock;
  let publisher: TransientPublisher;
  let port = 0;
  let declared = 0;
  let declaring: () => Promise<void>;

  beforeEach(async () => {
    broker = new ScriptedBroker();
    session = new ScriptedSession();
    clock = new ManualClock();
    declared = 0;
    declaring = () => Promise.resolve();
    port = await broker.listen();
    const declare = (): Promise<void> => {
      declared++;
      return declaring();
    };
    publisher = new TransientPublisher({ session: session.session, clock, logger: silentLogger, declare });
  });

  afterEach(async () => {
    const closed = publisher.close();
    await broker.stop();
    await session.close();
    await closed;
  });

  const tell = (text: string): void =>
    publisher.publish({
      exchange: 'celeryev',
      routingKey: 'worker.online',
      body: Buffer.from(text),
      properties: { contentType: 'application/json', priority: 0, headers: { hostname: 'w' } },
    });
  const arrived = (): readonly string[] => broker.published.map(({ body }) => body.toString());

  it('opens its channel at the first message, makes sure of the exchange, and asks for no confirms', async () => {
    await session.connect(port);
    expect(broker.methods).not.to.include('ChannelOpen');
    tell('a');
    await until(() => arrived().length === 1);

    expect(declared).to.equal(1);
    expect(broker.methods).to.include('ChannelOpen').and.not.to.include('ConfirmSelect');
    const [message] = broker.published;
    expect(message).to.include({ exchange: 'celeryev', routingKey: 'worker.online', mandatory: false });
    expect(message?.properties).to.deep.include({ deliveryMode: 1, priority: 0, headers: { hostname: 'w' } });
  });

  it('keeps the order, also of what came before there was a connection', async () => {
    tell('a');
    tell('b');
    await session.connect(port);
    await until(() => arrived().length === 2);
    tell('c');
    await until(() => arrived().length === 3);

    expect(arrived()).to.deep.equal(['a', 'b', 'c']);
  });

  it('drops what has become old while the broker was blocked, and holds up nobody', async () => {
    await session.connect(port);
    tell('a');
    await until(() => arrived().length === 1);
    session.block('alarm');
    tell('old');
    await clock.advance(10_001);
    tell('new');
    session.unblock();
    await until(() => arrived().length === 2);

    expect(arrived()).to.deep.equal(['a', 'new']);
    expect(publisher.dropped).to.equal(1);
  });

  it('keeps no more than 10,000 messages and 4 MiB, the latest', () => {
    for (let index = 0; index < 10_010; index++) tell('x');
    expect(publisher.dropped).to.equal(10);
    for (let index = 0; index < 5; index++) tell('x'.repeat(2 ** 20));
    expect(publisher.dropped).to.be.greaterThan(10_005);
  });

  it('tries on where the exchange cannot be declared', async () => {
    await session.connect(port);
    declaring = () => Promise.reject(new Error('refused'));
    tell('a');
    await until(() => declared === 1 && clock.timers === 1);
    declaring = () => Promise.resolve();
    await clock.advance(1000);
    await until(() => arrived().length === 1);

    expect(declared).to.equal(2);
  });
});
