import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { Rabbit } from '../support/rabbit.js';

describe('the test harness', function () {
  before(function () {
    requireRabbit(this);
  });

  it('keeps durable messages over a restart of its node', async () => {
    const rabbit = await Rabbit.start();
    try {
      await using vhost = await Vhost.create(rabbit);
      const channel = await (await vhost.raw()).createChannel();
      await channel.assertQueue('kept', { durable: true });
      await vhost.publish('kept', 'hello');
      await rabbit.crash();
      await rabbit.up();

      const [message] = await vhost.take('kept');

      expect(message?.content.toString()).to.equal('hello');
    } finally {
      await rabbit.stop();
    }
  });
});
