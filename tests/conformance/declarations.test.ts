import amqp, { type Channel } from 'amqplib';
import { expect } from 'chai';

import { RawClient } from './raw-client.js';
import { onEveryBroker, refusal } from './subjects.js';

onEveryBroker('declarations', (opened) => {
  const queue = "queue 'q' in vhost 'V'";

  async function refused(how: (channel: Channel) => Promise<unknown>): Promise<string> {
    const { code, text } = await refusal(opened().connection, how);
    return `${code} ${text}`;
  }

  describe('of a queue are refused for', () => {
    const wrong: readonly (readonly [args: Record<string, unknown>, text: string])[] = [
      [{ 'x-message-ttl': 'a' }, `'x-message-ttl' for ${queue}: "expected integer, got longstr"`],
      [{ 'x-message-ttl': -1 }, `'x-message-ttl' for ${queue}: {value_negative,-1}`],
      [{ 'x-message-ttl': 315_360_000_001 }, `'x-message-ttl' for ${queue}: {value_too_large,315360000001}`],
      [{ 'x-expires': 0 }, `'x-expires' for ${queue}: {value_zero,0}`],
      [{ 'x-expires': -5 }, `'x-expires' for ${queue}: {value_negative,-5}`],
      [{ 'x-max-length': -1 }, `'x-max-length' for ${queue}: {value_negative,-1}`],
      [{ 'x-max-length-bytes': 1.5 }, `'x-max-length-bytes' for ${queue}: "expected integer, got double"`],
      [{ 'x-max-priority': 256 }, `'x-max-priority' for ${queue}: {max_value_exceeded,256}`],
      [{ 'x-max-priority': true }, `'x-max-priority' for ${queue}: "expected integer, got bool"`],
      [{ 'x-overflow': 'spill' }, `'x-overflow' for ${queue}: invalid_overflow`],
      [{ 'x-overflow': true }, `'x-overflow' for ${queue}: {unacceptable_type,bool}`],
      [{ 'x-queue-mode': 'eager' }, `'x-queue-mode' for ${queue}: "unsupported queue mode 'eager'"`],
      [{ 'x-queue-version': 3 }, `'x-queue-version' for ${queue}: "unsupported queue version '3'"`],
      [{ 'x-queue-type': 'mirror' }, `'x-queue-type' for ${queue}: "unsupported queue type 'mirror'"`],
      [{ 'x-queue-type': true }, `'x-queue-type' for ${queue}: {unacceptable_type,bool}`],
      [
        { 'x-single-active-consumer': 'yes' },
        `'x-single-active-consumer' for ${queue}: {unacceptable_type,longstr}`,
      ],
      [
        { 'x-dead-letter-routing-key': 'k' },
        `'x-dead-letter-routing-key' for ${queue}: routing_key_but_no_dlx_defined`,
      ],
      [{ 'x-delivery-limit': 5 }, `'x-delivery-limit' for ${queue} of queue type rabbit_classic_queue`],
      [
        { 'x-dead-letter-strategy': 'at-least-once' },
        `'x-dead-letter-strategy' for ${queue} of queue type rabbit_classic_queue`,
      ],
      [{ 'x-message-ttl': -1, 'x-max-length': -1 }, `'x-message-ttl' for ${queue}: {value_negative,-1}`],
    ];
    for (const [args, text] of wrong) {
      it(JSON.stringify(args), async () => {
        expect(await refused((c) => c.assertQueue('q', { arguments: args }))).to.equal(
          `406 PRECONDITION_FAILED - invalid arg ${text}`,
        );
      });
    }

    it('a dead-letter exchange that is no name', async () => {
      expect(
        await refused((c) => c.assertQueue('q', { arguments: { 'x-dead-letter-exchange': true } })),
      ).to.equal(
        "406 PRECONDITION_FAILED - invalid type 'bool' for arg 'x-dead-letter-exchange' in queue 'q' in vhost 'V'",
      );
    });
  });

  describe('of a queue that is there differently are refused', () => {
    const values: Readonly<Record<string, readonly [present: unknown, wanted: unknown]>> = {
      'x-message-ttl': [1000, 2000],
      'x-expires': [100_000, 200_000],
      'x-max-length': [5, 6],
      'x-max-length-bytes': [5, 6],
      'x-max-priority': [5, 6],
      'x-overflow': ['drop-head', 'reject-publish'],
      'x-queue-mode': ['default', 'lazy'],
      'x-queue-version': [1, 2],
      'x-single-active-consumer': [true, false],
      'x-dead-letter-exchange': ['a', 'b'],
      'x-queue-type': ['classic', 'quorum'],
    };
    for (const [name, [present, wanted]] of Object.entries(values)) {
      it(`by ${name}`, async () => {
        await opened().channel.assertQueue('q', { arguments: { [name]: present } });

        expect(await refused((c) => c.assertQueue('q', { arguments: { [name]: wanted } }))).to.equal(
          `406 PRECONDITION_FAILED - inequivalent arg '${name}' for ${queue}: received '${String(wanted)}' but current is '${String(present)}'`,
        );
      });
    }

    it('by the dead-letter key', async () => {
      const args = { 'x-dead-letter-exchange': 'a', 'x-dead-letter-routing-key': 'one' };
      await opened().channel.assertQueue('q', { arguments: args });

      expect(
        await refused((c) =>
          c.assertQueue('q', { arguments: { ...args, 'x-dead-letter-routing-key': 'two' } }),
        ),
      ).to.equal(
        `406 PRECONDITION_FAILED - inequivalent arg 'x-dead-letter-routing-key' for ${queue}: received 'two' but current is 'one'`,
      );
    });

    it('by the first in an order of their own, where several differ', async () => {
      const { channel } = opened();
      await channel.assertQueue('q', { arguments: { 'x-queue-type': 'quorum' } });
      await channel.assertQueue('r', { arguments: { 'x-single-active-consumer': true } });
      const flag = "the value 'true' of type 'bool'";

      const other = { 'x-single-active-consumer': true };
      expect(await refused((c) => c.assertQueue('q', { arguments: other }))).to.contain(
        `inequivalent arg 'x-single-active-consumer' for ${queue}: received ${flag} but current is none`,
      );
      const prioritized = { 'x-max-priority': 4, 'x-max-length': 3 };
      expect(await refused((c) => c.assertQueue('r', { arguments: prioritized }))).to.contain(
        "inequivalent arg 'x-max-length' for queue 'r'",
      );
      expect(await refused((c) => c.assertQueue('r', { arguments: { 'x-max-priority': 4 } }))).to.contain(
        "inequivalent arg 'x-max-priority' for queue 'r'",
      );
    });

    it('by auto-delete', async () => {
      await opened().channel.assertQueue('q');
      expect(await refused((c) => c.assertQueue('q', { autoDelete: true }))).to.equal(
        `406 PRECONDITION_FAILED - inequivalent arg 'auto_delete' for ${queue}: received 'true' but current is 'false'`,
      );
    });

    it('by being exclusive', async () => {
      await opened().channel.assertQueue('q');
      expect(await refused((c) => c.assertQueue('q', { exclusive: true }))).to.match(
        /^405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost 'V'\. It could be/u,
      );
    });

    it('not by what no queue knows, by another way to write a number, or by the name of the default type', async () => {
      const { channel } = opened();
      await channel.assertQueue('q', { arguments: { 'x-message-ttl': 1000, 'x-mine': 1 } });
      await channel.assertQueue('q', {
        arguments: { 'x-message-ttl': 1000, 'x-mine': 2, 'x-queue-type': 'classic' },
      });
      await channel.assertQueue('q', { arguments: { 'x-message-ttl': 1000 } });
    });

    it('not by the durability of one that is exclusive', async () => {
      const { channel } = opened();
      await channel.assertQueue('q', { exclusive: true, durable: true });
      await channel.assertQueue('q', { exclusive: true, durable: false });
    });
  });

  describe('of an exchange are refused', () => {
    const options: Readonly<Record<string, readonly [object, string]>> = {
      durable: [{ durable: false }, "received 'false' but current is 'true'"],
      auto_delete: [{ autoDelete: true }, "received 'true' but current is 'false'"],
      internal: [{ internal: true }, "received 'true' but current is 'false'"],
      'alternate-exchange': [
        { alternateExchange: 'other' },
        "received the value 'other' of type 'longstr' but current is none",
      ],
    };
    for (const [name, [wanted, text]] of Object.entries(options)) {
      it(`that is there differently by ${name}`, async () => {
        await opened().channel.assertExchange('x', 'fanout');

        expect(await refused((c) => c.assertExchange('x', 'fanout', wanted))).to.equal(
          `406 PRECONDITION_FAILED - inequivalent arg '${name}' for exchange 'x' in vhost 'V': ${text}`,
        );
      });
    }

    const others: Readonly<Record<string, readonly [(c: Channel) => Promise<unknown>, string]>> = {
      'with a reserved name': [
        (c) => c.assertExchange('amq.mine', 'direct'),
        "403 ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*'",
      ],
      'that is the default one': [
        (c) => c.assertExchange('', 'direct'),
        '403 ACCESS_REFUSED - operation not permitted on the default exchange',
      ],
      'that is the default one, asked for': [
        (c) => c.checkExchange(''),
        '403 ACCESS_REFUSED - operation not permitted on the default exchange',
      ],
      'that is the default one, deleted': [
        (c) => c.deleteExchange(''),
        '403 ACCESS_REFUSED - operation not permitted on the default exchange',
      ],
      'that is the default one, bound to': [
        (c) => c.bindExchange('', 'amq.direct', 'k'),
        '403 ACCESS_REFUSED - operation not permitted on the default exchange',
      ],
      "that is the broker's own, deleted": [
        (c) => c.deleteExchange('amq.direct'),
        "403 ACCESS_REFUSED - deletion of system exchange 'amq.direct' in vhost 'V' not allowed",
      ],
      'with an alternate that is no name': [
        (c) => c.assertExchange('x', 'fanout', { arguments: { 'alternate-exchange': true } }),
        "406 PRECONDITION_FAILED - invalid type 'bool' for arg 'alternate-exchange' in exchange 'x' in vhost 'V'",
      ],
      'that is missing, bound from': [
        (c) => c.bindExchange('amq.fanout', 'none', 'k'),
        "404 NOT_FOUND - no exchange 'none' in vhost 'V'",
      ],
      'that is missing, bound to': [
        (c) => c.bindExchange('none', 'amq.fanout', 'k'),
        "404 NOT_FOUND - no exchange 'none' in vhost 'V'",
      ],
    };
    for (const [what, [how, text]] of Object.entries(others)) {
      it(what, async () => expect(await refused(how)).to.equal(text));
    }

    it('of an unknown type, with the connection', async () => {
      const raw = await RawClient.open(opened().subject.url);
      const { name, fields } = await raw.call('exchange.declare', { exchange: 'x', type: 'wheel' });
      raw.close();

      expect([name, fields.replyCode, fields.replyText]).to.deep.equal([
        'connection.close',
        503,
        "COMMAND_INVALID - unknown exchange type 'wheel'",
      ]);
    });
  });

  const queues: Readonly<Record<string, readonly [(c: Channel) => Promise<unknown>, string]>> = {
    'binding a queue that is missing': [
      (c) => c.bindQueue('none', 'amq.direct', 'k'),
      "404 NOT_FOUND - no queue 'none' in vhost 'V'",
    ],
    'binding to an exchange that is missing': [
      (c) => c.bindQueue('there', 'none', 'k'),
      "404 NOT_FOUND - no exchange 'none' in vhost 'V'",
    ],
    'purging a queue that is missing': [
      (c) => c.purgeQueue('none'),
      "404 NOT_FOUND - no queue 'none' in vhost 'V'",
    ],
    'consuming a queue that is missing': [
      (c) => c.consume('none', () => undefined),
      "404 NOT_FOUND - no queue 'none' in vhost 'V'",
    ],
    'a name the server once gave': [
      (c) => c.assertQueue('amq.gen-mine'),
      "403 ACCESS_REFUSED - queue name 'amq.gen-mine' contains reserved prefix 'amq.*'",
    ],
    'the last queue, before there was one': [
      (c) => c.get(''),
      '404 NOT_FOUND - no previously declared queue',
    ],
  };
  for (const [what, [how, text]] of Object.entries(queues)) {
    it(`${what}: ${text.slice(0, 3)}`, async () => {
      await opened().channel.assertQueue('there');
      expect(await refused(how)).to.equal(text);
    });
  }

  it("another connection's exclusive queue is out of reach in every way: 405", async () => {
    const other = await amqp.connect(opened().subject.url);
    const owner = await other.createChannel();
    await owner.assertQueue('mine', { exclusive: true });
    await owner.bindQueue('mine', 'amq.fanout', 'bound');
    const ways: ((c: Channel) => Promise<unknown>)[] = [
      (c) => c.assertQueue('mine', { exclusive: true }),
      (c) => c.assertQueue('mine'),
      (c) => c.checkQueue('mine'),
      (c) => c.get('mine'),
      (c) => c.consume('mine', () => undefined),
      (c) => c.purgeQueue('mine'),
      (c) => c.deleteQueue('mine'),
      (c) => c.bindQueue('mine', 'amq.direct', 'k'),
      (c) => c.unbindQueue('mine', 'amq.fanout', 'bound'),
    ];
    const answers = [];
    for (const way of ways) answers.push((await refused(way)).slice(0, 73));
    await other.close();

    expect(answers).to.deep.equal(
      ways.map(() => "405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'min"),
    );
  });
});
