import { startBroker } from '@celeriac/dev-broker';
import amqp, { type ConsumeMessage } from 'amqplib';
import { expect } from 'chai';

import { requireRabbit } from '../support/broker.js';
import { Rabbit } from '../support/rabbit.js';
import { waitFor } from '../support/wait-for.js';

const timeoutMs = 500;

// A node of its own: the settings are the node's. RabbitMQ looks once in a tick, which is a minute unless it is told.
const subjects: Readonly<Record<string, () => Promise<{ url: string; stop: () => Promise<void> }>>> = {
  'the embedded broker': () => startBroker({ consumerTimeout: timeoutMs }),
  RabbitMQ: async () => {
    const rabbit = await Rabbit.start({ config: [`consumer_timeout = ${timeoutMs}`] });
    await rabbit.ctl('eval', 'application:set_env(rabbit, channel_tick_interval, 200).');
    return rabbit;
  },
};

for (const [name, start] of Object.entries(subjects)) {
  describe(`deliveries that nobody settles, on ${name}`, () => {
    let subject: Awaited<ReturnType<(typeof subjects)[string]>>;

    before(async function () {
      if (name === 'RabbitMQ') requireRabbit(this);
      subject = await start();
    });

    after(async () => {
      await subject.stop();
    });

    for (const by of ['a consumer', 'basic.get']) {
      it(`end the channel, and go back to the queue (${by})`, async () => {
        const connection = await amqp.connect(subject.url);
        const [channel, other] = [await connection.createChannel(), await connection.createChannel()];
        const ended = new Promise<Error>((resolve) => channel.on('error', resolve));
        await other.assertQueue('q', { durable: true });
        other.sendToQueue('q', Buffer.from('x'));
        const got: ConsumeMessage[] = [];
        if (by === 'a consumer') {
          await channel.consume('q', (message) => message !== null && got.push(message));
        } else await waitFor(() => channel.get('q'));
        const { message } = await ended;

        expect(/with message "(.*)"$/su.exec(message)?.[1]).to.equal(
          `PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. Timeout value used: ${timeoutMs} ms. This timeout value can be configured, see consumers doc guide to learn more`,
        );
        const back = await waitFor(() => other.get('q', { noAck: true }));
        expect(back.fields.redelivered).to.equal(true);
        await connection.close();
      });
    }
  });
}
