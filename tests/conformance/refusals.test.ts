import amqp, { type Channel, type ConsumeMessage } from 'amqplib';
import { expect } from 'chai';

import { onEveryBroker, publish, refusal } from './subjects.js';

onEveryBroker('what is not allowed is refused', (opened) => {
  describe('refusals', () => {
    const cases: Readonly<Record<string, (channel: Channel) => Promise<unknown>>> = {
      'a queue that is not there': (c) => c.checkQueue('none'),
      'an exchange that is not there': (c) => c.checkExchange('none'),
      'publishing to an exchange that is not there': (c) =>
        Promise.resolve(c.publish('none', 'key', Buffer.from('x'))),
      'a queue with another durability': (c) => c.assertQueue('plain', { durable: false }),
      'a queue with another argument': (c) => c.assertQueue('plain', { arguments: { 'x-max-priority': 10 } }),
      'a queue without an argument it has': (c) => c.assertQueue('ttl'),
      'a queue with another value': (c) => c.assertQueue('ttl', { arguments: { 'x-message-ttl': 5 } }),
      'an exchange of another type': (c) => c.assertExchange('amq.topic', 'direct'),
      'a name that is reserved': (c) => c.assertQueue('amq.mine'),
      'the default exchange': (c) => c.bindQueue('plain', '', 'key'),
      'a tag nobody gave': (c) => {
        c.ack({ fields: { deliveryTag: 7 } } as ConsumeMessage);
        return Promise.resolve();
      },
      'a queue that must be empty': (c) => c.deleteQueue('ttl', { ifEmpty: true }),
      'an exclusive queue of another connection': (c) => c.checkQueue('mine'),
    };
    const expected: Readonly<Record<string, string>> = {
      'a queue that is not there': "404 NOT_FOUND - no queue 'none' in vhost 'V'",
      'an exchange that is not there': "404 NOT_FOUND - no exchange 'none' in vhost 'V'",
      'publishing to an exchange that is not there': "404 NOT_FOUND - no exchange 'none' in vhost 'V'",
      'a queue with another durability':
        "406 PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'plain' in vhost 'V': received 'false' but current is 'true'",
      'a queue with another argument':
        "406 PRECONDITION_FAILED - inequivalent arg 'x-max-priority' for queue 'plain' in vhost 'V': received the value '10' of type 'number' but current is none",
      'a queue without an argument it has':
        "406 PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'ttl' in vhost 'V': received none but current is the value '60000' of type 'number'",
      'a queue with another value':
        "406 PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'ttl' in vhost 'V': received '5' but current is '60000'",
      'an exchange of another type':
        "406 PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'amq.topic' in vhost 'V': received 'direct' but current is 'topic'",
      'a name that is reserved':
        "403 ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'",
      'the default exchange': '403 ACCESS_REFUSED - operation not permitted on the default exchange',
      'a tag nobody gave': '406 PRECONDITION_FAILED - unknown delivery tag 7',
      'a queue that must be empty': "406 PRECONDITION_FAILED - queue 'ttl' in vhost 'V' not empty",
      'an exclusive queue of another connection':
        "405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'mine' in vhost 'V'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.",
    };
    for (const [what, how] of Object.entries(cases)) {
      it(`of ${what} come with code and words`, async () => {
        const { channel, connection, subject } = opened();
        await channel.assertQueue('plain');
        await channel.assertQueue('ttl', { arguments: { 'x-message-ttl': 60_000 } });
        await publish(channel, 'ttl', ['x']);
        const other = await amqp.connect(subject.url);
        try {
          await (await other.createChannel()).assertQueue('mine', { exclusive: true, durable: false });

          const { code, text } = await refusal(connection, how);

          expect(`${code} ${text}`).to.equal(expected[what]);
        } finally {
          await other.close();
        }
      });
    }
  });
});
