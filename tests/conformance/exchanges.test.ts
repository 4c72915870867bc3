import { expect } from 'chai';

import { bind, bodies, contents, onEveryBroker, refusal, take } from './subjects.js';

onEveryBroker('exchanges route', (opened) => {
  async function publishAll(
    exchange: string,
    messages: Readonly<Record<string, { key?: string; headers?: object }>>,
  ): Promise<void> {
    const { channel } = opened();
    for (const [body, { key = '', headers }] of Object.entries(messages)) {
      channel.publish(exchange, key, Buffer.from(body), headers === undefined ? {} : { headers });
    }
    await channel.waitForConfirms();
  }

  describe('topics', () => {
    const patterns = [
      '#',
      '*',
      '',
      'a',
      '*.*',
      'a.#',
      '#.a',
      'a.*.b',
      'a.#.b',
      '#.#',
      '*.#',
      '..',
      'a..b',
      '*..*',
    ];
    const keys = ['', 'a', 'a.b', 'a.b.b', 'b.a', 'a..b', '.', '..', 'a.', '.a', 'a.x.y.b', '*', '#'];

    it('match every pattern against every key alike, empty words and literal wildcards too', async () => {
      const { channel } = opened();
      const queues = patterns.map((_, index) => `q${index}`);
      await bind(
        channel,
        Object.fromEntries(queues.map((queue, index) => [queue, ['amq.topic', patterns[index]!]])),
      );
      await publishAll('amq.topic', Object.fromEntries(keys.map((key) => [`<${key}>`, { key }])));

      const got = await contents(channel, queues);
      expect(
        Object.fromEntries(patterns.map((pattern, index) => [pattern, got[`q${index}`]?.join(' ')])),
      ).to.deep.equal({
        '#': '<> <a> <a.b> <a.b.b> <b.a> <a..b> <.> <..> <a.> <.a> <a.x.y.b> <*> <#>',
        '*': '<a> <*> <#>',
        '': '<>',
        a: '<a>',
        '*.*': '<a.b> <b.a> <.> <a.> <.a>',
        'a.#': '<a> <a.b> <a.b.b> <a..b> <a.> <a.x.y.b>',
        '#.a': '<a> <b.a> <.a>',
        'a.*.b': '<a.b.b> <a..b>',
        'a.#.b': '<a.b> <a.b.b> <a..b> <a.x.y.b>',
        '#.#': '<> <a> <a.b> <a.b.b> <b.a> <a..b> <.> <..> <a.> <.a> <a.x.y.b> <*> <#>',
        '*.#': '<a> <a.b> <a.b.b> <b.a> <a..b> <.> <..> <a.> <.a> <a.x.y.b> <*> <#>',
        '..': '<..>',
        'a..b': '<a..b>',
        '*..*': '<a..b> <..>',
      });
    });
  });

  describe('headers', () => {
    it('count none, one or all of them, those with x- only where that is asked for', async () => {
      const { channel } = opened();
      const specs = {
        none: {},
        'all of none': { 'x-match': 'all' },
        'any of none': { 'x-match': 'any' },
        all: { 'x-match': 'all', a: 1, 'x-b': 2 },
        any: { 'x-match': 'any', a: 1, 'x-b': 2 },
        'all with x': { 'x-match': 'all-with-x', a: 1, 'x-b': 2 },
        'any with x': { 'x-match': 'any-with-x', a: 1, 'x-b': 2 },
        present: { a: null },
        'text is no number': { a: '1' },
      };
      await channel.assertExchange('h', 'headers');
      await bind(
        channel,
        Object.fromEntries(Object.entries(specs).map(([name, args]) => [name, ['h', '', args]])),
      );
      await publishAll('h', {
        bare: {},
        a: { headers: { a: 1 } },
        a2: { headers: { a: 2 } },
        x: { headers: { 'x-b': 2 } },
        both: { headers: { a: 1, 'x-b': 2, c: 3 } },
      });

      expect(await contents(channel, Object.keys(specs))).to.deep.equal({
        none: ['bare', 'a', 'a2', 'x', 'both'],
        'all of none': ['bare', 'a', 'a2', 'x', 'both'],
        'any of none': [],
        all: ['a', 'both'],
        any: ['a', 'both'],
        'all with x': ['both'],
        'any with x': ['a', 'x', 'both'],
        present: ['a', 'a2', 'both'],
        'text is no number': [],
      });
    });

    for (const match of ['some', 5]) {
      it(`refuse x-match ${match}`, async () => {
        const { channel, connection } = opened();
        await channel.assertQueue('q');

        const { code, text } = await refusal(connection, (c) =>
          c.bindQueue('q', 'amq.headers', '', { 'x-match': match }),
        );

        expect(`${code} ${text}`).to.equal(
          match === 'some'
            ? '406 PRECONDITION_FAILED - Invalid x-match field value <<"some">>; expected all, any, all-with-x, or any-with-x'
            : '406 PRECONDITION_FAILED - Invalid x-match field type number (value 5); expected longstr',
        );
      });
    }
  });

  describe('alternates', () => {
    it('are asked one after the other, in a circle only once', async () => {
      const { channel } = opened();
      for (const [name, alternate] of Object.entries({ one: 'two', two: 'three', three: 'one' })) {
        await channel.assertExchange(name, 'direct', { alternateExchange: alternate });
      }
      await bind(channel, { q1: ['one', 'a'], q3: ['three', 'c'] });
      await publishAll('one', { a: { key: 'a' }, c: { key: 'c' }, nowhere: { key: 'n' } });

      expect(await contents(channel, ['q1', 'q3'])).to.deep.equal({ q1: ['a'], q3: ['c'] });
    });

    it('may be missing, and then nothing takes the message', async () => {
      const { channel } = opened();
      await channel.assertExchange('one', 'direct', { alternateExchange: 'gone' });
      const returned: string[] = [];
      channel.on('return', ({ fields }) =>
        returned.push((fields as unknown as { replyText: string }).replyText),
      );
      channel.publish('one', 'k', Buffer.from('x'), { mandatory: true });
      await channel.waitForConfirms();

      expect(returned).to.deep.equal(['NO_ROUTE']);
    });
  });

  describe('copies', () => {
    it('go where CC and BCC say, each queue once, and BCC is not shown', async () => {
      const { channel } = opened();
      for (const queue of ['a', 'b', 'c']) await channel.assertQueue(queue);
      channel.sendToQueue('a', Buffer.from('x'), { headers: { CC: ['b', 'a'], BCC: ['c'], other: 1 } });
      await channel.waitForConfirms();

      const messages = await Promise.all(
        ['a', 'b', 'c'].map((queue) => take(channel, queue, { noAck: true })),
      );
      expect(messages.map(({ properties, fields }) => [fields.routingKey, properties.headers])).to.deep.equal(
        Array.from({ length: 3 }, () => ['a', { CC: ['b', 'a'], other: 1 }]),
      );
      expect(await bodies(channel, 'a')).to.deep.equal([]);
    });

    it('are refused when they are no list', async () => {
      const { connection } = opened();
      const { code, text } = await refusal(connection, (c) => {
        c.sendToQueue('a', Buffer.from('x'), { headers: { CC: 'b' } });
        return Promise.resolve();
      });

      expect(`${code} ${text}`).to.equal(
        '406 PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,"CC",longstr}',
      );
    });
  });

  describe('bindings', () => {
    it('between exchanges end where they are unbound, by key and arguments', async () => {
      const { channel } = opened();
      await channel.assertExchange('from', 'direct');
      await channel.assertExchange('to', 'fanout');
      await bind(channel, { q: ['to', ''] });
      await channel.bindExchange('to', 'from', 'k', { a: 1, b: 2 });
      await channel.unbindExchange('to', 'from', 'k');
      await publishAll('from', { still: { key: 'k' } });
      await channel.unbindExchange('to', 'from', 'k', { b: 2, a: 1 });
      await publishAll('from', { no: { key: 'k' } });

      expect(await bodies(channel, 'q')).to.deep.equal(['still']);
    });

    it('may be undone that never were', async () => {
      const { channel } = opened();
      await channel.assertQueue('q');
      await channel.unbindQueue('q', 'amq.direct', 'never');
      await channel.assertExchange('x', 'fanout');
      await channel.unbindExchange('x', 'amq.direct', 'never');
      await channel.unbindQueue('no queue', 'amq.direct', 'never');
      await channel.unbindExchange('x', 'no exchange', 'never');
    });

    it('in a circle carry a message once', async () => {
      const { channel } = opened();
      for (const name of ['one', 'two']) await channel.assertExchange(name, 'fanout');
      await channel.bindExchange('one', 'two', '');
      await channel.bindExchange('two', 'one', '');
      await bind(channel, { q: ['two', ''] });
      await publishAll('one', { x: {} });

      expect(await bodies(channel, 'q')).to.deep.equal(['x']);
    });
  });

  describe('lifetimes', () => {
    it('end an auto-delete exchange with its last binding, not before it had one', async () => {
      const { channel, connection } = opened();
      await channel.assertExchange('auto', 'fanout', { autoDelete: true });
      await channel.checkExchange('auto');
      await bind(channel, { q: ['auto', ''] });
      await channel.unbindQueue('q', 'auto', '');

      const { code } = await refusal(connection, (c) => c.checkExchange('auto'));
      expect(code).to.equal(404);
    });

    it('end it with the queue that was bound to it, too', async () => {
      const { channel, connection } = opened();
      await channel.assertExchange('auto', 'fanout', { autoDelete: true });
      await bind(channel, { q: ['auto', ''] });
      await channel.deleteQueue('q');

      const { code } = await refusal(connection, (c) => c.checkExchange('auto'));
      expect(code).to.equal(404);
    });

    it('leave an exchange alone that is bound, when only an unused one was to go', async () => {
      const { channel, connection } = opened();
      await channel.assertExchange('used', 'fanout');
      await bind(channel, { q: ['used', ''] });

      const { code, text } = await refusal(connection, (c) => c.deleteExchange('used', { ifUnused: true }));
      expect(`${code} ${text}`).to.equal("406 PRECONDITION_FAILED - exchange 'used' in vhost 'V' in use");
      await channel.unbindQueue('q', 'used', '');
      await channel.deleteExchange('used', { ifUnused: true });
    });

    it('do not count bindings to it as use', async () => {
      const { channel } = opened();
      await channel.assertExchange('source', 'fanout');
      await channel.assertExchange('target', 'fanout');
      await channel.bindExchange('target', 'source', '');
      await channel.deleteExchange('target', { ifUnused: true });
      await channel.deleteExchange('source', { ifUnused: true });
      await channel.deleteExchange('never there');
    });
  });
});
